"""The science: each stage of the segmentation as a function of one frame, or of a batch.

A frame is a 2-D array of grey levels, a batch is frames along axis 0. The stages are those of
notebooks 02 to 05, and they give the same result as the dask-image calls there, pixel by pixel;
they only take less time. There are two exceptions, both made by rounding: a frame that is smoothed
to one value has no nucleus here, and on a GPU a pixel that equals its threshold may fall on the
other side.

NumPy arrays are worked on here, frame by frame, CuPy arrays in `segkit.methods.gpu`, all frames at
once: the array's type decides, and the result is of that type.
"""

import numpy as np
from scipy import ndimage

from segkit import device
from segkit.methods import cosine, dispatch, measuring, opening

# More pixels than this so near to their threshold: then the direct sum is as fast.
DOUBTFUL = 4000
# Grey levels, over the largest in the frame, that differ by less than this differ by rounding.
ROUNDING = 1e-12
CROSS = ndimage.generate_binary_structure(2, 1)


def smooth(image, *, sigma=1.0):
    """Gaussian blur that keeps the dtype.

    For integer frames the result is truncated to whole grey levels after each axis, as in
    dask-image and SciPy.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
    sigma : float, optional
        Standard deviation, in pixels.

    Returns
    -------
    (..., rows, columns) ndarray of the same dtype
    """
    if not dispatch.one_frame(image):
        return dispatch.each(smooth, image, sigma=sigma)
    return ndimage.gaussian_filter(image, sigma)


def local_threshold(image, *, sigma=None):
    """Threshold for each pixel: the Gaussian-weighted mean of its surroundings.

    The surroundings are the whole frame: as in ``dask_image.ndfilters.threshold_local`` with the
    frame's shape for ``block_size``, sigma is (size - 1) / 6 along each axis, with reflecting
    borders. See `segkit.methods.cosine` for how a kernel that wide is made cheap.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
        Usually smoothed.
    sigma : float or (float, float), optional
        Another standard deviation, in pixels.

    Returns
    -------
    (..., rows, columns) ndarray of float64
        Compare with ``image > threshold``. Where that comparison is close, the value is exact to
        rounding (below 1e-9 grey levels for 12-bit frames); elsewhere within the bound of
        `segkit.methods.cosine.gaussian`, a few hundredths of a grey level for such frames, and
        never on the other side of the pixel. Where a pixel equals its threshold up to rounding,
        as on ground that is exactly flat, the frame is left to SciPy's sum, which takes twenty
        times as long, so that rounding decides as it does there. Nothing in a frame of one value
        is above its threshold.

    Examples
    --------
    >>> image = np.zeros((100, 100), np.uint16)
    >>> image[40:60, 40:60] = 500
    >>> int((image > local_threshold(image)).sum())
    400
    """
    if not dispatch.one_frame(image):
        return dispatch.each(local_threshold, image, sigma=sigma)
    if sigma is None:
        sigma = (np.array(image.shape) - 1) / 6
    sigma = tuple(np.broadcast_to(sigma, 2).astype(float))
    lowest, highest = float(image.min()), float(image.max())
    if lowest == highest:  # in SciPy rounding can put the mean of one value below it
        return image.astype(np.float64)
    if all(cosine.rank(*axis) for axis in zip(image.shape, sigma, strict=True)):
        threshold, bound = cosine.gaussian(image, sigma)
        tie = ROUNDING * max(highest, -lowest)
        doubtful = np.flatnonzero(np.abs(image - threshold) <= bound + tie)
        if len(doubtful) <= DOUBTFUL:
            where = np.unravel_index(doubtful, image.shape)
            threshold[where] = cosine.gaussian_at(image, sigma, where)
            if (np.abs(image[where] - threshold[where]) > tie).all():
                return threshold
    return ndimage.gaussian_filter(image.astype(np.float64), sigma)


def open_mask(mask):
    """Binary opening with the cross: drops what is smaller than the cross.

    Equal to ``scipy.ndimage.binary_opening(mask)``, where the outside of the frame counts as
    background, but by shifting the mask as a whole.

    Parameters
    ----------
    mask : (..., rows, columns) ndarray of bool

    Returns
    -------
    (..., rows, columns) ndarray of bool

    Examples
    --------
    >>> mask = np.zeros((5, 6), bool)
    >>> mask[1:4, 1:4] = mask[1, 5] = True
    >>> open_mask(mask).astype(int)
    array([[0, 0, 0, 0, 0, 0],
           [0, 0, 1, 0, 0, 0],
           [0, 1, 1, 1, 0, 0],
           [0, 0, 1, 0, 0, 0],
           [0, 0, 0, 0, 0, 0]])
    """
    return opening.opened(mask)


