"""Join the regions of a frame that belong to one nucleus.

A watershed with many seeds cuts most touching nuclei apart, and some nuclei in pieces. Each pair
of neighbouring regions is measured (is there a dark seam, a neck, does the union look more like
an ellipse than the parts?) and the likeliest pair is joined until none is likely. Every measure
comes from sums over regions and seams, so that joining two is an addition.
"""

import numpy as np

PAIR_FEATURES = (
    "saddle over the lower summit",
    "saddle over the higher summit",
    "seam over the darker mean",
    "seam over the brighter mean",
    "darker over brighter mean, log",
    "seam length over the smaller root area, log",
    "ellipse fit of the union",
    "mean ellipse fit of the two",
    "gain in ellipse fit",
    "poorer ellipse fit",
    "area of the union, log",
    "smaller area, log",
    "mean height along the seam over the lower summit",
    "lower summit",
    "saddle",
)
"""What `pair_features` measures of two neighbouring regions."""


def measure(regions, heights, frame):
    """Sum over each region and over each seam between two, ready to be added up.

    Returns
    -------
    sums : (regions + 1, 7) float64 array
        Area, sums of row, column, row squared, column squared, row x column, and brightness.
    summit : (regions + 1,) float64 array
        Greatest height in each region.
    seams : dict
        From a pair of labels (a < b) to an array: length, brightness along the seam, height
        along the seam (both sums), and the saddle, the greatest height on the seam.
    """
    inside = np.flatnonzero(regions)
    owner = regions.ravel()[inside]
    row, column = (a.astype(float) for a in np.divmod(inside, regions.shape[1]))
    of = [1.0 + 0 * row, row, column, row**2, column**2, row * column, frame.ravel()[inside]]
    summit = summits(regions, heights)
    sums = np.stack([np.bincount(owner, weights, len(summit)) for weights in of], axis=1)
    pairs, seam, first, second = _seams(regions, len(summit))
    bright = (frame.ravel()[first] + frame.ravel()[second]) / 2
    high = np.minimum(heights.ravel()[first], heights.ravel()[second])
    columns = [np.bincount(seam, w, len(pairs)) for w in (np.ones(seam.size), bright, high)]
    columns.append(_greatest(high, seam, len(pairs)))
    return sums, summit, dict(zip(pairs, np.stack(columns, axis=1), strict=True))


def summits(regions, heights):
    """Greatest height in each region; index 0, outside, holds 0."""
    inside = np.flatnonzero(regions)
    count = int(regions.max(initial=0)) + 1
    return np.maximum(_greatest(heights.ravel()[inside], regions.ravel()[inside], count), 0)


def shallow(regions, heights, *, keep):
    """Join regions over saddles nearly as high as the lower of their two summits.

    Parameters
    ----------
    regions : (rows, columns) int32 array
    heights : (rows, columns) float32 array
        The landscape that was flooded.
    keep : float
        Regions stay apart where the saddle is at most this fraction of the lower summit.

    Returns
    -------
    regions : (rows, columns) int32 array
        The joined regions; labels are no longer consecutive.
    """
    summit = summits(regions, heights).tolist()
    pairs, seam, first, second = _seams(regions, len(summit))
    high = np.minimum(heights.ravel()[first], heights.ravel()[second])
    saddle = _greatest(high, seam, len(pairs)).tolist()
    name = list(range(len(summit)))

    def root(a):
        while name[a] != a:
            a = name[a]
        return a

    for i in sorted(range(len(pairs)), key=lambda i: -saddle[i]):
        low, top = sorted(map(root, pairs[i]), key=summit.__getitem__)
        if low != top and saddle[i] > keep * summit[low]:
            name[low] = top
    return np.array([root(a) for a in name], dtype=np.int32)[regions]


