"""Find one threshold for all frames, from the histogram of all their pixels.

    python snippets/threshold_of_stack.py

For frames that were recorded under the same conditions, in grey levels that are whole numbers of up
to 16 bits; start it where images/ is, or change `pattern`. Each file is read once and only its
histogram is kept, so the stack may be larger than memory. It prints Otsu's threshold, and the share
of pixels above it. Explained in notebooks/03_thresholding.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread
from skimage.filters import threshold_otsu

pattern = "images/*.tif"  # your images

images = imread(pattern, imread=tifffile.imread)
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
levels = np.arange(np.iinfo(images.dtype).max + 1)
counts = da.bincount(images.ravel(), minlength=len(levels)).compute()
threshold = threshold_otsu(hist=(counts, levels))
mask = images > threshold
share = counts[levels > threshold].sum() / counts.sum()
print(f"threshold {threshold} grey levels, {share:.1%} of all pixels above it")
