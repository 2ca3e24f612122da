"""A Gaussian filter with a kernel as wide as the frame, in the cosine basis.

The local threshold of this course weights every pixel of a frame: its Gaussian has a standard
deviation of a sixth of the frame. Summed directly, as ``scipy.ndimage.gaussian_filter`` does,
that takes 693 + 927 products a pixel. Three facts make it cheap.

*Why the cosine basis is exact.* With ``mode="reflect"`` the frame is continued by its mirror
image about the outer edge of the border pixels. The cosines of the DCT-II have just that
symmetry, so a symmetric kernel only scales them: the filter along an axis of ``n`` pixels is
``Q diag(gain) Q.T``, where column ``k`` of ``Q`` is ``cos(pi k (i + 1/2) / n)``, normalised, and
``gain[k]`` is the cosine sum of the kernel's weights (Martucci, IEEE Transactions on Signal
Processing 42(5):1038-1051, 1994).

*Where the truncation enters.* The gains are those of the kernel cut off at ``truncate * sigma``
pixels and normalised, as SciPy does it, not those of the ideal Gaussian. The cut leaves a small
tail: about 1e-5 of the amplitude at high frequencies.

*The error bound.* Nearly all gain sits in the lowest frequencies. Only ``rank`` of them are kept
on each axis, which leaves four small matrix products. What was left out is bounded by the
Cauchy-Schwarz inequality: at each pixel, the root of the sum of the squared products of gain and
basis function that were left out, times the root of the energy of the frame in those
frequencies, which by Parseval's theorem is known from the coefficients that were kept.
"""

from functools import lru_cache

import numpy as np

# Frequencies kept: those up to RANK * size / sigma. For sigma = size / 6 that is 32 of 520; more
# of them cost more products, fewer leave more pixels to `gaussian_at`.
RANK = 5.3


def gains(size, sigma, *, truncate=4.0):
    """Gains of a truncated Gaussian kernel for the cosines of an axis.

    Parameters
    ----------
    size : int
        Length of the axis, in pixels.
    sigma : float
        Standard deviation of the Gaussian, in pixels.
    truncate : float, optional
        The kernel ends at this many standard deviations, rounded to a pixel as SciPy does.

    Returns
    -------
    (size,) ndarray of float64
        The factor that the filter applies to each cosine; the first is 1.

    Examples
    --------
    >>> gains(4, 1.0).round(3)
    array([1.   , 0.735, 0.291, 0.063])
    """
    radius = int(truncate * float(sigma) + 0.5)
    if radius == 0:
        return np.ones(size)
    offset = np.arange(1, radius + 1)
    side = np.exp(-0.5 * (offset / sigma) ** 2)
    total = 1 + 2 * side.sum()
    # cos(pi k j / n) repeats after 2 n offsets: fold the weights first, then sum over 2 n of them.
    folded = np.bincount(offset % (2 * size), weights=side, minlength=2 * size)
    angle = np.pi * np.outer(np.arange(size), np.arange(2 * size)) / size
    return (1 + 2 * np.cos(angle) @ folded) / total


def basis(size, rank):
    """First `rank` orthonormal cosines (DCT-II) of an axis, as columns.

    Parameters
    ----------
    size : int
        Length of the axis, in pixels.
    rank : int
        Number of columns.

    Returns
    -------
    (size, rank) ndarray of float64
    """
    columns = np.cos(np.pi * np.outer(np.arange(size) + 0.5, np.arange(rank)) / size)
    columns *= np.sqrt(2 / size)
    columns[:, 0] = np.sqrt(1 / size)
    return columns


def rank(size, sigma):
    """Return the number of cosines to keep on an axis of `size` pixels, or 0 if not worth it.

    It is not worth it where a direct sum over the kernel takes fewer products.

    Examples
    --------
    >>> rank(520, 519 / 6), rank(520, 2.0), rank(1, 5.0)
    (32, 0, 1)
    """
    if size == 1:
        return 1
    if sigma <= 0:
        return 0
    keep = min(size, int(np.ceil(RANK * size / sigma)))
    return keep if keep <= 4 * sigma else 0


class _Axis:
    """The matrices of one axis: made once for a size and sigma, then only read."""

    def __init__(self, size, sigma):
        keep = rank(size, sigma)
        gain = gains(size, sigma)
        full = basis(size, size)
        self.forward = np.ascontiguousarray(full[:, :keep])
        self.backward = self.forward * gain[:keep]
        self.exact = (full * gain) @ full.T
        self.energy = (full**2) @ gain**2
        self.energy_kept = (self.forward**2) @ gain[:keep] ** 2


_axis = lru_cache(maxsize=16)(_Axis)


def exact(size, sigma):
    """Matrix of the filter along an axis, with all cosines.

    Parameters
    ----------
    size : int
        Length of the axis, in pixels.
    sigma : float
        Standard deviation, in pixels.

    Returns
    -------
    (size, size) ndarray of float64
        Symmetric; ``exact(rows, s) @ image @ exact(columns, s)`` is the filtered image. Read only
        by agreement: it is made once and kept.
    """
    return _axis(size, float(sigma)).exact


@lru_cache(maxsize=8)
def _left_out(size, sigma):
    """Largest root sum of squares of what the low rank leaves out, over all pixels."""
    rows, columns = (_axis(n, s) for n, s in zip(size, sigma, strict=True))
    whole = np.outer(rows.energy, columns.energy)
    kept = np.outer(rows.energy_kept, columns.energy_kept)
    return float(np.sqrt(np.clip(whole - kept, 0, None).max()))


def _contrast(image):
    """Subtract the first pixel: a constant passes the filter unchanged, and this one is at hand."""
    level = float(image.flat[0])
    return np.subtract(image, level, dtype=np.float64), level


def gaussian(image, sigma):
    """Gaussian filter with reflecting borders, by the lowest cosines, and its error bound.

    Parameters
    ----------
    image : (rows, columns) ndarray
        One frame; every value must be finite.
    sigma : (float, float)
        Standard deviation along rows and columns, in pixels; `rank` must not be 0 for them.

    Returns
    -------
    filtered : (rows, columns) ndarray of float64
        As ``scipy.ndimage.gaussian_filter(image.astype(float), sigma)``.
    bound : float
        No pixel of `filtered` is further than this from the exact value, in grey levels.

    Examples
    --------
    >>> filtered, bound = gaussian(np.eye(300), (50, 50))
    >>> filtered.shape, bound < 1e-4
    ((300, 300), True)
    """
    rows, columns = (_axis(n, float(s)) for n, s in zip(image.shape, sigma, strict=True))
    contrast, level = _contrast(image)
    coefficients = (rows.forward.T @ contrast) @ columns.forward
    energy = np.vdot(contrast, contrast) - np.vdot(coefficients, coefficients)
    bound = _left_out(image.shape, tuple(map(float, sigma))) * np.sqrt(max(energy, 0))
    filtered = rows.backward @ coefficients @ columns.backward.T
    filtered += level
    return filtered, float(bound)


def gaussian_at(image, sigma, where):
    """Exact values of the same filter at a few pixels, from all cosines.

    Parameters
    ----------
    image : (rows, columns) ndarray
    sigma : (float, float)
        As for `gaussian`.
    where : (ndarray, ndarray)
        Row and column numbers of the pixels.

    Returns
    -------
    (pixels,) ndarray of float64
    """
    rows, columns = (_axis(n, float(s)) for n, s in zip(image.shape, sigma, strict=True))
    contrast, level = _contrast(image)
    along_rows = rows.exact[where[0]] @ contrast
    return level + np.einsum("pc,pc->p", along_rows, columns.exact[where[1]])
