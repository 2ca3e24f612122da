"""Correct uneven illumination, estimated from all frames together.

    python snippets/correct_shading.py

For frames that are brighter in the middle, or at one side; start it where images/ is, or change
`pattern`. At each pixel the lower quartile of all frames is the illumination, if most of them show
background there. It needs all frames in one chunk, so the chunks are bands of rows. It prints how
uneven the illumination was, and how far estimates from every second frame differ: if that is as
much, nuclei are in them, and you need more frames. Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread
from scipy import ndimage

pattern = "images/*.tif"  # your images
SIGMA = 30  # pixels, wider than a nucleus: finer structure is what is left of the nuclei
DARK = 0  # grey levels that your camera adds, as in a frame without light

images = imread(pattern, imread=tifffile.imread)
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
bands = images.rechunk({0: -1, 1: 40})


def illumination(frames):
    light = da.quantile(frames, 0.25, axis=0).compute() - DARK
    light = ndimage.gaussian_filter(light.astype("float32"), SIGMA)
    return light / light.mean()


light = illumination(bands)
corrected = (images.astype("float32") - DARK) / light
print(f"illumination between {light.min():.3f} and {light.max():.3f} of its mean")
difference = abs(illumination(bands[::2]) - illumination(bands[1::2])).max()
print(f"estimates from every second frame differ by up to {difference:.3f}")
print(corrected)
