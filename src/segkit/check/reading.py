"""Checks for notebook 01: lazy arrays of the frames in use, and how many files they read."""

import dask
import dask.array as da

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
def brightest(answer):
    """Check the largest grey level of each frame, as a computed array."""
    if isinstance(answer, da.Array):
        return f"it is still lazy, a Dask array of shape {answer.shape}: compute it."
    images = check.lazy_frames()
    right, means, over_frames = dask.compute(
        images.max(axis=(1, 2)), images.mean(axis=(1, 2)), images.max(axis=0)
    )
    mistakes = [
        (means, "this is the mean of each frame: the largest value is asked for."),
        (right.max(), "this is one value for all frames: take it over the axes 1 and 2 only."),
        (over_frames, "this is the maximum over the frames: take it over the other two axes."),
    ]
    otherwise = "these are not the largest grey levels of the frames."
    return check.recognise(answer, right, mistakes, otherwise)
