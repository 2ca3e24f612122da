"""Checks for notebook 01: lazy arrays of the frames in use, and how many files they read."""

import dask
import dask.array as da
import numpy as np

from segkit import check


def _programs(read):
    """Return the three expressions of the exercise."""
    images = check.lazy_frames(read)
    return [images[4:12:2]], [images[:, 0, 0]], [images.rechunk({0: 10})[9:11]]


@check.exercise
def files_read(steps, one_pixel, rechunked):
    """Check how many files images[4:12:2], images[:, 0, 0] and a slice of chunks read."""
    steps = check.number(steps, "steps")
    one_pixel = check.number(one_pixel, "one_pixel")
    rechunked = check.number(rechunked, "rechunked")
    right_steps, right_pixel, right_rechunked = check.reads(_programs)
    if steps != right_steps:
        step = "the third number of the slice is a step" if steps == 8 else "list its frames"
        return f"steps: images[4:12:2] does not read that many files; {step}."
    if one_pixel != right_pixel:
        return "one_pixel: from how many frames is a pixel taken, and what is a chunk here?"
    if rechunked != right_rechunked:
        hints = {
            2: "2 frames are asked for, but a chunk is made as a whole or not at all.",
            10: "which chunk holds frame 9, and which one holds frame 10?",
        }
        otherwise = "find the chunks of 10 frames that are needed, and count their files."
        return f"rechunked: {hints.get(rechunked, otherwise)}"
    return None


@check.exercise
def every_second(answer):
    """Check the lazy stack of every second frame, five frames per chunk."""
    check.expect_lazy(answer)
    images = check.lazy_frames()
    expected, others = images[::2], images[1::2]
    if answer.ndim != 3 or answer.shape[1:] != expected.shape[1:]:
        return f"whole frames are asked for: the shape is {answer.shape}."
    if len(answer) != len(expected):
        wanted = f"every second one of {len(images)} makes {len(expected)}"
        return f"{len(answer)} frames, where {wanted}."
    if answer.numblocks[1:] != (1, 1):
        return f"frames are cut into pieces: numblocks is {answer.numblocks}; rechunk axis 0 only."
    sizes = answer.chunks[0]
    if max(sizes) != 5 or set(sizes[:-1]) - {5}:
        cause = " Were the frames rechunked before they were chosen?" if 1 < max(sizes) < 5 else ""
        return f"the first chunks hold {sizes[:3]} frames, and 5 each were asked for.{cause}"
    corners = (stack[:, :40, :40] for stack in (answer, expected, others))
    answer, expected, others = dask.compute(*corners)
    if np.array_equal(answer, expected):
        return None
    if np.array_equal(answer, others):
        return "these are the frames 1, 3, 5 ...: start with frame 0."
    return "the shape is right, but other frames are in it: 0, 2, 4 ... are asked for."


@check.exercise
def brightest(answer):
    """Check the largest grey level of each frame, as a computed array."""
    if isinstance(answer, da.Array):
        return f"it is still lazy, a Dask array of shape {answer.shape}: compute it."
    answer, images = np.asarray(answer), check.lazy_frames()
    count, *size = images.shape
    if answer.ndim == 0:
        return "this is one value for the whole stack: keep the frame axis, axis 0."
    if list(answer.shape) == size:
        return "this is an image, the maximum over the frames: take it over the other two axes."
    if answer.shape != (count,):
        wanted = f"one value for each of {count} frames was expected"
        return f"the shape is {answer.shape}, and {wanted}."
    wrong = np.flatnonzero(answer != images.max(axis=(1, 2)).compute())
    if wrong.size:
        other = f"{wrong.size} of {count} values are not the maximum of their frame"
        return f"{other}: look at frame {wrong[0]}."
    return None
