"""Leave out the nuclei that the edge of their frame cuts.

    python snippets/clear_border.py

For measurements of size and shape, which such nuclei would spoil; for a count they belong in. Start
it in a folder that holds images/, or change `pattern`. It prints the number of nuclei in each of
the first five frames, with and without them. Explained in notebooks/04_morphology.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.segmentation import clear_border

pattern = "images/*.tif"  # your images


def labelled(chunk):
    smooth = ndimage.gaussian_filter(chunk[0].astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    return ndimage.label((smooth > level) & found)[0][None]


def uncut(chunk):
    return clear_border(chunk[0])[None]


images = imread(pattern, imread=tifffile.imread)[:5]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
labels = images.map_blocks(labelled, dtype=np.int32).persist()
inside = labels.map_blocks(uncut, dtype=np.int32)
for name, stack in (("all:    ", labels), ("not cut:", inside)):
    print(name, [len(np.unique(one[one > 0])) for one in stack.compute()])
