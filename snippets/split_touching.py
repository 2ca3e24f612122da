"""Split touching nuclei with a distance transform, seeds and a watershed.

    python snippets/split_touching.py

For bright round objects that touch, with at least a quarter of the frame dark. Seeds lie at least
`min_distance` pixels apart: about the radius of a small nucleus. The last lines score three frames
against their masks and print the average F1 of each: leave them out where you have no masks.
Explained in notebooks/10_touching_nuclei.ipynb.
"""

import numpy as np
import tifffile
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from segkit import data, score


def split(image):
    """Label image of one frame, touching nuclei apart."""
    level = threshold_otsu(image)
    background = np.median(image[image <= level])
    noise = 1.05 * np.median(np.abs(np.diff(image.astype(float))))
    if level - background < 3 * noise:
        return np.zeros(image.shape, np.int32)
    smooth = ndimage.gaussian_filter(image - background, 1)
    mask = smooth > 0.5 * threshold_otsu(smooth)
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    points = peak_local_max(height, labels=mask.astype(int), min_distance=7)
    seeds = np.zeros(mask.shape, np.int32)
    seeds[tuple(points.T)] = np.arange(1, len(points) + 1)
    regions = watershed(-height, seeds, mask=mask)
    mean = ndimage.mean(smooth, regions, np.arange(regions.max() + 1))
    labels = np.where(smooth > 0.5 * mean[regions], regions, 0)
    labels[np.bincount(labels.ravel())[labels] < 60] = 0
    return labels.astype(np.int32)


folder = data.locate()
for stem in data.split(folder, "validation")[:3]:
    labels = split(tifffile.imread(folder / "images" / f"{stem}.tif"))
    truth = score.read_truth(folder / "masks" / f"{stem}.png")
    print(f"{stem[:14]} average F1 {score.report(truth, labels)['averageF1']:.3f}")
