"""Checks for the exercises of notebook 02."""

import math

import numpy as np
import tifffile
from dask import is_dask_collection
from scipy import ndimage

from segkit import data
from segkit.check import array_fault, computed, exercise, number

SIGMA, TRUNCATE = (0, 1.2, 3), 4
COMPUTED = "it has been computed: keep it a lazy Dask array, without compute()."


def _frames(count):
    """Return the first frames of the data set in use, as the notebook reads them."""
    return np.stack([tifffile.imread(path) for path in data.images(data.locate())[:count]])


def _not_lazy(answer):
    """Say what an answer is that is no Dask collection."""
    if isinstance(answer, np.ndarray):
        return COMPUTED
    return f"a lazy Dask array is asked for, and this is a {type(answer).__name__}."


def _apart(left, right):
    """Return the largest difference of two arrays."""
    return float(np.abs(left - right).max())


@exercise
def depth(answer):
    """Overlap that a Gaussian of sigma (0, 1.2, 3) needs along each axis: three whole numbers."""
    if np.ndim(answer) == 0 and not isinstance(answer, dict):
        return f"three numbers are asked for, and this is a {type(answer).__name__}."
    if isinstance(answer, dict):
        answer = [answer[axis] for axis in sorted(answer)]
    answer = tuple(number(one) for one in answer)
    expected = tuple(math.ceil(TRUNCATE * sigma) for sigma in SIGMA)
    if answer == expected:
        return None
    if len(answer) != len(expected):
        return f"the {len(expected)} axes need a number each; here are {len(answer)}."
    if answer[0]:
        return "along the frames sigma is 0: think what the filter needs from the frames beside."
    if answer == tuple(math.ceil(sigma) for sigma in SIGMA):
        return "that is sigma itself: the bell reaches further, to where it is cut off."
    if answer[-1] in (2 * expected[-1], 2 * expected[-1] + 1):
        return "that is the whole width of the bell: depth counts the pixels on one side."
    if answer == tuple(math.floor(TRUNCATE * sigma) for sigma in SIGMA):
        return "a bell that reaches into a pixel needs the whole of it: round the other way."
    if any(one % 1 for one in answer):
        return "depth counts whole pixels: round up."
    if all(one >= least for one, least in zip(answer, expected, strict=True)):
        return "that is deeper than needed: 4 sigma, rounded up to the next whole pixel, is enough."
    return "the bell is cut off at 4 sigma, on either side."


@exercise
def float_blur(answer):
    """First three frames as float32, blurred with sigma 2 within each frame, still lazy."""
    frames = _frames(3)
    if not is_dask_collection(answer):
        return _not_lazy(answer)
    if answer.shape != frames.shape:
        return array_fault(answer, frames)
    if answer.dtype.kind != "f":
        return f"the values are {answer.dtype}: the fractions are cut off. Convert to float first."
    if answer.dtype != np.float32:
        if answer.dtype == "float16":
            return "float16 keeps 3 digits, too few for the 12 bits of a grey level."
        return f"the values are {answer.dtype}: half of that memory is enough."
    answer = computed(answer)
    expected = ndimage.gaussian_filter(frames.astype("float32"), [0, 2, 2])
    if _apart(answer, expected) < 0.01:
        return None
    inside = np.s_[:, 2 * TRUNCATE : -2 * TRUNCATE, 2 * TRUNCATE : -2 * TRUNCATE]
    if _apart(answer[inside], expected[inside]) < 0.01:
        return "the values at the rim of the frame differ: leave mode as it is."
    if _apart(answer, ndimage.gaussian_filter(frames.astype("f4"), [0, 2, 2], truncate=3)) < 0.01:
        return "the bell is cut off at 3 sigma: leave truncate as it is."
    if _apart(answer, ndimage.gaussian_filter(frames, [0, 2, 2])) < 0.01:
        return "all values are whole: the blur cut the fractions off before the conversion."
    if _apart(answer, frames) < 0.01:
        return "the frames are converted, and not blurred."
    for sigma in ([0, 1, 1], [0, 2, 0], [0, 0, 2]):
        if _apart(answer, ndimage.gaussian_filter(frames.astype("float32"), sigma)) < 0.01:
            return f"sigma seems to be {sigma}: the task asks for 2 along the rows and the columns."
    for mixed in (frames, _frames(3 + TRUNCATE * 2)):  # alone, or with all the frames in reach
        if _apart(answer, ndimage.gaussian_filter(mixed.astype("float32"), 2)[:3]) < 1:
            return "the frames are blurred into each other: does the frame axis have sigma 0?"
    return array_fault(answer, expected, rtol=1e-4)


@exercise
def seamless_median(answer):
    """First frame in four chunks, median of 5 x 5 pixels, the same as for the whole frame."""
    frame = _frames(1)[0]
    if not is_dask_collection(answer):
        return _not_lazy(answer)
    if answer.shape == frame.shape and answer.numblocks != (2, 2):
        return f"the chunks are {answer.numblocks}, rows by columns: keep the four pieces."
    expected = ndimage.median_filter(frame, size=5)
    values = computed(answer)
    fault = array_fault(values, expected)
    if fault is None or answer.shape != frame.shape:
        return fault
    if values.shape != frame.shape:
        return f"{fault} The overlap was not cut off again: what does trim say?"
    differs = values != expected
    edge = np.ones_like(differs)
    edge[2:-2, 2:-2] = False
    seam = np.zeros_like(differs)
    for axis, chunks in enumerate(answer.chunks):
        for border in np.cumsum(chunks)[:-1]:
            seam.swapaxes(0, axis)[border - 2 : border + 2] = True
    if not (differs & ~seam).any():
        return f"{fault} All lie beside a border between chunks: what does depth say?"
    if not (differs & ~edge).any():
        return f"{fault} All lie at the rim of the frame: what does boundary say?"
    if not (differs & ~edge & ~seam).any():
        return f"{fault} All lie at the rim and beside borders of chunks: depth and boundary."
    return f"{fault} They are everywhere: is it the median, of 5 x 5 pixels, of the frame itself?"
