"""The finished chain on one frame: smooth, threshold, open, label, measure.

A frame is a 2-D NumPy array of grey levels. The stages are those of notebooks 02 to 05, and their
labels are those of the dask-image calls there, pixel by pixel; they only take less time. The one
exception is a frame that is smoothed to a single value: it has no nucleus here, whatever rounding
makes of its mean.

`segment` runs the chain. `otsu` and `watershed`, at the end, are two other ways from a frame to its
labels: the first as a baseline, the second for nuclei that touch. Both expect bright nuclei on a
dark background. Their parameters were chosen on the training frames of BBBC039
(``benchmarks/results/tune.json``); lengths are in pixels of that data set (0.65 um). Brightness is
always relative, to the noise of the frame or to the nucleus, so that grey levels need no scaling.
`unet` calls the trained network of `segkit.unet`.
"""

import warnings
from functools import lru_cache, reduce

import numpy as np
from scipy import fft, ndimage

# Cosines that `local_threshold` keeps on each axis: more cost more products, fewer leave more
# pixels to be computed again.
RANK = 32
# If more pixels than this have to be computed again, SciPy's sum over the frame is as fast.
DOUBTFUL = 4000
# Grey levels, over the largest in the frame, that differ by less than this differ by rounding.
ROUNDING = 1e-12

# The rest is for `otsu` and `watershed`: objects of fewer pixels are dropped.
SMALLEST = 60
# What rises less than this many standard deviations of the noise is background.
NOISE = 12
# The background is estimated in this many tiles along each axis.
TILES = 6
# Percentile of a tile that is background, and that where nuclei cover most of the frame.
BACKGROUND, DARK = 30, 5
# In a crowded frame these percentiles of a tile differ by more than this many standard deviations
# of the noise. In the 200 frames of BBBC039 it is 0.8 to 1.5 of them.
CROWDED = 3


def _checked(image, *, kinds="uif"):
    """Return one frame in a dtype that SciPy takes, or raise ValueError."""
    if not isinstance(image, np.ndarray):
        kind = f"{type(image).__module__}.{type(image).__qualname__}"
        raise ValueError(f"{kind} is not a frame: give a NumPy array of rows and columns")
    shape, dtype = image.shape, image.dtype
    if len(shape) != 2 or 0 in shape or dtype.kind not in kinds or dtype.itemsize > 8:
        raise ValueError(
            f"an array of shape {shape} and dtype {dtype} is not a frame: give rows and columns of "
            "integers, float32 or float64, one frame at a time, in one colour"
        )
    if dtype.char == "e":
        image = image.astype(np.float32)
    if dtype.kind == "f" and not max(-image.min(), image.max()) < 1e38:
        raise ValueError("the frame holds NaN, infinite or huge values (above 1e38): replace them")
    return image


def smooth(image):
    """Gaussian blur with a standard deviation of one pixel, in the dtype of the frame.

    For integer frames the result is truncated to integers after each axis, as in dask-image and
    SciPy.

    Parameters
    ----------
    image : (rows, columns) ndarray

    Returns
    -------
    (rows, columns) ndarray of the same dtype
        For float16, of float32.
    """
    return ndimage.gaussian_filter(_checked(image), 1.0)


