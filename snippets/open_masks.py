"""Clean the masks of a stack, each frame by itself, without joining frames.

    python snippets/open_masks.py

For specks and thin bridges in a mask. The structuring element has three planes, and its cross lies
in the middle one: no pixel has a neighbour in another frame. Put a grey level that suits your
images in place of `LEVEL`. It prints how many pixels the opening took from the first five frames.
Explained in notebooks/04_morphology.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmorph
from scipy import ndimage

from segkit import data

LEVEL = 300  # grey levels: between background and nuclei in most frames of BBBC039

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
mask = ndfilters.gaussian_filter(images, sigma=[0, 1, 1]) > LEVEL

structure = np.zeros((3, 3, 3), dtype=bool)
structure[1] = ndimage.generate_binary_structure(2, 1)
opened = ndmorph.binary_opening(mask, structure)
taken = (mask & ~opened).sum(axis=(1, 2)).compute()
print("pixels taken from each frame:", taken.tolist())