def pair_features(one, two, summit_one, summit_two, seam):
    """Describe pairs of neighbouring regions by `PAIR_FEATURES`; rows of `measure` go in."""
    area_one, area_two = one[:, 0], two[:, 0]
    mean_one = np.maximum(one[:, 6] / area_one, 1e-6)
    mean_two = np.maximum(two[:, 6] / area_two, 1e-6)
    dark, bright = np.minimum(mean_one, mean_two), np.maximum(mean_one, mean_two)
    small, both = np.minimum(area_one, area_two), area_one + area_two
    low = np.maximum(np.minimum(summit_one, summit_two), 1e-6)
    length, saddle = seam[:, 0], seam[:, 3]
    seam_mean, seam_height = seam[:, 1] / length, seam[:, 2] / length
    fit_one, fit_two, fit = _ellipse_fit(one), _ellipse_fit(two), _ellipse_fit(one + two)
    parts = (fit_one * area_one + fit_two * area_two) / both
    columns = (
        saddle / low,
        saddle / np.maximum(np.maximum(summit_one, summit_two), 1e-6),
        seam_mean / dark,
        seam_mean / bright,
        np.log(dark / bright),
        np.log(length / np.sqrt(small)),
        fit,
        parts,
        fit - parts,
        np.minimum(fit_one, fit_two),
        np.log(both),
        np.log(small),
        seam_height / low,
        low,
        saddle,
    )
    # A brightness near zero would send a ratio to infinity.
    return np.clip(np.stack(columns, axis=1), -50, 50)


def merge(regions, heights, frame, score, *, least):
    """Join neighbouring regions, the likeliest pair first, while the score exceeds `least`.

    Parameters
    ----------
    regions : (rows, columns) int32 array
        More regions than nuclei.
    heights, frame : (rows, columns) float32 arrays
        The landscape that was flooded, and the grey levels above the background.
    score : callable
        From an array of pair features, one row a pair, to one number a pair.
    least : float
        Pairs that score no more are left apart.

    Returns
    -------
    regions : (rows, columns) int32 array
        The joined regions; labels are no longer consecutive.
    """
    sums, summit, seams = measure(regions, heights, frame)
    name = np.arange(len(sums), dtype=np.int32)

    def rate(pairs):
        a, b = np.array(pairs).T
        seam = np.array([seams[pair] for pair in pairs])
        scores = score(pair_features(sums[a], sums[b], summit[a], summit[b], seam))
        return dict(zip(pairs, scores.tolist(), strict=True))

    scores = rate(list(seams)) if seams else {}
    while scores and scores[best := max(scores, key=scores.get)] > least:
        a, b = best
        del scores[best], seams[best]
        sums[a] += sums[b]
        summit[a] = max(summit[a], summit[b])
        name[name == b] = a
        for pair in [pair for pair in seams if b in pair]:
            seam, other = seams.pop(pair), sum(pair) - b
            del scores[pair]
            new = (min(a, other), max(a, other))
            if new in seams:
                old = seams[new]
                seams[new] = np.append(old[:3] + seam[:3], max(old[3], seam[3]))
            else:
                seams[new] = seam
        if touched := [pair for pair in seams if a in pair]:
            scores.update(rate(touched))
    return name[regions]


def _ellipse_fit(sums):
    """Area over that of the ellipse with the same second moments: 1 for an ellipse, else less."""
    area, row, column = sums[:, 0], sums[:, 1] / sums[:, 0], sums[:, 2] / sums[:, 0]
    # A pixel is a square of side 1: its own second moment is 1/12.
    rows = sums[:, 3] / area - row**2 + 1 / 12
    columns = sums[:, 4] / area - column**2 + 1 / 12
    mixed = sums[:, 5] / area - row * column
    return area / (4 * np.pi * np.sqrt(np.maximum(rows * columns - mixed**2, 1e-6)))


def _greatest(values, groups, count):
    """Maximum of each group, -inf for an empty one."""
    greatest = np.full(count, -np.inf)
    np.maximum.at(greatest, groups, values.astype(float))
    return greatest


def _seams(regions, count):
    """Find the pixels on either side of each seam: pairs, number of the pair, both indices."""
    flat, columns = regions.ravel(), regions.shape[1]
    first, second = [], []
    for step, one, two in (
        (columns, regions[:-1], regions[1:]),
        (1, regions[:, :-1], regions[:, 1:]),
    ):
        row, column = np.nonzero((one != two) & (one > 0) & (two > 0))
        first.append(row * columns + column)
        second.append(first[-1] + step)
    first, second = np.concatenate(first), np.concatenate(second)
    a, b = flat[first].astype(np.int64), flat[second]
    keys, seam = np.unique(np.minimum(a, b) * count + np.maximum(a, b), return_inverse=True)
    pairs = list(zip((keys // count).tolist(), (keys % count).tolist(), strict=True))
    return pairs, seam, first, second
