"""Replace hot pixels by the median of their surroundings, and leave all others alone.

    python snippets/remove_hot_pixels.py

For single pixels that a camera reports far too bright; start it where images/ is, or change
`pattern`. A pixel is hot if it is brighter than all of its neighbours by more than `FAR` times the
noise and by more than half of what they are above the background: the texture of a nucleus does
less. It prints how many pixels of the first ten frames were replaced, and how many times the noise
each frame's most conspicuous pixel stands out: choose `FAR` by that. Explained in
notebooks/02_filtering.ipynb.
"""

import dask
import dask.array as da
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

pattern = "images/*.tif"  # your images
FAR = 15  # times the noise, the median step from pixel to pixel

images = imread(pattern, imread=tifffile.imread)[:10]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
second = ndfilters.rank_filter(images, rank=-2, size=(1, 3, 3))  # the brightest but one of 3 x 3
above = images.astype("float32") - second  # as unsigned numbers it would wrap around
noise = da.median(abs(da.diff(images.astype("float32"))), axis=(1, 2), keepdims=True)
background = da.median(images, axis=(1, 2), keepdims=True)
hot = above > FAR * noise + (second - background) / 2
cleaned = da.where(hot, ndfilters.median_filter(images, size=(1, 3, 3)), images)
count, most = dask.compute(hot.sum(), (above / noise).max(axis=(1, 2)))
print(f"{count} hot pixels in {len(images)} frames; most above all neighbours:", most.round(1))
