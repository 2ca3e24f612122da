"""Number the objects of each frame from 1 on, lazily.

    python snippets/label_frames.py

For a stack of independent frames; start it where images/ is, or change `pattern`. Each chunk, one
frame, has its own threshold and is labelled separately: no object reaches into another frame, and
no task waits for another. Any threshold of skimage.filters can stand in place of Li's, which finds
dim objects beside bright ones. It prints the number of objects in each of the first five frames.
Explained in notebooks/05_measuring.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters
from scipy import ndimage
from skimage.filters import threshold_li

pattern = "images/*.tif"  # your images


def numbered(chunk):
    level = threshold_li(chunk)
    background = chunk[chunk <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    return ndimage.label((chunk[0] > level) & found)[0][None]


images = imread(pattern, imread=tifffile.imread)[:5]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
smoothed = ndfilters.gaussian_filter(images.astype("float32"), sigma=[0, 1, 1])
labels = smoothed.map_blocks(numbered, dtype=np.int32)
print("objects in each frame:", labels.max(axis=(1, 2)).compute().tolist())
