"""Leave out the nuclei that the edge of their frame cuts.

    python snippets/clear_border.py

For measurements of size and shape, which such nuclei would spoil; for a mere count they belong in.
It prints the number of nuclei in each of the first five frames, with and without them. Explained in
notebooks/04_morphology.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from skimage.segmentation import clear_border

from segkit import data, frame


def labelled(chunk):
    """Label a chunk of one frame."""
    return frame.segment(chunk[0], method="watershed")[None]


def inner(chunk):
    """Remove what touches the edge from the labels of one frame."""
    return clear_border(chunk[0])[None]


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
labels = images.map_blocks(labelled, dtype=np.int32).persist()
whole = labels.map_blocks(inner, dtype=np.int32)
for name, stack in (("all:        ", labels), ("not cut off:", whole)):
    print(name, [len(np.unique(one[one > 0])) for one in stack.compute()])
