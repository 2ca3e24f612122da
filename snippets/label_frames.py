"""Number the objects of each frame from 1 on, lazily.

    python snippets/label_frames.py

For frames that have nothing to do with each other. Each chunk, one frame, is labelled by itself:
no object reaches into another frame, and no task waits for another. It prints the number of objects
in each of the first five frames. Explained in notebooks/05_measuring.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters
from scipy import ndimage

from segkit import data


def numbered(mask):
    """Label a chunk of one frame."""
    return ndimage.label(mask)[0]


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
mask = ndfilters.gaussian_filter(images, sigma=[0, 1, 1]) > 300
labels = mask.map_blocks(numbered, dtype=np.int32)
print("objects in each frame:", labels.max(axis=(1, 2)).compute().tolist())
