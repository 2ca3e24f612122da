"""Checks for notebook 01: lazy arrays of the frames in use, and how many files they read."""

import dask
import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread

from segkit import data
from segkit.check import NotYetError, exercise, number


def _stack(read=tifffile.imread):
    """Return the frames in use as a lazy stack, one frame a chunk."""
    return imread(str(data.locate() / "images" / "*.tif"), imread=read)


def _files_read():
    """Return how many files each of the three expressions of the exercise reads."""
    opened = []

    def counting(path):
        opened.append(path)
        return tifffile.imread(path)

    images = _stack(counting)
    counts = []
    for lazy in (images[4:12:2], images[:, 0, 0], images.rechunk({0: 10})[9:11]):
        opened.clear()
        lazy.compute()
        counts.append(len(opened))
    return counts


@exercise
def files_read(steps, one_pixel, rechunked):
    """Check how many files images[4:12:2], images[:, 0, 0] and a slice of chunks read."""
    answers = {"steps": steps, "one_pixel": one_pixel, "rechunked": rechunked}
    for name, answer in answers.items():
        try:
            number(answer)
        except NotYetError as error:
            return f"{name}: {error}"
    right_steps, right_pixel, right_rechunked = _files_read()
    if steps != right_steps:
        step = "the third number of the slice is a step" if steps == 8 else "list its frames"
        return f"steps: images[4:12:2] does not read that many files; {step}."
    if one_pixel != right_pixel:
        return "one_pixel: from how many frames is a pixel taken, and what is a chunk here?"
    if rechunked != right_rechunked:
        if rechunked == 2:
            return (
                "rechunked: 2 frames are asked for, but a chunk is made as a whole or not at all."
            )
        if rechunked == 10:
            return "rechunked: which chunk holds frame 9, and which one holds frame 10?"
        return "rechunked: find the chunks of 10 frames that are needed, and count their files."
    return None


@exercise
def every_second(answer):
    """Check the lazy stack of every second frame, five frames a chunk."""
    if not isinstance(answer, da.Array):
        return f"a Dask array is asked for, not computed yet; this is a {type(answer).__name__}."
    expected = _stack()[::2]
    if answer.ndim != 3 or answer.shape[1:] != expected.shape[1:]:
        return f"whole frames are asked for: the shape is {answer.shape}."
    if len(answer) != len(expected):
        wanted = f"every second one of {len(_stack())} makes {len(expected)}"
        return f"{len(answer)} frames, where {wanted}."
    if answer.numblocks[1:] != (1, 1):
        return f"frames are cut into pieces: numblocks is {answer.numblocks}; rechunk axis 0 only."
    sizes = answer.chunks[0]
    if max(sizes) != 5 or set(sizes[:-1]) - {5}:
        cause = " Were the frames rechunked before they were chosen?" if 1 < max(sizes) < 5 else ""
        return f"the first chunks hold {sizes[:3]} frames, and 5 each were asked for.{cause}"
    corner = (slice(None), slice(0, 40), slice(0, 40))
    answer, expected, others = dask.compute(
        answer[corner], expected[corner], _stack()[1::2][corner]
    )
    if np.array_equal(answer, expected):
        return None
    if np.array_equal(answer, others):
        return "these are the frames 1, 3, 5 ...: start with frame 0."
    return "the shape is right, but other frames are in it: 0, 2, 4 ... are asked for."


@exercise
def brightest(answer):
    """Check the largest grey level of each frame, as a computed array."""
    if isinstance(answer, da.Array):
        return f"it is still lazy, a Dask array of shape {answer.shape}: compute it."
    answer, images = np.asarray(answer), _stack()
    frames, *size = images.shape
    if answer.ndim == 0:
        return "this is one value for the whole stack: keep the frame axis, axis 0."
    if list(answer.shape) == size:
        return "this is an image, the maximum over the frames: take it over the other two axes."
    if answer.shape != (frames,):
        return (
            f"the shape is {answer.shape}, and one value for each of {frames} frames was expected."
        )
    expected = images.max(axis=(1, 2)).compute()
    if np.array_equal(answer, expected):
        return None
    differ = np.flatnonzero(answer != expected)
    return f"{len(differ)} of {frames} values are no maximum, the first that of frame {differ[0]}."
