"""Put all frames on one page, each made small by means of 8 x 8 pixels.

    python snippets/contact_sheet.py

For looking through a data set. Only the small frames are ever together in memory. It writes
build/snippets/contact.png, and prints its size. Explained in notebooks/01_reading.ipynb.
"""

from pathlib import Path

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import tifffile
from dask.array.image import imread
from skimage.util import montage

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
small = da.coarsen(np.mean, images, {1: 8, 2: 8}, trim_excess=True).compute()
sheet = montage(small, padding_width=2, fill=small.max())

path = Path("build/snippets/contact.png")
path.parent.mkdir(parents=True, exist_ok=True)
low, high = np.percentile(small, [0.5, 99.5])
plt.imsave(path, sheet, cmap="gray", vmin=low, vmax=high)
print(f"{len(small)} frames on {sheet.shape[0]} x {sheet.shape[1]} pixels: {path}")
