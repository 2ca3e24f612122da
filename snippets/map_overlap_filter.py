"""Filter an image chunk by chunk with a function of your own, without seams.

    python snippets/map_overlap_filter.py

For any function of an image that looks at near pixels; start it in a folder that holds images/, or
change `pattern`. Put your function in place of `my_filter`, and how far it looks in place of 60. It
prints how many pixels differ from the first image filtered in one piece: none. Explained in
notebooks/07_map_blocks_map_overlap.ipynb.
"""

import dask.array as da
import numpy as np
from dask.array.image import imread
from scipy import ndimage

pattern = "images/*.tif"  # your images
image = imread(pattern)[0].compute()


def my_filter(image):
    return image - ndimage.grey_opening(image, size=61)


chunks = da.from_array(image, chunks=256)
filtered = da.map_overlap(my_filter, chunks, depth=60, boundary="none", dtype=image.dtype)
differing = np.count_nonzero(filtered.compute() != my_filter(image))
print(f"{differing} of {image.size} pixels differ from the image filtered in one piece")
