"""The landscape that `split.best` floods: how deep inside its nucleus each pixel lies.

A weighted sum of the features of a pixel (`pixel_features`); the weights were fitted by least
squares on the training split (``benchmarks/tune.py``).
"""

import numpy as np
from scipy import ndimage

from segkit.methods import regions

CORE = 0.5
"""For the landscape: where the distance is taken, as a fraction of the local maximum."""

SCALES = (1.0, 2.0, 4.0)
"""For the landscape: blurs of the relative brightness, in pixels of the half frame."""

LANDSCAPE = (
    0.60558,
    12.646,
    2.4102,
    11.379,
    -7.9257,
    5.055,
    7.2266,
    -6.2131,
    -1.745,
    -2.5028,
    1.4007,
)
"""Weights of `pixel_features`, and the constant."""


def heights(small, smooth, local, floor, mask):
    """Estimate the distance of every masked pixel to the border of its own nucleus."""
    result = np.zeros(small.shape, dtype=np.float32)
    if mask.any():
        features = pixel_features(small, smooth, local, floor, mask)
        weights = np.array(LANDSCAPE, dtype=np.float32)
        result[mask] = features @ weights[:-1] + weights[-1]
    return ndimage.gaussian_filter(result, 0.7, truncate=3)


def pixel_features(small, smooth, local, floor, mask):
    """Measure each masked pixel: distances, blurred relative brightness, and its curvatures.

    Returns
    -------
    features : (pixels, 1 + 3 times the number of `SCALES`) float32 array
        Blurred distance to the border of the core; then at each scale the relative brightness
        and its greater and smaller curvature (eigenvalues of the Hessian): a dark seam bends up
        across, the inside of a nucleus bends down.
    """
    columns = [regions.distance(smooth, local, floor, core=CORE, sigma=1.0)[mask]]
    relative = np.minimum(small / local, 1.5)
    width = relative.shape[1] + 2
    row, column = np.nonzero(mask)
    at = (row + 1) * width + column + 1
    for scale in SCALES:
        blurred = ndimage.gaussian_filter(relative, scale, truncate=3)
        blurred = np.pad(blurred, 1, mode="edge").ravel()
        here = blurred[at]
        rows = blurred[at - width] + blurred[at + width] - 2 * here
        across = blurred[at - 1] + blurred[at + 1] - 2 * here
        mixed = blurred[at - width - 1] + blurred[at + width + 1]
        mixed = (mixed - blurred[at - width + 1] - blurred[at + width - 1]) / 4
        middle, spread = (rows + across) / 2, np.hypot((rows - across) / 2, mixed)
        columns += [here, scale**2 * (middle + spread), scale**2 * (middle - spread)]
    return np.stack(columns, axis=1).astype(np.float32)
