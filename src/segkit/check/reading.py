"""Checks for notebook 01: lazy arrays of the frames in use, and how many files they read."""

import dask
import dask.array as da
import numpy as np

from segkit import check


@check.exercise
def files_read(steps, one_pixel, rechunked):
    """Check how many files images[4:12:2], images[:, 0, 0] and a slice of chunks read."""
    files = check.paths(None)
    step = "images[4:12:2] does not read that many files; the third number of the slice is a step."
    other_steps = "images[4:12:2] does not read that many files; list its frames."
    pixel = "from how many frames is a pixel taken, and what is a chunk here?"
    mistakes = [
        (2, "2 frames are asked for, but a chunk is made as a whole or not at all."),
        (10, "which chunk holds frame 9, and which one holds frame 10?"),
    ]
    other_chunks = "find the chunks of 10 frames that are needed, and count their files."
    return (
        check.recognise(steps, len(files[4:12:2]), [(8, step)], other_steps, name="steps")
        or check.recognise(one_pixel, len(files), [], pixel, name="one_pixel")
        or check.recognise(rechunked, len(files[:20]), mistakes, other_chunks, name="rechunked")
    )


@check.exercise
def every_second(answer):
    """Check the lazy stack of every second frame, five frames per chunk."""
    check.expect_lazy(answer)
    images = check.lazy_frames()
    expected, others = images[::2].rechunk({0: 5}), images[1::2]
    if answer.ndim != 3 or answer.shape[1:] != expected.shape[1:]:
        return f"whole frames are asked for: the shape is {answer.shape}."
    if len(answer) != len(expected):
        wanted = f"every second one of {len(images)} makes {len(expected)}"
        return f"{len(answer)} frames, where {wanted}."
    if answer.numblocks[1:] != (1, 1):
        return f"frames are cut into pieces: numblocks is {answer.numblocks}; rechunk axis 0 only."
    sizes = answer.chunks[0]
    if sizes != expected.chunks[0]:
        cause = " Were the frames rechunked before they were chosen?" if 1 < max(sizes) < 5 else ""
        return f"the first chunks hold {sizes[:3]} frames, and 5 each were asked for.{cause}"
    corners = (stack[:, :40, :40] for stack in (answer, expected, others))
    answer, expected, others = dask.compute(*corners)
    mistakes = [(others, "these are the frames 1, 3, 5 ...: start with frame 0.")]
    otherwise = "the shape is right, but other frames are in it: 0, 2, 4 ... are asked for."
    return check.recognise(answer, expected, mistakes, otherwise)


@check.exercise
def brightest(answer):
    """Check the largest grey level of each frame, as a computed array."""
    if isinstance(answer, da.Array):
        return f"it is still lazy, a Dask array of shape {answer.shape}: compute it."
    answer, images = check.computed(answer), check.lazy_frames()
    right, over_frames = dask.compute(images.max(axis=(1, 2)), images.max(axis=0))
    if answer.ndim == 0:
        return "this is one value for the whole stack: keep the frame axis, axis 0."
    if answer.shape == over_frames.shape:
        return "this is an image, the maximum over the frames: take it over the other two axes."
    check.expect_shape(answer, right.shape)
    wrong = np.flatnonzero(answer != right)
    if wrong.size:
        other = f"{wrong.size} of {right.size} values are not the maximum of their frame"
        return f"{other}: look at frame {wrong[0]}."
    return None
