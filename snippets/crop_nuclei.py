"""Cut a small picture of each nucleus out of a frame, all of one size.

    python snippets/crop_nuclei.py

For a gallery, or to train a classifier; start it where images/ is, or change `pattern`: it takes
the first frame. Each crop is centred on its nucleus. It is zero beyond the edge of the frame, and
where other nuclei are. It prints the number of crops, and of nuclei that are larger than a crop.
Explained in notebooks/05_measuring.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li

pattern = "images/*.tif"  # your images
SIZE = 64  # width and height of a crop, in pixels

image = imread(pattern, imread=tifffile.imread)[0].compute()
assert image.ndim == 2, f"not one grey frame per file: {image.shape}"
smooth = ndimage.gaussian_filter(image.astype("float32"), 1)
level = threshold_li(smooth)
background = smooth[smooth <= level]
found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
labels, count = ndimage.label((smooth > level) & found)
areas = np.bincount(labels.ravel())
padded = [np.pad(array, SIZE // 2) for array in (image, labels)]
centres = ndimage.center_of_mass(labels > 0, labels, np.arange(1, count + 1))
crops, larger = np.zeros((count, SIZE, SIZE), image.dtype), 0
for number, (row, column) in enumerate(np.round(centres).astype(int), start=1):
    around = np.s_[row : row + SIZE, column : column + SIZE]
    own = padded[1][around] == number
    crops[number - 1] = np.where(own, padded[0][around], 0)
    larger += own.sum() < areas[number]
print(f"{count} crops of {SIZE} x {SIZE} pixels; {larger} nuclei are larger")
