"""Number the objects of each frame from 1 on, lazily.

    python snippets/label_frames.py

For frames that have nothing to do with each other. Each chunk, one frame, is labelled by itself:
no object reaches into another frame, and no task waits for another. Put your own folder in place
of `folder`, and a grey level that suits your images in place of `LEVEL`. It prints the number of
objects in each of the first five frames. Explained in notebooks/05_measuring.ipynb.
"""

import glob

import numpy as np
from dask.array.image import imread
from dask_image import ndfilters
from scipy import ndimage

from segkit import data, reading

LEVEL = 300  # grey levels: between background and nuclei in most frames of BBBC039


def numbered(mask):
    """Label a chunk of one frame."""
    return ndimage.label(mask)[0]


folder = data.locate() / "images"
pattern = f"{glob.escape(str(folder))}/*.tif"  # [ in the path would be a wildcard
images = imread(pattern, imread=reading.read_frame)[:5]  # refuses files of several pages
mask = ndfilters.gaussian_filter(images, sigma=[0, 1, 1]) > LEVEL
labels = mask.map_blocks(numbered, dtype=np.int32)
print("objects in each frame:", labels.max(axis=(1, 2)).compute().tolist())