@lru_cache(maxsize=8)
def _wide_gaussian(shape):
    """Prepare the Gaussian of `local_threshold` for frames of one shape.

    Summed directly, as ``scipy.ndimage.gaussian_filter`` does, a kernel as wide as a frame takes
    693 + 927 products per pixel for 520 x 696 pixels. Three facts make it cheap.

    *The cosine basis is exact.* With ``mode="reflect"`` the frame is continued by its mirror image
    about the outer edge of the border pixels. The cosines of the DCT-II have that symmetry, so a
    symmetric kernel only scales each of them by a gain, the cosine sum of its weights (Martucci,
    IEEE Transactions on Signal Processing 42(5):1038-1051, 1994).

    *The truncation counts.* The kernel ends at four standard deviations, as in SciPy. That leaves
    gains of about 1e-5 at high frequencies, where those of the ideal Gaussian are zero.

    *The error has a bound.* Only the `RANK` lowest cosines of each axis are kept, which leaves four
    small matrix products. By the Cauchy-Schwarz inequality what is left out is at most the norm of
    the gains left out, times the largest value of a basis function, times the norm of the frame in
    those frequencies, which by Parseval's theorem is known from the coefficients that were kept.

    Returns
    -------
    kernels : list of two (2 * size,) ndarray
        Weights along rows and columns at the offsets 0, 1, ... -2, -1.
    bases : list of two (size, RANK) ndarray
        Orthonormal cosines as columns, for rows and columns.
    gains : (RANK, RANK) ndarray
        The factor for each product of two cosines.
    bound : float
        Largest error, for a norm of 1 in the frequencies that are left out.
    """
    kernels, bases, spectra = [], [], []
    for size in shape:
        sigma = max(size - 1, 1) / 6
        radius = int(4 * sigma + 0.5)
        offset = np.arange(-radius, radius + 1)
        kernel = np.zeros(2 * size)
        kernel[offset] = np.exp(-0.5 * (offset / sigma) ** 2)
        kernel /= kernel.sum()
        kernels.append(kernel)
        bases.append(fft.idct(np.eye(size, min(RANK, size)), axis=0, norm="ortho"))
        spectra.append(fft.rfft(kernel).real[:size])
    # glibc keeps freed memory for later arrays, up to twice the size of the largest one freed so
    # far. This one costs nothing; without it a frame takes half as long again.
    np.empty((4, *shape))
    left_out = np.outer(*spectra)
    gains = left_out[:RANK, :RANK].copy()
    left_out[:RANK, :RANK] = 0
    return kernels, bases, gains, 2 * np.linalg.norm(left_out) / np.sqrt(left_out.size)


def _exact(contrast, kernels, where):
    """Sum over the full kernel, for a few pixels of a frame."""
    rows, columns = (
        kernel[at[:, None] - np.arange(size)] + kernel[at[:, None] + np.arange(size) + 1]
        for kernel, at, size in zip(kernels, where, contrast.shape, strict=True)
    )
    return np.einsum("pc,pc->p", rows @ contrast, columns)


def local_threshold(image):
    """Threshold for each pixel: the Gaussian-weighted mean of its surroundings.

    The surroundings are the whole frame: as in ``dask_image.ndfilters.threshold_local`` with the
    frame's shape for ``block_size``, sigma is (size - 1) / 6 along each axis, with reflecting
    borders.

    Parameters
    ----------
    image : (rows, columns) ndarray
        Usually smoothed.

    Returns
    -------
    (rows, columns) ndarray of float64
        Compare with ``image > threshold``. Where that comparison is close, the value is exact to
        rounding (below 1e-9 grey levels for 12-bit frames); elsewhere within a few hundredths of a
        grey level for such frames, and never on the other side of the pixel. Where a pixel equals
        its threshold up to rounding, as on ground that is exactly flat, the frame is left to
        SciPy's sum, which takes twenty times as long, so that rounding decides as it does there.
        Nothing in a frame of one value is above its threshold.

    Examples
    --------
    >>> image = np.zeros((100, 100), np.uint16)
    >>> image[40:60, 40:60] = 500
    >>> int((image > local_threshold(image)).sum())
    400
    """
    image = _checked(image)
    lowest, highest = float(image.min()), float(image.max())
    if lowest == highest:  # in SciPy rounding can put the mean of one value below it
        return image.astype(np.float64)
    kernels, bases, gains, bound = _wide_gaussian(image.shape)
    level = float(image.flat[0])  # a constant passes the filter unchanged
    contrast = np.subtract(image, level, dtype=np.float64)
    coefficients = bases[0].T @ contrast @ bases[1]
    energy = np.vdot(contrast, contrast) - np.vdot(coefficients, coefficients)
    threshold = bases[0] @ (gains * coefficients) @ bases[1].T
    threshold += level

    tie = ROUNDING * max(highest, -lowest)
    margin = bound * np.sqrt(max(energy, 0)) + tie
    gap = image - threshold
    doubtful = np.flatnonzero(np.abs(gap, out=gap) <= margin)
    if len(doubtful) <= DOUBTFUL:
        where = np.unravel_index(doubtful, image.shape)
        threshold[where] = level + _exact(contrast, kernels, where)
        if (np.abs(image[where] - threshold[where]) > tie).all():
            return threshold
    sigma = (np.array(image.shape) - 1) / 6
    return ndimage.gaussian_filter(image.astype(np.float64), sigma)


