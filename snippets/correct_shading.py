"""Correct uneven illumination, estimated from all frames together.

    python snippets/correct_shading.py

For frames that are brighter in the middle, or at one side; start it where images/ is, or change
`pattern`. At each pixel the median of all frames is the illumination, if most frames show
background there. That median needs all frames in one chunk, so the chunks are bands of rows. It
prints how uneven the illumination was. Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread
from scipy import ndimage

pattern = "images/*.tif"  # your images
SIGMA = 30  # pixels, wider than a nucleus: finer structure is what is left of the nuclei

images = imread(pattern, imread=tifffile.imread)
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
bands = images.rechunk({0: -1, 1: 40})
light = da.median(bands, axis=0).compute()
light = ndimage.gaussian_filter(light.astype("float32"), SIGMA)

corrected = images * (light.mean() / light)
low, high = light.min() / light.mean(), light.max() / light.mean()
print(f"illumination between {low:.3f} and {high:.3f} of its mean")
print(corrected)
