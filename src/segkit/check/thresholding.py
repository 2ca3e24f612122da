"""Checks for notebook 03: local thresholds, levels of each frame, and an empty frame."""

import functools
import math

import dask.array as da
import numpy as np
import tifffile
from dask_image import ndfilters
from scipy import ndimage
from skimage.filters import threshold_li, threshold_otsu
from skimage.io import imread

from segkit import check, data
from segkit.frame import local_threshold, smooth

WINDOW = 201
STRAY, KEPT = 0.001, 0.97  # of an empty frame at most, of the nuclei at least


def _first_three():
    """Return the first three frames as read, and smoothed as in the notebook."""
    raw = check.frames(3)
    return raw, ndimage.gaussian_filter(raw, [0, 1, 1])


def _local(stack, *block_size):
    """Return the local threshold with a window of that size."""
    sigma = [(size - 1) / 6 for size in block_size]
    return ndimage.gaussian_filter(stack.astype(float), sigma)


def _of_no_frame():
    """Return the lazy threshold with a window of 0 frames. Its values are those of one frame."""
    smoothed = ndfilters.gaussian_filter(check.lazy_frames(), sigma=[0, 1, 1])[:3]
    return ndfilters.threshold_local(smoothed, (0, WINDOW, WINDOW))


@functools.cache
def _empty(paths):
    """Return the number of the frame that the notebook calls empty: Otsu's lowest level."""
    return np.argmin([threshold_otsu(smooth(tifffile.imread(path))) for path in paths])


@check.exercise
def window(answer):
    """Check the local threshold of the first three frames, with windows of 201 x 201 pixels."""
    if isinstance(answer, da.Array) and answer.name == _of_no_frame().name:
        return "a window of 0 frames does not hold the pixel itself: the frame alone is 1."
    raw, smoothed = _first_three()
    expected, answer = _local(smoothed, 1, WINDOW, WINDOW), check.computed(answer)
    if answer.dtype == bool:
        return "that is a mask: the threshold itself is asked for, a grey level for each pixel."
    check.expect_shape(answer, expected.shape)
    as_read, mixed = _local(raw, 1, WINDOW, WINDOW), _local(smoothed, 3, WINDOW, WINDOW)
    sigma = _local(smoothed, 1, 6 * WINDOW + 1, 6 * WINDOW + 1)
    mistakes = [
        (as_read, "that is the threshold of the frames as read: give it the smoothed ones."),
        (mixed, "the window reaches into the neighbouring frames: what is its size along axis 0?"),
        (sigma, "there 201 is sigma: block_size is the whole window, six times as wide and more."),
        (_local(smoothed, 1, *smoothed.shape[1:]), "the window is still the whole frame."),
    ]
    side = "smaller" if answer.std() > expected.std() else "larger"
    hint = check.difference(answer, expected, rtol=1e-6)
    otherwise = f"{hint} Is the window {side} than {WINDOW} x {WINDOW} pixels?"
    return check.recognise(answer, expected, mistakes, otherwise, rtol=0, atol=1e-3)


def _levels(level, stack):
    """Return the level of each frame, to compare with the stack."""
    return np.array([level(one) for one in stack])[:, None, None]


@check.exercise
def li_mask(answer):
    """Check the mask of the first three smoothed frames: above the Li threshold of each frame."""
    raw, smoothed = _first_three()
    hint = "Does the function for map_blocks return an array of 1 x 1 x 1?"
    answer = check.computed(answer, hint=hint)
    check.expect_shape(answer, smoothed.shape)
    if answer.dtype != bool:
        return f"a mask holds True and False, and this holds {answer.dtype}: compare the levels."
    li = _levels(threshold_li, smoothed)
    as_read = "made from the frames as read: take the smoothed ones."
    mistakes = [
        (smoothed <= li, "foreground and background are exchanged."),
        (smoothed > _levels(threshold_otsu, smoothed), "those are the masks of Otsu's levels."),
        (smoothed > threshold_li(smoothed), "one level for all: each frame needs its own."),
        (raw > li, as_read),
        (raw > _levels(threshold_li, raw), as_read),
    ]
    return check.recognise(answer, smoothed > li, mistakes)


@check.exercise
def raised(answer):
    """Check masks of the first frame and the empty one, above a raised local threshold."""
    files, truths = check.paths(None), data.masks(data.locate())
    numbers = 0, _empty(tuple(files))
    smoothed = [smooth(tifffile.imread(files[number])) for number in numbers]
    above = np.stack([image - local_threshold(image) for image in smoothed])
    nuclei, of_empty = (imread(truths[number])[..., 0] > 0 for number in numbers)
    answer = check.computed(answer)
    check.expect_shape(answer, above.shape)
    if answer.dtype != bool:
        return f"this holds {answer.dtype}, a mask True and False: compare smoothed with it."
    if above[~answer].max(initial=-np.inf) > above[answer].min(initial=np.inf) + 1e-6:
        return "that is not threshold[[0, empty]] with one number added to all of it."
    if (answer & (above < -1e-6)).any():
        return "that lowers the threshold: it has to rise."
    if of_empty.any():
        print("No frame in use is empty: only the nuclei of frame 0 are looked at.")
    elif (stray := answer[1].mean()) > STRAY:
        return f"{stray:.2%} of the empty frame is still foreground: raise the threshold further."
    kept = (answer[0] & nuclei).sum() / ((above[0] > 0) & nuclei).sum()
    if kept < KEPT:
        percent = math.floor(1000 * kept) / 10  # never rounded up to what is asked for
        left = f"{percent:.1f} % of the nuclei's pixels in frame 0 are left"
        return f"too high: {left}, and at least {100 * KEPT:.0f} % were asked for."
    return None
