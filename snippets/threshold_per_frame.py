"""Give each frame a threshold of its own, with a function of scikit-image.

    python snippets/threshold_per_frame.py

For frames that differ in brightness. `map_blocks` calls the function on each chunk, and a chunk is
a frame; any threshold of skimage.filters can stand in place of Otsu's. It prints the share of each
of the first frames that lies above. Explained in notebooks/03_thresholding.ipynb.
"""

import tifffile
from dask.array.image import imread
from skimage.filters import threshold_otsu

from segkit import data


def above_otsu(frame):
    """Compare a chunk of one frame with its own threshold."""
    return frame > threshold_otsu(frame)


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
mask = images.map_blocks(above_otsu, dtype=bool)
share = mask[:5].mean(axis=(1, 2)).compute()
print("share of each frame above its threshold:", *(f"{value:.1%}" for value in share))