def open_mask(mask):
    """Binary opening with the cross: drops what is smaller than the cross.

    Equal to ``scipy.ndimage.binary_opening(mask)``, where the outside of the frame counts as
    background.

    Parameters
    ----------
    mask : (rows, columns) ndarray of bool

    Returns
    -------
    (rows, columns) ndarray of bool

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
    eroded = reduce(np.logical_and, _cross(_checked(mask, kinds="buif")))
    return reduce(np.logical_or, _cross(eroded))


def _cross(mask):
    """Return a mask and its four neighbours; outside of the frame all is background."""
    wide = np.pad(mask, 1)
    inner = slice(1, -1)
    return [mask, wide[:-2, inner], wide[2:, inner], wide[inner, :-2], wide[inner, 2:]]


def label(mask):
    """Give the objects of a mask numbers; pixels are joined by their sides, not by corners.

    Parameters
    ----------
    mask : (rows, columns) ndarray of bool

    Returns
    -------
    (rows, columns) ndarray of int32
        0 is background, the objects are 1, 2, ... in the order of their first pixel.
    """
    return ndimage.label(_checked(mask, kinds="buif"))[0]


def tutorial(image):
    """Smooth, threshold locally, open, label: the chain of notebooks 02 to 05.

    Parameters
    ----------
    image : (rows, columns) ndarray

    Returns
    -------
    (rows, columns) ndarray of int32
        Pixel by pixel the labels of SciPy and dask-image; see `segkit.frame` for the exception.
    """
    smoothed = smooth(image)
    return label(open_mask(smoothed > local_threshold(smoothed)))


def segment(image, *, method="tutorial"):
    """Label image of a frame.

    Parameters
    ----------
    image : (rows, columns) ndarray
        Integer or floating point grey levels. SciPy takes no float16: such a frame is computed as
        float32.
    method : {"tutorial", "otsu", "watershed", "unet"} or callable, optional
        The course's chain, one of the other methods of this module, or a function of yours. It
        gets a copy of the frame and returns its labels.

    Returns
    -------
    (rows, columns) ndarray of int32
        0 is background, the nuclei are 1, 2, ...; what a function of yours returns keeps its
        numbers.

    Raises
    ------
    ValueError
        If there is no such method; if the array is not one frame; if it holds values that are not
        finite; if a function of yours does not return labels.

    Warns
    -----
    UserWarning
        For ``otsu`` and ``watershed``: if nuclei cover so much of the frame that its darkest pixels
        are taken for the background.
    """
    image = _checked(image)
    if callable(method):
        name = getattr(method, "__name__", repr(method))
        # A copy, because the frame is measured afterwards, and the function may write into it.
        return _checked_labels(method(image.copy()), image.shape, f"{name} returned ")
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(METHODS)}")
    return METHODS[method](image)


def _checked_labels(labels, shape, source=""):
    """Return labels of a frame as int32, or raise ValueError with `source` in front."""
    if not isinstance(labels, np.ndarray):
        kind = type(labels).__name__
        raise ValueError(f"{source}{kind}: labels are an array of integers, 0 for background")
    if labels.shape != shape or labels.dtype.kind not in "iu":
        raise ValueError(
            f"{source}labels of shape {labels.shape} and dtype {labels.dtype} for a frame of shape "
            f"{shape}: labels are one integer per pixel, 0 for background"
        )
    if labels.min() < 0 or labels.max() > np.iinfo(np.int32).max:
        raise ValueError(
            f"{source}labels from {labels.min()} to {labels.max()}: number the nuclei 1, 2, ..., "
            "with 0 for background"
        )
    return labels.astype(np.int32, copy=False)


def columns(image, labels):
    """Measure all nuclei of a frame; `measure` gives the same as a table.

    The pixels of a nucleus lie in runs along the rows. Summing each run first leaves a tenth of
    the numbers to be sorted by nucleus.

    Parameters
    ----------
    image : (rows, columns) ndarray
        The grey levels to average: the frame as it was read, not the smoothed one.
    labels : (rows, columns) ndarray of int
        0 is background; the numbers need not be consecutive.

    Returns
    -------
    dict of (nuclei,) ndarray
        label (int32), area (int64, pixels), mean_intensity (float64, grey levels), centroid_row
        and centroid_col (float64, pixels from the centre of the first pixel).

    Raises
    ------
    ValueError
        If these are not labels of this frame.
    """
    image = _checked(image, kinds="buif")
    flat, width = _checked_labels(labels, image.shape).ravel(), image.shape[1]
    pixels = np.flatnonzero(flat != 0)
    owner = flat[pixels]
    begins = np.ones(len(pixels), bool)
    begins[1:] = (np.diff(pixels) != 1) | (np.diff(owner) != 0) | (pixels[1:] % width == 0)
    start = np.flatnonzero(begins)
    owner = owner[start].astype(np.intp)
    length = np.diff(start, append=len(pixels))
    row, first = np.divmod(pixels[start], width)
    light = np.add.reduceat(image.ravel()[pixels], start, dtype=np.float64)

    area = np.bincount(owner, weights=length).astype(np.int64)
    number = np.flatnonzero(area)
    area = area[number]

    def mean(sums):
        return np.bincount(owner, weights=sums)[number] / area

    return {
        "label": number.astype(np.int32),
        "area": area,
        "mean_intensity": mean(light),
        "centroid_row": mean(row * length),
        "centroid_col": mean((first + (length - 1) / 2) * length),
    }


def measure(image, labels):
    """Table of the nuclei of a frame.

    Parameters
    ----------
    image : (rows, columns) ndarray
        The grey levels to average: the frame as it was read, not the smoothed one.
    labels : (rows, columns) ndarray of int
        0 is background; the numbers need not be consecutive.

    Returns
    -------
    pandas.DataFrame
        One row per nucleus: label, area (pixels), mean_intensity (grey levels), centroid_row and
        centroid_col (pixels from the centre of the first pixel).

    Raises
    ------
    ValueError
        If these are not labels of this frame.

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

    return pd.DataFrame(columns(image, labels))