def label(mask):
    """Give the objects of a mask numbers; pixels are joined by their sides, not by corners.

    Parameters
    ----------
    mask : (..., rows, columns) ndarray of bool

    Returns
    -------
    (..., rows, columns) ndarray of int32
        0 is background, the objects are 1, 2, ... in the order of their first pixel.
    """
    if not dispatch.one_frame(mask):
        return dispatch.each(label, mask)
    return ndimage.label(mask, CROSS)[0]


def tutorial(image):
    """Smooth, threshold locally, open, label: the chain of notebooks 02 to 05.

    Pixel by pixel the result of SciPy and dask-image; see `segkit.frame` for two exceptions.
    """
    if not dispatch.one_frame(image):
        return dispatch.each(tutorial, image)
    smoothed = smooth(image)
    return label(open_mask(smoothed > local_threshold(smoothed)))


METHODS = ("tutorial", "otsu", "watershed", "best")


def _grey(image):
    """Return an array that holds frames in a dtype that SciPy takes, or raise ValueError."""
    device.module(image)
    shape, dtype = image.shape, image.dtype
    if len(shape) < 2 or 0 in shape or dtype.kind not in "uif" or dtype.itemsize > 8:
        raise ValueError(
            f"an array of shape {shape} and dtype {dtype} is not a frame: "
            "give rows and columns of integers, float32 or float64"
        )
    if len(shape) > 2 and shape[-1] in (3, 4):
        raise ValueError(f"shape {shape} ends in {shape[-1]} colours: give one of them")
    return image.astype(np.float32) if dtype.char == "e" else image


def segment(image, *, method="tutorial"):
    """Label image of each frame.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
        Integer or floating point grey levels, all finite. SciPy takes no float16: such frames
        are computed as float32.
    method : {"tutorial", "otsu", "watershed", "best"}, optional
        The course's chain, or one of the methods of `segkit.methods.split`.

    Returns
    -------
    (..., rows, columns) ndarray of int32
        0 is background, the nuclei are 1, 2, ...

    Raises
    ------
    ValueError, segkit.device.DeviceError
        If there is no such method; if the array does not hold frames, or frames of fewer than 4
        rows or columns for another method than tutorial; if CuPy arrays are given to one of these.

    Warns
    -----
    UserWarning
        For another method than tutorial: if nuclei cover so much of a frame that its darkest
        pixels are taken for the background.
    """
    if callable(method):
        labels = np.asarray(method(image))
        if labels.shape != image.shape or labels.dtype.kind not in "iu" or labels.min() < 0:
            raise ValueError(
                f"labels of shape {labels.shape} and dtype {labels.dtype}, where the frame has "
                f"shape {image.shape}: return one whole number per pixel, 0 for the background"
            )
        return labels.astype(np.int32, copy=False)
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    image = _grey(image)
    if method == "tutorial":
        return tutorial(image)
    from segkit.methods import split  # brings scikit-image, which the tutorial chain does without

    if not dispatch.one_frame(image):
        return dispatch.each(getattr(split, method), image)
    return getattr(split, method)(image)


def measure(image, labels):
    """Table of the nuclei; from a GPU it comes back in one piece.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
        The grey levels to average: the frame as it was read, not the smoothed one.
    labels : (..., rows, columns) ndarray of int
        0 is background; the numbers need not be consecutive.

    Returns
    -------
    pandas.DataFrame
        One row a nucleus: for a batch its frame, then label, area (pixels), mean_intensity (grey
        levels), centroid_row and centroid_col (pixels from the centre of the first pixel).

    Examples
    --------
    >>> image = np.array([[5, 0, 0], [7, 0, 9]])
    >>> labels = np.array([[1, 0, 0], [1, 0, 4]])
    >>> measure(image, labels)
       label  area  mean_intensity  centroid_row  centroid_col
    0      1     2             6.0           0.5           0.0
    1      4     1             9.0           1.0           2.0
    """
    import pandas as pd

    return pd.DataFrame(device.table_to_host(measuring.columns(image, labels)))
