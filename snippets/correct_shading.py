"""Even out the light of a microscope, estimated from all frames together.

    python snippets/correct_shading.py

For stacks that are brighter in the middle, or at one side. At each pixel the median of all frames
is the light, where most of them show background there. A reduction along the frames needs them in
one chunk, hence the chunks are cut in rows instead. It prints how uneven the light was.
Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage

from segkit import data

pattern = str(data.locate() / "images" / "*.tif")
images = imread(pattern, imread=tifffile.imread)
columns_of_pixels = images.rechunk({0: -1, 1: 40})
light = da.median(columns_of_pixels, axis=0).compute()
light = ndimage.gaussian_filter(light, sigma=30)  # what is finer is no light, but leftovers

corrected = images * np.float32(light.mean() / light)
low, high = light.min() / light.mean(), light.max() / light.mean()
print(f"light between {low:.3f} and {high:.3f} of its mean")
print(corrected)
