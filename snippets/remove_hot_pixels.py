"""Replace hot pixels by the median of their surroundings, and leave all others alone.

    python snippets/remove_hot_pixels.py

For single pixels that a camera reports far too bright. `FAR` is how much brighter than the median
of its 3 x 3 pixels one has to be, in grey levels: above what a nucleus' own texture does. It prints
how many pixels of the first ten frames were replaced, in the course's frames none, and how far the
most conspicuous one stands out: choose `FAR` by that. Explained in notebooks/02_filtering.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

from segkit import data

FAR = 600

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:10]
median = ndfilters.median_filter(images, size=(1, 3, 3))
above = images.astype("int32") - median  # as unsigned numbers it would wrap around
hot = above > FAR
cleaned = da.where(hot, median, images)
count, most = da.compute(hot.sum(), above.max())
print(f"{count} hot pixels in {len(images)} frames; no pixel is more than {most} above its median")
