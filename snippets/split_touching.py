"""Split touching nuclei with a distance transform, its peaks and a watershed.

    python snippets/split_touching.py

For bright round objects that touch, each about `width` pixels wide, with some background to see
between them: a peak has to be the highest within half of that width. It prints the number of
objects per image, in the order of the names. Explained in notebooks/10_touching_nuclei.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage import filters, segmentation

pattern, width = "images/*.tif", 30  # your images; pixels: the width of a nucleus


def segment(image):
    mask = image > filters.threshold_otsu(image)
    noise = np.median(np.abs(np.diff(image.astype(float))))
    mask &= image[mask].mean() - image[~mask].mean() > 5 * noise  # else there is nothing
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    peaks = mask & (height == ndimage.maximum_filter(height, width // 2))
    return segmentation.watershed(-height, ndimage.label(peaks, np.ones((3, 3)))[0], mask=mask)


counts = [int(segment(image.compute()).max()) for image in imread(pattern, imread=tifffile.imread)]
print(counts, "objects per frame")