def otsu(image):
    """Otsu's threshold, connected pieces, the smallest dropped: touching nuclei stay one.

    Parameters
    ----------
    image : (rows, columns) ndarray

    Returns
    -------
    (rows, columns) ndarray of int32

    Notes
    -----
    The threshold splits any histogram in two, that of noise as well: a frame in which it does not
    clear the noise has no nuclei. In a crowded frame this is not checked, and the threshold comes
    to lie among the nuclei, of which few are found.

    Examples
    --------
    >>> frame = np.zeros((60, 60), dtype=np.uint16)
    >>> frame[10:20, 10:20] = frame[30:45, 30:45] = 500
    >>> np.bincount(otsu(frame).ravel())
    array([3275,  100,  225])
    """
    from skimage.filters import threshold_otsu  # scikit-image: the chain does without its import

    frame = _above_darkest(image)
    _, noise = _background(_half(frame))
    # One bin for each level of an integer frame, as long as they are not too many.
    bins_are_levels = image.dtype.kind in "ui" and frame.max() < 2**16
    grey = frame.astype(np.int32) if bins_are_levels else frame
    mask = frame > (threshold_otsu(grey) if frame.any() else np.inf)
    if not mask.any() or frame[mask].mean() - frame[~mask].mean() < NOISE * noise:
        return np.zeros(frame.shape, dtype=np.int32)
    pieces = label(mask)
    return _kept(pieces, np.bincount(pieces.ravel()) >= SMALLEST)


