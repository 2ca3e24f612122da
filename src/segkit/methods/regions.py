"""Regions of a frame: the steps that `segkit.methods.split` is made of.

A *region* is one nucleus' share of the frame, its surroundings included; regions tile the loose
mask of a frame as a watershed leaves them. Labels are int32, 0 is outside. Regions are found on
the frame at half its size, where everything costs a quarter and a nucleus is still 14 pixels wide.
"""

import warnings

import numpy as np
from scipy import ndimage
from skimage.measure import label

REGIONS = {"share": 30, "blur": 0.5, "window": 15, "typical": 1.6, "holes": 30, "gaps": 75}
"""Chosen by ``benchmarks/tune.py`` like the numbers of `split`: percentile of a tile that is
background; blur of the half frame; window of the local maximum, in its pixels; brightness, over
the median of the nuclei, that counts no more; smallest hole left open in a mask of the half frame,
and in an outline."""

DARK = 5
"""Percentile of a tile that is background where nuclei cover most of the frame."""

CROWDED = 3
"""In a crowded frame the percentiles "share" and `DARK` of a tile differ by more than this many
standard deviations of the noise. In the 200 frames of BBBC039 it is 0.8 to 1.5 of them."""


def checked(image):
    """Return a frame as float32 grey levels above its darkest pixel, or raise ValueError."""
    image = np.asarray(image)
    if image.ndim != 2 or min(image.shape) < 4:
        raise ValueError(
            f"a frame has 2 axes of 4 pixels or more; this array has shape {image.shape}"
        )
    # In float64: on a bright background float32 would round the contrast away.
    with np.errstate(over="ignore", invalid="ignore"):
        frame = np.subtract(image, image.min(), dtype=np.float64).astype(np.float32)
    if not np.isfinite(frame).all():
        raise ValueError("the frame holds NaN, infinite or huge values (above 1e38): replace them")
    return frame


def prepare(image, *, noise):
    """Take the background off a frame and find out how bright its nuclei are.

    Parameters
    ----------
    image : (rows, columns) array
        One frame, any dtype.
    noise : float
        What rises less than this many standard deviations of the noise is background.

    Returns
    -------
    frame : (rows, columns) float32 array
        Grey levels above the background.
    small, smooth, local : float32 arrays
        The frame at half its size; that, smoothed; the greatest value around each pixel.
    floor : float32
        What is not above it is background.
    """
    frame = checked(image)
    small = half(frame)
    surface, spread = background(small)
    rounding = 1e-4 * float(frame.max())
    small = small - surface
    frame = frame - double(surface, frame.shape)
    smooth = ndimage.gaussian_filter(small, REGIONS["blur"], truncate=3)
    # Frames without noise, such as drawn ones, still have a floor, above rounding.
    floor = max(noise * spread, 0.02 * float(smooth.max()), rounding)
    window = REGIONS["window"]
    local = ndimage.uniform_filter(ndimage.maximum_filter(smooth, window), window)
    inside = smooth[smooth > np.maximum(floor, 0.4 * local)]
    # One mitotic nucleus may be ten times brighter than its neighbours and must not hide them.
    typical = REGIONS["typical"] * float(np.median(inside)) if inside.size else 0.0
    local = np.maximum(np.minimum(local, typical), max(floor, 1e-6))
    return frame, small, smooth, local, np.float32(floor)


def distance(smooth, local, floor, *, core, sigma):
    """Blurred distance to the border of the core, in pixels of the half frame."""
    core = fill(smooth > np.maximum(floor, core * local))
    if core.all():
        return np.ones(core.shape, dtype=np.float32)
    away = ndimage.distance_transform_edt(core).astype(np.float32)
    return ndimage.gaussian_filter(away, sigma, truncate=3)


def half(frame):
    """Mean of each 2 x 2 block of a float32 frame; an odd last row or column is doubled."""
    frame = np.pad(frame, [(0, n % 2) for n in frame.shape], mode="edge")
    rows = frame[::2] + frame[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) * np.float32(0.25)


def double(frame, shape):
    """Repeat every pixel 2 x 2 times and cut to `shape`: undoes `half`."""
    return frame.repeat(2, axis=0).repeat(2, axis=1)[: shape[0], : shape[1]]


def background(frame, *, tiles=6):
    """Level of the empty parts of a frame, as a smooth surface, and the noise about it.

    Two thirds of most tiles may be nuclei. In a frame with more of them the darkest pixels of each
    tile are taken for the background, without an estimate of the noise: such a frame is not empty.

    Parameters
    ----------
    frame : (rows, columns) float32 array
        Grey levels.
    tiles : int
        The frame is cut in about ``tiles * tiles`` pieces.

    Returns
    -------
    surface : (rows, columns) float32 array
        Background in grey levels.
    noise : float
        Standard deviation of the background, in grey levels; 0 in a crowded frame.

    Warns
    -----
    UserWarning
        In a crowded frame.
    """
    cuts = [np.array_split(np.arange(n), min(tiles, n)) for n in frame.shape]
    levels, dark = _levels(frame, cuts, (REGIONS["share"], DARK))
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


