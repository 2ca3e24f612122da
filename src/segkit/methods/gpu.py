"""The stages of `segkit.frame` on a whole batch at once, for CuPy arrays.

A GPU takes a few microseconds to start each operation, and a frame is too small to keep it busy
in between. So every operation here runs on all frames of a batch. What decides a pixel is the
same as on the CPU: the blur sums in SciPy's order, and cuts off as SciPy does, and the wide
threshold is exact to rounding.

Nothing here leaves the device: constants (the weights of a kernel, the matrices of an axis) go
there once, and NumPy functions would refuse CuPy arrays. With NumPy arrays the same code runs on
the CPU, which is how it is tested where there is no GPU.
"""

from functools import lru_cache

import numpy as np
from scipy import ndimage

from segkit import device
from segkit.methods import cosine
from segkit.methods.opening import opened as open_mask

CROSS = ndimage.generate_binary_structure(2, 1)
# the cross between two empty planes: joins no pixels of neighbouring frames
WITHIN_FRAMES = np.stack([np.zeros_like(CROSS), CROSS, np.zeros_like(CROSS)])


@lru_cache(maxsize=16)
def _weights(sigma):
    """SciPy's own weights of a Gaussian: what the filter makes of a single bright pixel."""
    radius = int(4.0 * sigma + 0.5)
    pixel = np.zeros(2 * radius + 1)
    pixel[radius] = 1
    return ndimage.gaussian_filter1d(pixel, sigma, mode="constant").tolist()


def _blurred(image, weights, axis):
    """Blur along one axis, summed in the order of SciPy's C code, so that it rounds as there."""
    xp = device.module(image)
    radius, size = len(weights) // 2, image.shape[axis]
    width = [(0, 0)] * image.ndim
    width[axis] = (radius, radius)
    padded = xp.pad(image, width, mode="symmetric").astype(np.float64)

    def shifted(offset):
        place = [slice(None)] * image.ndim
        place[axis] = slice(radius + offset, radius + offset + size)
        return padded[tuple(place)]

    total = shifted(0) * weights[radius]
    for offset in range(radius, 0, -1):
        pair = shifted(-offset) + shifted(offset)
        pair *= weights[radius - offset]
        total += pair
    return total.astype(image.dtype)


def smooth(image, *, sigma=1.0):
    """Gaussian blur of each frame: see `segkit.frame.smooth`.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
    sigma : float, optional
        Standard deviation, in pixels.

    Returns
    -------
    (..., rows, columns) ndarray of the same dtype
        Equal to SciPy's where the processor rounds each product (x86-64 does).
    """
    weights = _weights(float(sigma)) if sigma > 0 else [1.0]
    for axis in (image.ndim - 2, image.ndim - 1):
        image = _blurred(image, weights, axis)
    return image


@lru_cache(maxsize=16)
def _matrix(xp, place, size, sigma):
    """Matrix of the wide Gaussian along an axis, in the memory of the GPU of that number."""
    return xp.asarray(cosine.exact(size, sigma))


def local_threshold(image, *, sigma=None):
    """Threshold for each pixel of each frame: see `segkit.frame.local_threshold`.

    All cosines are kept: on a GPU two products with full matrices take less time than looking
    for the pixels where fewer cosines would not do.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
    sigma : float or (float, float), optional
        Another standard deviation, in pixels.

    Returns
    -------
    (..., rows, columns) ndarray of float64
    """
    xp = device.module(image)
    size = image.shape[-2:]
    sigma = np.broadcast_to((np.array(size) - 1) / 6 if sigma is None else sigma, 2)
    place = 0 if xp is np else image.device.id
    rows, columns = (_matrix(xp, place, n, float(s)) for n, s in zip(size, sigma, strict=True))
    level = image[..., :1, :1].astype(np.float64)  # a constant passes the filter unchanged
    contrast = image - level
    along_rows = (contrast.reshape(-1, size[1]) @ columns).reshape(image.shape)
    threshold = rows @ along_rows
    threshold += level
    return threshold


def label(mask):
    """Give the objects of each frame numbers: see `segkit.frame.label`.

    Parameters
    ----------
    mask : (rows, columns) or (frames, rows, columns) ndarray of bool

    Returns
    -------
    ndarray of int32, same shape
        In each frame 0 is background, the objects are 1, 2, ... in the order of their first pixel.
    """
    xp = device.module(mask)
    if mask.ndim == 2:
        return label(mask[None])[0]
    if mask.size >= 2**31:
        raise ValueError(f"{len(mask)} frames are too many to label at once: take smaller batches.")
    labels, _ = device.ndimage(mask).label(mask, WITHIN_FRAMES)
    # Numbers go on from frame to frame: subtract the highest of all frames before.
    highest = labels.reshape(len(labels), -1).max(axis=1)
    before = xp.where(xp.tri(len(labels), k=-1, dtype=bool), highest, 0).max(axis=1)
    labels -= before.astype(np.int32)[:, None, None] * (labels > 0)
    return labels


def tutorial(image):
    """Smooth, threshold locally, open, label: the chain of notebooks 02 to 05, for a batch."""
    smoothed = smooth(image)
    return label(open_mask(smoothed > local_threshold(smoothed)))


def columns(image, labels):
    """Measure all nuclei of each frame: see `segkit.methods.measuring.columns`.

    Parameters
    ----------
    image, labels : (rows, columns) or (frames, rows, columns) ndarray
        0 is background. The counts take 8 bytes for each frame times the highest label.

    Returns
    -------
    dict of (nuclei,) ndarray, on the same device
        For a batch, frame (int32, place in the batch) comes first. Ordered by frame and label.
    """
    xp = device.module(image, labels)
    *_, height, width = labels.shape
    flat = labels.ravel()
    pixels = xp.flatnonzero(flat)
    owner = flat[pixels].astype(np.int64)
    most = int(owner.max()) + 1 if len(pixels) else 1
    lines = pixels // width
    owner += lines // height * most

    def summed(values=None):
        if not len(pixels):  # CuPy's bincount takes no empty array
            return xp.zeros(0)
        return xp.bincount(owner, values if values is None else values.astype(np.float64))

    counts = summed()
    number = xp.flatnonzero(counts)
    area = counts[number].astype(np.int64)
    table = {
        "label": (number % most).astype(np.int32),
        "area": area,
        "mean_intensity": summed(image.ravel()[pixels])[number] / area,
        "centroid_row": summed(lines % height)[number] / area,
        "centroid_col": summed(pixels % width)[number] / area,
    }
    return table if labels.ndim == 2 else {"frame": (number // most).astype(np.int32), **table}