def watershed(image):
    """Cut touching nuclei apart at their necks and draw each at its own level.

    Parameters
    ----------
    image : (rows, columns) ndarray

    Returns
    -------
    (rows, columns) ndarray of int32
        Each nucleus is one connected piece without small holes.

    Notes
    -----
    Nuclei are found on the frame at half its size, where everything costs a quarter and a nucleus
    is still 14 pixels wide, and drawn on the frame itself. In an unblurred distance transform one
    nucleus has many maxima; blurred, and weighted with the blurred brightness, about one.

    Some of the background has to be visible. Where nuclei cover 60 to 80 % of a frame, most of them
    are found, with a warning.
    """
    from skimage.morphology import remove_small_holes
    from skimage.segmentation import watershed as flood

    frame = _above_darkest(image)
    small = _half(frame)
    surface, noise = _background(small)
    rounding = 1e-4 * float(frame.max())
    small = small - surface
    frame = frame - _double(surface, frame.shape)
    smoothed = ndimage.gaussian_filter(small, 0.5, truncate=3)
    # Frames without noise, such as drawn ones, still have a floor, above rounding.
    floor = np.float32(max(NOISE * noise, 0.02 * float(smoothed.max()), rounding))
    local = _brightness(smoothed, floor)

    mask = remove_small_holes(smoothed > np.maximum(floor, 0.3 * local), max_size=29)
    core = remove_small_holes(smoothed > np.maximum(floor, 0.5 * local), max_size=29)
    heights = np.ones(core.shape, dtype=np.float32)
    if not core.all():
        distance = ndimage.distance_transform_edt(core).astype(np.float32)
        heights = ndimage.gaussian_filter(distance, 1.5, truncate=3)
    heights *= ndimage.gaussian_filter(np.minimum(small / local, 1.5), 1.5, truncate=3)
    summits = (heights == ndimage.maximum_filter(heights, 9)) & mask & (heights > 0)
    seeds, _ = ndimage.label(summits, np.ones((3, 3)))
    regions = flood(-heights, seeds, mask=mask)
    return _outlined(frame, _double(regions, frame.shape), floor)


def _above_darkest(image):
    """Return a frame as float32 grey levels above its darkest pixel."""
    # In float64: on a bright background float32 would round the contrast away.
    image = _checked(image)
    return np.subtract(image, image.min(), dtype=np.float64).astype(np.float32)


