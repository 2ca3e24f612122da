"""Checks for the exercises of notebook 03."""

import math
from contextlib import suppress

import dask.array.image
import numpy as np
import tifffile
from dask_image import ndfilters
from scipy import ndimage
from skimage.filters import threshold_li, threshold_otsu
from skimage.io import imread

from segkit import data
from segkit.check import array_fault, computed, exercise, number
from segkit.frame import local_threshold

WINDOW = 201
STRAY, KEPT = 0.001, 0.97  # of an empty frame at most, of the nuclei at least


def _read(index):
    """Return a frame as read, and where its true nuclei are."""
    folder = data.locate()
    truth = imread(data.masks(folder)[index])[..., 0] > 0
    return tifffile.imread(data.images(folder)[index]), truth


def _frames():
    """Return the first three frames as read, and smoothed as in the notebook."""
    frames = np.stack([_read(index)[0] for index in range(3)])
    return frames, ndimage.gaussian_filter(frames, [0, 1, 1])


def _wide(frames, *block_size):
    """Return the local threshold with a window of that size."""
    sigma = [(size - 1) / 6 for size in block_size]
    return ndimage.gaussian_filter(frames.astype(float), sigma)


def _without_a_pixel(frames):
    """Return the name of the lazy threshold with a window of no frame at all.

    Its values are those of one frame: dask-image leaves an axis out whose sigma is negative.
    """
    pattern = str(data.locate() / "images" / "*.tif")
    images = dask.array.image.imread(pattern, imread=tifffile.imread)
    smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])[: len(frames)]
    with suppress(ValueError):  # frames smaller than the window
        return ndfilters.threshold_local(smoothed, (0, WINDOW, WINDOW)).name
    return None


def _empty():
    """Return the smoothed frame without a nucleus that the notebook shows: Otsu's lowest.

    The masks of the test split stay closed. None if no frame in use is empty.
    """
    folder = data.locate()
    open_to_all = {*data.split(folder, "training"), *data.split(folder, "validation")}
    masks = [pair for pair in enumerate(data.masks(folder)) if pair[1].stem in open_to_all]
    empty = [index for index, mask in masks if not imread(mask)[..., 0].any()]
    frames = [ndimage.gaussian_filter(_read(index)[0], 1) for index in empty]
    return min(frames, key=threshold_otsu, default=None)


@exercise
def window(answer):
    """Local threshold of the first three smoothed frames, with windows of 201 x 201 pixels."""
    raw, frames = _frames()
    name, answer = getattr(answer, "name", None), computed(answer)
    if answer.shape != frames.shape:
        return array_fault(answer, frames)
    if answer.dtype == bool:
        return "that is a mask: the threshold itself is asked for, a grey level for each pixel."

    def equal(other):
        return np.abs(answer - other).max() < 0.5

    expected = _wide(frames, 1, WINDOW, WINDOW)
    if np.abs(answer - expected).max() < 1e-3:
        if name is not None and name == _without_a_pixel(frames):
            return "a window of 0 frames does not hold the pixel itself: the frame alone is 1."
        return None
    if equal(_wide(raw, 1, WINDOW, WINDOW)):
        return "that is the threshold of the frames as read: give it the smoothed ones."
    if equal(_wide(frames, 3, WINDOW, WINDOW)):
        return "the window reaches into the neighbouring frames: what is its size along axis 0?"
    if equal(local_threshold(frames, sigma=WINDOW)):
        return "there 201 is sigma: block_size is the whole window, six times as wide and more."
    if equal(local_threshold(frames)):
        return "the window is still the whole frame."
    fault = array_fault(answer, expected, rtol=1e-6)
    side = "smaller" if answer.std() > expected.std() else "larger"
    return f"{fault} Is the window {side} than {WINDOW} x {WINDOW} pixels?"


def _otsu_and_li(frames):
    """Return both levels of each frame, to compare with a stack."""
    return [
        np.array([level(frame) for frame in frames])[:, None, None]
        for level in (threshold_otsu, threshold_li)
    ]


@exercise
def li_mask(answer):
    """Mask of the first three smoothed frames: above the Li threshold of each frame."""
    raw, frames = _frames()
    answer = computed(answer, hint="Does the function for map_blocks return an array of 1 x 1 x 1?")
    if answer.shape != frames.shape:
        return array_fault(answer, frames)
    if answer.dtype != bool:
        return f"a mask holds True and False, and this holds {answer.dtype}: compare the levels."
    otsu, li = _otsu_and_li(frames)
    if np.array_equal(answer, frames > li):
        return None
    as_read = "made from the frames as read: take the smoothed ones."
    known = [
        ("foreground and background are exchanged.", frames <= li),
        ("those are the masks of Otsu's levels.", frames > otsu),
        ("one level for all: each frame needs its own.", frames > threshold_li(frames)),
        (as_read, raw > li),
        (as_read, raw > _otsu_and_li(raw)[1]),
    ]
    for fault, mask in known:
        if np.array_equal(answer, mask):
            return fault
    return array_fault(answer, frames > li)


@exercise
def offset(answer):
    """Offset of the frame-wide local threshold that keeps an empty frame nearly empty."""
    answer = number(answer)
    if answer > 0:
        return "dask-image subtracts the offset from the threshold: this one lowers it."
    empty = _empty()
    if empty is None:
        print("No frame in use is empty: only the nuclei of frame 0 are looked at.")
    elif (stray := (empty > local_threshold(empty) - answer).mean()) > STRAY:
        return f"{stray:.2%} of the empty frame is still foreground: raise the threshold further."
    frame, truth = _read(0)
    frame = ndimage.gaussian_filter(frame, 1)
    local = _wide(frame, *frame.shape)
    kept = (frame > local - answer)[truth].sum() / (frame > local)[truth].sum()
    if kept < KEPT:
        percent = math.floor(1000 * kept) / 10  # never rounded up to what is asked for
        return (
            f"too high: {percent:.1f} % of the nuclei's pixels in frame 0 are left, "
            f"and at least {100 * KEPT:.0f} % were asked for."
        )
    return None
