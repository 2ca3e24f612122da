"""Segment a frame of nuclei and tell touching ones apart: three methods, each better than the last.

``otsu`` thresholds the frame. ``watershed`` cuts the mask where the distance to its border has a
neck, and draws every nucleus at its own level. ``best`` floods a landscape that also sees dark
seams, with many seeds, and joins the pieces that belong together.

All take a 2-D frame of any integer or float dtype on a dark background and return int32 labels
1..n. All numbers below were chosen on the training split of BBBC039 by ``benchmarks/tune.py``;
lengths are in pixels of that data set (0.65 um), 20-fold magnification. Brightness is always
relative, to the noise of the frame or to the nucleus, so that grey levels need no scaling.

Some of the background has to be visible. Where nuclei cover more than about 60 % of a frame, its
darkest pixels are taken for the background, with a UserWarning. Up to about 80 % `watershed` and
`best` then find most nuclei; `otsu` finds few, for its level comes to lie among the nuclei.
"""

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed as flood

from segkit.methods import landscape, merging, regions

OTSU = {"smallest": 60}
"""For `otsu`: the smallest object, in pixels."""

NOISE = 12
"""What rises less than this many standard deviations of the noise is background."""

WATERSHED = {
    "mask": 0.3,
    "core": 0.5,
    "sigma": 1.5,
    "radius": 4,
    "level": 0.49,
    "common": 0.5,
    "smallest": 60,
}
"""For `watershed`: the loose mask and the core that distances are taken in, as fractions of the
local maximum; blur of the distances; distance of seeds; level of the outlines, and how much that
of bright nuclei follows the median one (`regions.outline`); smallest object."""

BEST = {"mask": 0.2, "keep": 0.96, "join": 0.3, "level": 0.49, "common": 0.5, "smallest": 60}
"""For `best`: the loose mask; depth of the saddle, as a fraction of the summit, that keeps two
seeds apart; probability above which regions are joined; the rest as for `watershed`."""

JOIN = (
    -3.6837,
    1.6227,
    -0.039951,
    8.9088,
    -1.3497,
    -0.3126,
    8.9727,
    -14.724,
    10.167,
    9.3407,
    -1.3613,
    -0.58034,
    0.20167,
    -1.1786,
    0.95588,
    1.364,
)
"""Weights of `segkit.methods.merging.PAIR_FEATURES`, and the constant."""


def otsu(image):
    """Otsu's threshold, connected pieces, the smallest dropped: touching nuclei stay one.

    Parameters
    ----------
    image : (rows, columns) array
        One frame.

    Returns
    -------
    labels : (rows, columns) int32 array

    Raises
    ------
    ValueError
        For an array that is not a frame.

    Notes
    -----
    The threshold splits any histogram in two, that of noise as well: a frame in which it does
    not clear the noise has no nuclei. In a crowded frame (`regions.background`) this is not
    checked.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.zeros((60, 60), dtype=np.uint16)
    >>> frame[10:20, 10:20] = frame[30:45, 30:45] = 500
    >>> np.bincount(otsu(frame).ravel())
    array([3275,  100,  225])
    """
    frame = regions.checked(image)
    _, noise = regions.background(regions.half(frame))
    # One bin for each level of an integer frame, as long as they are not too many.
    whole = np.asarray(image).dtype.kind in "ui" and frame.max() < 2**16
    cut = threshold_otsu(frame.astype(np.int32) if whole else frame) if frame.any() else np.inf
    mask = frame > cut
    if not mask.any() or frame[mask].mean() - frame[~mask].mean() < NOISE * noise:
        return np.zeros(frame.shape, dtype=np.int32)
    labels, _ = ndimage.label(mask)
    area = np.bincount(labels.ravel())
    keep = area >= OTSU["smallest"]
    keep[0] = False
    return np.where(keep, np.cumsum(keep), 0).astype(np.int32)[labels]


def watershed(image):
    """Cut touching nuclei at their necks and draw each at its own level.

    Parameters
    ----------
    image : (rows, columns) array
        One frame.

    Returns
    -------
    labels : (rows, columns) int32 array

    Raises
    ------
    ValueError
        For an array that is not a frame.

    Notes
    -----
    Unblurred, the distance to the border of a mask has many summits in one nucleus; blurred, and
    weighed with the blurred brightness, about one.
    """
    options = WATERSHED
    frame, small, smooth, local, floor = regions.prepare(image, noise=NOISE)
    mask = regions.fill(smooth > np.maximum(floor, options["mask"] * local))
    heights = regions.distance(smooth, local, floor, core=options["core"], sigma=options["sigma"])
    bright = np.minimum(small / local, 1.5)
    heights *= ndimage.gaussian_filter(bright, options["sigma"], truncate=3)
    seeds = regions.summits(heights, mask & (heights > 0), radius=options["radius"])
    return _draw(frame, flood(-heights, seeds, mask=mask), floor, options)


def best(image):
    """Flood a landscape that sees necks and dark seams, and join what belongs together.

    Parameters
    ----------
    image : (rows, columns) array
        One frame.

    Returns
    -------
    labels : (rows, columns) int32 array

    Raises
    ------
    ValueError
        For an array that is not a frame.

    Notes
    -----
    The height of a pixel is an estimate of its distance to the border of its own nucleus: a
    weighted sum of distance transforms, blurred brightness and its curvature
    (`segkit.methods.landscape`). Two regions are joined by logistic regression on
    `segkit.methods.merging.PAIR_FEATURES` (`JOIN`).
    """
    options = BEST
    frame, small, smooth, local, floor = regions.prepare(image, noise=NOISE)
    mask = regions.fill(smooth > np.maximum(floor, options["mask"] * local))
    heights = landscape.heights(small, smooth, local, floor, mask)
    parts = pieces(heights, mask, options["keep"])
    parts = merging.merge(parts, heights, smooth, join, least=options["join"])
    return _draw(frame, parts, floor, options)


def pieces(heights, mask, keep):
    """Flood the landscape from every summit and drop the shallowest seams."""
    seeds = regions.summits(heights, mask & (heights > 0.7), radius=1)
    return merging.shallow(flood(-heights, seeds, mask=mask), heights, keep=keep)


def join(features):
    """Probability that the two regions of each pair are one nucleus."""
    weights = np.array(JOIN)
    return 1 / (1 + np.exp(-np.clip(features @ weights[:-1] + weights[-1], -50, 50)))


def _draw(frame, parts, floor, options):
    """Outlines at full size within the regions of the half frame."""
    return regions.outline(
        frame,
        regions.double(parts, frame.shape),
        level=options["level"],
        common=options["common"],
        smallest=options["smallest"],
        contrast=floor,
    )