def _half(frame):
    """Mean of each 2 x 2 block of a float32 frame; an odd last row or column is doubled."""
    frame = np.pad(frame, [(0, n % 2) for n in frame.shape], mode="edge")
    rows = frame[::2] + frame[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def _double(frame, shape):
    """Repeat every pixel 2 x 2 times and cut to `shape`: undoes `_half`."""
    return frame.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def _background(frame):
    """Level of the empty parts of a frame, as a smooth surface, and the noise about it.

    Two thirds of most tiles may be nuclei. In a frame with more of them the darkest pixels of each
    tile are taken for the background, with a warning and without an estimate of the noise: such a
    frame is not empty.

    Parameters
    ----------
    frame : (rows, columns) ndarray of float32

    Returns
    -------
    surface : (rows, columns) ndarray of float32
        Background in grey levels.
    noise : float
        Standard deviation of the background, in grey levels; 0 in a crowded frame.
    """
    cuts = [np.array_split(np.arange(n), min(TILES, n)) for n in frame.shape]
    tiles = [[np.sort(frame[np.ix_(r[::2], c[::2])], axis=None) for c in cuts[1]] for r in cuts[0]]
    levels, dark = (_tile_levels(tiles, percentile) for percentile in (BACKGROUND, DARK))
    # Neighbours differ by noise only, unless they lie on an edge; sqrt(2) in a difference.
    noise = 1.4826 / np.sqrt(2) * float(np.median(np.abs(np.diff(frame[::2]))))
    # Uneven light makes the percentiles differ as well, but the tiles much more.
    if np.median(levels - dark) > max(CROWDED * noise, float(dark.std())):
        warnings.warn(
            "nuclei seem to cover most of a frame: its darkest pixels are taken for the "
            "background; look at its outlines",
            stacklevel=2,
        )
        return _surface(dark, cuts), 0.0
    surface = _surface(levels, cuts)
    # Half of the background lies under its level, where no nucleus disturbs the estimate.
    flat = (frame - surface)[::2, ::2].ravel()
    width = flat.size // 5
    ordered = np.sort(flat)[: flat.size * 4 // 5 + 1]
    spans = ordered[width:] - ordered[:-width] if width else ordered
    mode = ordered[int(np.argmin(spans)) + width // 2]
    below = mode - ordered[ordered < mode]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    return surface + mode, noise


def _tile_levels(tiles, percentile):
    """Percentile of each tile, whose pixels are sorted."""
    levels = [[tile[tile.size * percentile // 100] for tile in row] for row in tiles]
    # A tile full of nuclei has no background of its own: its neighbours outvote it.
    return ndimage.median_filter(np.array(levels), 3, mode="nearest")


def _surface(levels, cuts):
    """Levels of the tiles, interpolated linearly between their middles."""
    for axis, cut in enumerate(cuts):
        middles = [piece.mean() for piece in cut]
        at = np.interp(np.arange(cut[-1][-1] + 1), middles, np.arange(len(middles)))
        low = at.astype(int)
        part = np.expand_dims((at - low).astype(np.float32), 1 - axis)
        high = levels.take(low + 1, axis, mode="clip")
        levels = levels.take(low, axis) * (1 - part) + high * part
    return levels


def _brightness(smoothed, floor):
    """How bright the nuclei about each pixel are."""
    local = ndimage.uniform_filter(ndimage.maximum_filter(smoothed, 15), 15)
    inside = smoothed[smoothed > np.maximum(floor, 0.4 * local)]
    # One mitotic nucleus may be ten times brighter than its neighbours and must not hide them.
    typical = 1.6 * float(np.median(inside)) if inside.size else 0.0
    return np.maximum(np.minimum(local, typical), max(floor, 1e-6))


def _outlined(frame, regions, floor):
    """Draw each nucleus where its own brightness falls to a fraction of its mean.

    Where a nucleus outshines the others, the experts' outlines lie lower than that: there the
    fraction is one of the geometric mean of its own brightness and the median nucleus's.

    Parameters
    ----------
    frame : (rows, columns) ndarray of float32
        Grey levels above the background.
    regions : (rows, columns) ndarray of int32
        One label for each nucleus and its surroundings.
    floor : float
        Objects whose mean is not above this many grey levels are dropped.

    Returns
    -------
    (rows, columns) ndarray of int32
    """
    from skimage.measure import label as label_pieces
    from skimage.morphology import remove_small_holes

    inside = np.flatnonzero(regions)
    owner, value = regions.ravel()[inside], frame.ravel()[inside]
    count = int(regions.max(initial=0)) + 1
    # The mean depends on the outline and the outline on the mean: three rounds settle both.
    cut = np.zeros(count, dtype=np.float32)
    for fraction, share in ((0.9, 0), (0.49, 0.5), (0.49, 0.5)):
        on = value > cut[owner]
        total = np.bincount(owner[on], value[on], count)
        mean = total / np.maximum(np.bincount(owner[on], minlength=count), 1)
        bright = mean > floor
        typical = np.median(mean[bright]) if bright.any() else 1.0
        above = np.maximum(mean / typical, 1)
        cut = (fraction * mean * above**-share).astype(np.float32)
    labels = np.zeros_like(regions)
    labels.ravel()[inside] = np.where(value > cut[owner], owner, 0)
    holes = remove_small_holes(labels > 0, max_size=74) & (labels == 0)
    labels[holes] = regions[holes]

    # Keep the largest piece of each.
    pieces = label_pieces(labels, connectivity=1)
    area = np.bincount(pieces.ravel())
    of = np.zeros(area.size, dtype=np.int64)
    of[pieces.ravel()] = labels.ravel()
    order = np.argsort(area, kind="stable")
    largest = np.zeros(count, dtype=np.int64)
    largest[of[order]] = order  # where several pieces have one label, the last of them stays
    keep = (largest[of] == np.arange(area.size)) & (area >= SMALLEST) & (mean[of] > floor)
    return _kept(pieces, keep)


def _kept(pieces, keep):
    """Renumber the pieces to keep from 1 on; the others become background."""
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[pieces]


def unet(image):
    """Find nuclei with the network of `segkit.unet`, which is loaded once per process.

    Parameters
    ----------
    image : (rows, columns) ndarray

    Returns
    -------
    (rows, columns) ndarray of int32
    """
    from segkit import unet  # with onnxruntime: the other methods do without its import

    return unet.segment(image)


METHODS = {"tutorial": tutorial, "otsu": otsu, "watershed": watershed, "unet": unet}
