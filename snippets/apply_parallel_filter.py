"""Run a filter of scikit-image chunk by chunk, right up to the border of the image.

    python snippets/apply_parallel_filter.py

For any filter that looks at near pixels; start it in a folder that holds images/, or change
`pattern`. Put your filter in place of `my_filter`, how far it looks in place of 12, and its own
mode in place of "nearest". It prints the largest difference from the first image filtered in one
piece: zero. Explained in notebooks/09_apply_parallel.ipynb.
"""

import numpy as np
from dask.array.image import imread
from skimage.filters import gaussian
from skimage.util import apply_parallel

pattern = "images/*.tif"  # your images
first = imread(pattern)[0].compute().astype("float32")


def my_filter(image):
    return gaussian(image, sigma=3, mode="nearest")


filtered = apply_parallel(my_filter, first, chunks=256, depth=12, mode="nearest", dtype="float32")
error = np.abs(filtered - my_filter(first)).max()
print(f"largest difference from the image filtered in one piece: {error:.3f} grey levels")
