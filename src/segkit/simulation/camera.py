"""The microscope and its camera: from the light of the nuclei to a frame of grey levels."""

import numpy as np
from scipy import ndimage

from segkit.simulation.nuclei import SHAPE

ROWS, COLUMNS = SHAPE

# The camera: variance = _GAIN * (grey level - OFFSET) + _READ, fitted to the real background.
OFFSET, _GAIN, _READ = 100, 0.346, 2.6
_LOWEST, _HIGHEST = 110, 4095


def optics(rng, signal, background):
    """Blur the nuclei, add glow and haze, light it unevenly; grey levels above the offset.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal : (520, 696) array of float32
        Light of the nuclei, in grey levels.
    background : float
        Grey levels above the offset.

    Returns
    -------
    (520, 696) array of float32
    """
    # Most light falls within a Gaussian of 1 px; a quarter of it glows over 5 px and a little over
    # 12 px. What is that wide is smooth, and a quarter of the resolution does for it.
    coarse = signal.reshape(ROWS // 4, 4, COLUMNS).sum(axis=1)
    coarse = coarse.reshape(ROWS // 4, COLUMNS // 4, 4).sum(axis=2) / 16
    wide = 0.23 * ndimage.gaussian_filter(coarse, 1) + 0.05 * ndimage.gaussian_filter(coarse, 3)
    haze = rng.standard_normal(coarse.shape, dtype=np.float32)
    wide += 70 * ndimage.gaussian_filter(haze, 9, truncate=2)
    light = ndimage.gaussian_filter(signal, 1, truncate=3)
    light *= 0.855
    light += _enlarged(_enlarged(wide.T).T)
    light += background
    # Brightest a little below the middle, as the real frames are.
    down = 1.07 - 0.60 * (np.linspace(-0.6, 0.4, ROWS) + rng.normal(0, 0.04)) ** 2
    right = 1.01 - 0.15 * (np.linspace(-0.5, 0.5, COLUMNS) + rng.normal(0, 0.1)) ** 2
    light *= down[:, None].astype(np.float32)
    light *= right.astype(np.float32)
    return np.maximum(light, 0, out=light)


def _enlarged(coarse):
    """Make four rows of each by linear interpolation."""
    padded = np.concatenate((coarse[:1], coarse, coarse[-1:]))
    fine = np.empty((len(coarse), 4, coarse.shape[1]), np.float32)
    for step in range(4):
        start, share = divmod(0.625 + 0.25 * step, 1)
        low, high = padded[int(start) : -1], padded[int(start) + 1 :]
        fine[:, step] = (low + share * (high - low))[: len(coarse)]
    return fine.reshape(-1, coarse.shape[1])


def expose(rng, light):
    """Take the picture: shot and read noise, whole grey levels, 12 bits.

    Parameters
    ----------
    rng : numpy.random.Generator
    light : (520, 696) array of float32
        Grey levels above the offset, as `optics` returns them.

    Returns
    -------
    (520, 696) array of uint16
    """
    # In place: at this size fresh memory costs as much as the arithmetic.
    grey = rng.standard_normal(light.shape, dtype=np.float32)
    spread = light * _GAIN
    spread += _READ
    grey *= np.sqrt(spread, out=spread)
    grey += light
    grey += OFFSET
    np.rint(grey, out=grey)
    return np.clip(grey, _LOWEST, _HIGHEST, out=grey).astype(np.uint16)
