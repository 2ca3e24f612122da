"""Compare each pixel with a weighted mean of its surroundings.

    python snippets/local_threshold.py

For frames whose background rises to one side. `block_size` is how far a pixel looks, here the
whole frame, and 1 along the frames, so that they are not mixed. A smaller block follows the
background more closely, and hollows large objects out. It prints the share of each of the first
three frames that lies above. Explained in notebooks/03_thresholding.ipynb.
"""

import tifffile
from dask.array.image import imread
from dask_image import ndfilters

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:3]
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
threshold = ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))
mask = smoothed > threshold
share = mask.mean(axis=(1, 2)).compute()
print("share of each frame above the threshold:", *(f"{value:.1%}" for value in share))