def _levels(frame, cuts, shares):
    """Percentiles of every other pixel of each tile: one array of tiles for each share."""
    tiles = [
        [np.sort(frame[r[0] : r[-1] + 1 : 2, c[0] : c[-1] + 1 : 2], axis=None) for c in cuts[1]]
        for r in cuts[0]
    ]
    # A tile full of nuclei has no background of its own: its neighbours outvote it.
    return [
        ndimage.median_filter(
            np.array([[tile[tile.size * share // 100] for tile in row] for row in tiles]),
            3,
            mode="nearest",
        )
        for share in shares
    ]


def _surface(levels, cuts):
    """Levels of the tiles, interpolated linearly between their middles."""
    for axis, cut in enumerate(cuts):
        middles = [piece.mean() for piece in cut]
        at = np.interp(np.arange(cut[-1][-1] + 1), middles, np.arange(len(middles)))
        low = np.minimum(at.astype(int), max(len(middles) - 2, 0))
        part = np.expand_dims((at - low).astype(np.float32), 1 - axis)
        high = np.minimum(low + 1, len(middles) - 1)
        levels = levels.take(low, axis) * (1 - part) + levels.take(high, axis) * part
    return levels


def fill(mask, *, largest=None):
    """Fill the holes of a mask that are smaller than `largest` pixels, or than `REGIONS` says."""
    largest = REGIONS["holes"] if largest is None else largest
    holes, _ = ndimage.label(~mask)
    small = np.bincount(holes.ravel()) < largest
    small[0] = False
    return mask | small[holes]


def summits(heights, mask, *, radius):
    """Label the pixels of a mask that nothing within `radius` pixels overtops."""
    highest = ndimage.maximum_filter(heights, 2 * radius + 1)
    seeds, _ = ndimage.label((heights == highest) & mask, np.ones((3, 3)))
    return seeds


def outline(frame, regions, *, level, common, smallest, contrast):
    """Draw each nucleus where its own brightness falls to a fraction of its mean.

    Where a nucleus outshines the others, the experts' outlines lie lower than that: there the
    fraction is one of a brightness between its own and the median nucleus's.

    Parameters
    ----------
    frame : (rows, columns) float32 array
        Grey levels above the background.
    regions : (rows, columns) int32 array
        One label for each nucleus and its surroundings.
    level : float
        Fraction of the mean brightness of the nucleus at its outline.
    common : float
        How near that brightness comes to the median nucleus where the nucleus is brighter: 0, its
        own mean counts; 0.5, the geometric mean of both; 1, the median alone.
    smallest : int
        Objects of fewer pixels are dropped.
    contrast : float
        Objects whose mean is not above this many grey levels are dropped.

    Returns
    -------
    labels : (rows, columns) int32 array
        1..n, each label one connected piece without small holes.
    """
    inside = np.flatnonzero(regions)
    owner, value = regions.ravel()[inside], frame.ravel()[inside]
    count = int(regions.max(initial=0)) + 1
    # The mean depends on the outline and the outline on the mean: three rounds settle both.
    cut = np.zeros(count, dtype=np.float32)
    for fraction, share in ((0.9, 0), (level, common), (level, common)):
        on = value > cut[owner]
        total = np.bincount(owner[on], value[on], count)
        mean = total / np.maximum(np.bincount(owner[on], minlength=count), 1)
        bright = mean > contrast
        typical = np.median(mean[bright]) if bright.any() else 1.0
        above = np.maximum(mean / typical, 1)
        cut = (fraction * mean * above**-share).astype(np.float32)
    labels = np.zeros_like(regions)
    labels.ravel()[inside] = np.where(value > cut[owner], owner, 0)
    holes = fill(labels > 0, largest=REGIONS["gaps"]) & (labels == 0)
    labels[holes] = regions[holes]
    # Keep the largest piece of each.
    pieces = label(labels, connectivity=1)
    area = np.bincount(pieces.ravel())
    of = np.zeros(area.size, dtype=np.int64)
    of[pieces.ravel()] = labels.ravel()
    order = np.lexsort((area, of))
    keep = np.zeros(area.size, dtype=bool)
    keep[order[np.append(of[order][1:] != of[order][:-1], True)]] = True
    keep &= (area >= smallest) & (mean[of] > contrast) & (of > 0)
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[pieces]
