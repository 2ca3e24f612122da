"""Small masks and smooth random fields, which the simulated nuclei are made of."""

from functools import cache

import numpy as np
from scipy import ndimage

TILE = 512  # pixels: side of a random field
_CROSS = ndimage.generate_binary_structure(2, 1)


def one_piece(mask):
    """Tell whether a small mask that is not empty is one 4-connected piece."""
    starts = np.count_nonzero(mask[:, 1:] > mask[:, :-1]) + np.count_nonzero(mask[:, 0])
    rows = np.count_nonzero(mask.any(axis=1))
    joined = np.count_nonzero((mask[1:] & mask[:-1]).any(axis=1))
    # One run in each row, and each row joined to the next: nearly all are seen to be so.
    return (starts == rows == joined + 1) or ndimage.label(mask, _CROSS)[1] == 1


def grown(mask):
    """Dilate a small mask by one pixel in all eight directions."""
    tall = mask.copy()
    tall[1:] |= mask[:-1]
    tall[:-1] |= mask[1:]
    wide = tall.copy()
    wide[:, 1:] |= tall[:, :-1]
    wide[:, :-1] |= tall[:, 1:]
    return wide


@cache
def fields():
    """Make two smooth random fields, mean 0 and SD 1: chromatin, and the unrest of an outline."""
    rng = np.random.default_rng(0)

    def field(*parts):
        total = 0
        for sigma, weight in parts:
            noise = rng.standard_normal((TILE, TILE))
            smooth = ndimage.gaussian_filter(noise, sigma, mode="wrap")
            total = total + weight * smooth / smooth.std()
        return (total / total.std()).astype(np.float32)

    return field((0.6, 1.0), (1.6, 0.6)), field((6.0, 1.0))
