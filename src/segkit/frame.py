"""The science: each stage of the segmentation as a function of one frame, or of a batch.

A frame is a 2-D array of grey levels, a batch is frames along axis 0. The stages are those of
notebooks 02 to 05, and they give the same result as the dask-image calls there, pixel by pixel;
they only take less time. NumPy arrays are worked on here, frame by frame, CuPy arrays in
`segkit.methods.gpu`, all frames at once: the array's type decides, and the result is of that type.
"""

import numpy as np
from scipy import ndimage

from segkit import device
from segkit.methods import buffers, cosine, dispatch, measuring, opening

# More pixels than this so near to their threshold: then the direct sum is as fast.
DOUBTFUL = 4000
CROSS = ndimage.generate_binary_structure(2, 1)


def smooth(image, *, sigma=1.0, out=None):
    """Gaussian blur that keeps the dtype.

    For integer frames the result is truncated to whole grey levels after each axis, as in
    dask-image and SciPy.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
    sigma : float, optional
        Standard deviation, in pixels.
    out : (..., rows, columns) ndarray of the same dtype, optional
        Where to write the result.

    Returns
    -------
    (..., rows, columns) ndarray of the same dtype
    """
    if not dispatch.one_frame(image):
        return dispatch.each(smooth, image, sigma=sigma, out=out)
    return ndimage.gaussian_filter(image, sigma, output=out)


def local_threshold(image, *, sigma=None, out=None):
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
    out : (..., rows, columns) ndarray of float64, optional
        Where to write the result.

    Returns
    -------
    (..., rows, columns) ndarray of float64
        Compare with ``image > threshold``. Where that comparison is close, the value is exact to
        rounding (below 1e-9 grey levels for 12-bit frames); elsewhere within the bound of
        `segkit.methods.cosine.gaussian`, a few hundredths of a grey level for such frames, and
        never on the other side of the pixel.

    Examples
    --------
    >>> image = np.zeros((100, 100), np.uint16)
    >>> image[40:60, 40:60] = 500
    >>> int((image > local_threshold(image)).sum())
    400
    """
    if not dispatch.one_frame(image):
        return dispatch.each(local_threshold, image, sigma=sigma, out=out)
    if sigma is None:
        sigma = (np.array(image.shape) - 1) / 6
    sigma = tuple(np.broadcast_to(sigma, 2).astype(float))
    if all(cosine.rank(*axis) for axis in zip(image.shape, sigma, strict=True)):
        threshold, bound = cosine.gaussian(image, sigma, out=out)
        distance = buffers.get("distance", image.shape, np.float64)
        np.abs(np.subtract(image, threshold, out=distance), out=distance)
        doubtful = np.flatnonzero(distance < bound)
        if len(doubtful) <= DOUBTFUL:
            where = np.unravel_index(doubtful, image.shape)
            threshold[where] = cosine.gaussian_at(image, sigma, where)
            return threshold
    return ndimage.gaussian_filter(image.astype(np.float64), sigma, output=out)


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
    """Smooth, threshold locally, open, label: the chain of notebooks 02 to 05."""
    if not dispatch.one_frame(image):
        return dispatch.each(tutorial, image)
    smoothed = smooth(image, out=buffers.get("smoothed", image.shape, image.dtype))
    threshold = local_threshold(smoothed, out=buffers.get("threshold", image.shape, np.float64))
    return label(open_mask(smoothed > threshold))


METHODS = ("tutorial", "otsu", "watershed", "best")


def segment(image, *, method="tutorial"):
    """Label image of each frame.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
        Integer or floating point grey levels, all finite.
    method : {"tutorial", "otsu", "watershed", "best"}, optional
        The course's chain, or one of the methods of `segkit.methods.split`.

    Returns
    -------
    (..., rows, columns) ndarray of int32
        0 is background, the nuclei are 1, 2, ...

    Raises
    ------
    ValueError, segkit.device.DeviceError
        If there is no such method; if CuPy arrays are given to another one than tutorial.
    """
    if method not in METHODS:
        raise ValueError(f"There is no method {method!r}: choose one of {', '.join(METHODS)}.")
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
