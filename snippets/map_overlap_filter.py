"""Filter an image chunk by chunk with a function of your own, without seams.

    python snippets/map_overlap_filter.py

For any function of an image that looks at near pixels. Put it in place of `subtract_background`,
and how far it looks in place of 60. It prints how many pixels differ from the whole image at
once: none. Explained in notebooks/07_map_blocks_map_overlap.ipynb.
"""

import dask.array as da
import numpy as np
from scipy import ndimage

from segkit import data, reading


def subtract_background(image):
    """Subtract what is left of an image after an opening with 61 x 61 pixels."""
    return image - ndimage.grey_opening(image, size=61)


image = reading.read_frame(data.images(data.locate())[0])
chunks = da.from_array(image, chunks=(260, 348))
flat = da.map_overlap(
    subtract_background, chunks, depth=60, boundary="none", dtype=image.dtype
).compute()
differing = np.count_nonzero(flat != subtract_background(image))
print(f"{differing} of {image.size} pixels differ from the image filtered in one piece")
