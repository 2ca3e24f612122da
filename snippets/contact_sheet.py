"""Put all frames on one page, each made small.

    python snippets/contact_sheet.py

For looking through a folder; start it where images/ is, or change `pattern`. A pixel of a small
frame is the mean of `SHRINK` x `SHRINK` pixels, and only the small frames are in memory together.
It writes contact.png, and prints its size. Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import tifffile
from dask.array.image import imread
from skimage.util import montage

pattern = "images/*.tif"  # your images
SHRINK = 8

images = imread(pattern, imread=tifffile.imread)
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
small = da.coarsen(np.mean, images, {1: SHRINK, 2: SHRINK}, trim_excess=True).compute()
sheet = montage(small, padding_width=2, fill=small.max())
low, high = np.percentile(small, [0.5, 99.5])
plt.imsave("contact.png", sheet, cmap="gray", vmin=low, vmax=high)
print(f"{len(small)} frames on {sheet.shape[0]} x {sheet.shape[1]} pixels: contact.png")
