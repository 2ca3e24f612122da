"""Small frames for the tests, with objects that every method can see."""

import numpy as np
import tifffile
from scipy import ndimage


def scene(seed, shape=(90, 120), *, dtype=np.uint16, nuclei=12):
    """One frame: blurred discs on a noisy background."""
    rng = np.random.default_rng(seed)
    seeds = np.zeros(shape)
    rows, columns = (rng.integers(6, n - 6, nuclei) for n in shape)
    seeds[rows, columns] = 1
    discs = ndimage.distance_transform_edt(seeds == 0) < 6
    light = ndimage.gaussian_filter(discs * 600.0, 1.0) + 150 + rng.normal(0, 5, shape)
    return light.astype(dtype)


def folder(path, frames, *, shape=(90, 120)):
    """Write `frames` scenes as TIFF files; return their sorted paths."""
    path.mkdir(parents=True, exist_ok=True)
    files = [path / f"frame_{number:03d}.tif" for number in range(frames)]
    for number, file in enumerate(files):
        tifffile.imwrite(file, scene(number, shape))
    return files
