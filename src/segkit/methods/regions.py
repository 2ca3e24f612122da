"""Regions of a frame: the steps that `segkit.methods.split` is made of.

A *region* is one nucleus' share of the frame, its surroundings included; regions tile the loose
mask of a frame as a watershed leaves them. Labels are int32, 0 is outside. Regions are found on
the frame at half its size, where everything costs a quarter and a nucleus is still 14 pixels wide.
"""

import numpy as np
from scipy import ndimage
from skimage.measure import label

REGIONS = {"share": 30, "blur": 0.5, "window": 15, "typical": 1.6, "holes": 30, "gaps": 75}
"""Chosen by ``benchmarks/tune.py`` like the numbers of `split`: percentile of a tile that is
background; blur of the half frame; window of the local maximum, in its pixels; brightness, over
the median of the nuclei, that counts no more; smallest hole left open in a mask of the half frame,
and in an outline."""


def checked(image):
    """Return a frame as float32, or say why it is none."""
    image = np.asarray(image)
    if image.ndim != 2 or min(image.shape) < 4:
        msg = f"A frame has 2 axes of 4 pixels or more; this array has shape {image.shape}."
        raise ValueError(msg)
    frame = image.astype(np.float32)
    if not np.isfinite(frame).all():
        raise ValueError("The frame holds NaN or infinite values: replace them first.")
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
    rounding = float(np.abs(frame).max())
    small = small - surface
    frame = frame - double(surface, frame.shape)
    smooth = ndimage.gaussian_filter(small, REGIONS["blur"], truncate=3)
    # Frames without noise, such as drawn ones, still have a floor, above rounding.
    floor = max(noise * spread, 0.02 * float(smooth.max()), 1e-4 * rounding)
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


def background(frame, *, tiles=6, share=None):
    """Level of the empty parts of a frame, as a smooth surface, and the noise about it.

    Parameters
    ----------
    frame : (rows, columns) float32 array
        Grey levels.
    tiles : int
        The frame is cut in about ``tiles * tiles`` pieces.
    share : float, optional
        Percentile of each piece that is taken to be background; by default that of `REGIONS`.

    Returns
    -------
    surface : (rows, columns) float32 array
        Background in grey levels.
    noise : float
        Standard deviation of the background, in grey levels.
    """
    share = REGIONS["share"] if share is None else share
    rows, columns = (np.array_split(np.arange(n), min(tiles, n)) for n in frame.shape)
    levels = [
        [_percentile(frame[r[0] : r[-1] + 1 : 2, c[0] : c[-1] + 1 : 2], share) for c in columns]
        for r in rows
    ]
    # A piece full of nuclei has no background of its own: its neighbours outvote it.
    levels = ndimage.median_filter(np.array(levels, dtype=np.float32), 3, mode="nearest")
    surface = levels
    for axis, cut in enumerate((rows, columns)):
        middles = [piece.mean() for piece in cut]
        at = np.interp(np.arange(frame.shape[axis]), middles, np.arange(len(middles)))
        low = np.minimum(at.astype(int), max(len(middles) - 2, 0))
        part = np.expand_dims((at - low).astype(np.float32), 1 - axis)
        high = np.minimum(low + 1, len(middles) - 1)
        surface = surface.take(low, axis) * (1 - part) + surface.take(high, axis) * part
    # Half of the background lies under its level, where no nucleus disturbs the estimate.
    flat = (frame - surface)[::2, ::2].ravel()
    width = flat.size // 5
    ordered = np.sort(flat)[: flat.size * 4 // 5 + 1]
    spans = ordered[width:] - ordered[:-width] if width else ordered
    mode = ordered[int(np.argmin(spans)) + width // 2]
    below = mode - ordered[ordered < mode]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    return surface + mode, noise


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


def _percentile(values, share):
    """Return the nearest percentile; NumPy's, which interpolates, takes four times as long."""
    rank = values.size * share // 100
    return np.partition(values, rank, axis=None)[rank]
