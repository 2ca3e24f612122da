"""Replace hot pixels by the median of their surroundings, and leave all others alone.

    python snippets/remove_hot_pixels.py

For single pixels that a camera reports far too bright. `FAR` is how much brighter than the median
of its 3 x 3 pixels one has to be, in grey levels: above what a nucleus' own texture does. It prints
how many pixels of the first ten frames were replaced. Explained in notebooks/02_filtering.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

from segkit import data

FAR = 600

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:10]
median = ndfilters.median_filter(images, size=(1, 3, 3))
hot = images > np.add(median, FAR, dtype="int32")
cleaned = da.where(hot, median, images)
counts = hot.sum(axis=(1, 2)).compute()
print(f"{counts.sum()} hot pixels in {len(images)} frames; a frame each: {counts.tolist()}")
