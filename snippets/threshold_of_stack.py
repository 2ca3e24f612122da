"""Find one threshold for all frames, from the histogram of the whole stack.

    python snippets/threshold_of_stack.py

For frames that were recorded under the same conditions. Each file is read once and only its
histogram is kept, so the stack may be larger than memory. It prints Otsu's threshold, and the share
of pixels above it. Explained in notebooks/03_thresholding.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread
from skimage.filters import threshold_otsu

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
counts = da.bincount(images.ravel(), minlength=2**16).compute()
levels = np.arange(len(counts))
threshold = threshold_otsu(hist=(counts, levels))
mask = images > threshold
share = counts[levels > threshold].sum() / counts.sum()
print(f"threshold {threshold} grey levels, {share:.1%} of all pixels above it")
