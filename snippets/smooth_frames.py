"""Blur each frame of a stack separately, and keep the fractions.

    python snippets/smooth_frames.py

For noise that would disturb a threshold; start it where images/ is, or change `pattern`. There is
one sigma per axis: 0 along the frames. On whole numbers the result would be cut off to whole
numbers, so the frames become float32 first. It prints how much of the pixel-to-pixel noise is left.
Explained in notebooks/02_filtering.ipynb.
"""

import dask
import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

pattern = "images/*.tif"  # your images

images = imread(pattern, imread=tifffile.imread)
smoothed = ndfilters.gaussian_filter(images.astype("float32"), sigma=[0, 1, 1])

before, after = dask.compute(images[0].astype("float32"), smoothed[0])
noise = [np.median(np.abs(np.diff(image, axis=1))) for image in (before, after)]
print(f"median step between neighbours: {noise[0]:.3g} as read, {noise[1]:.3g} smoothed")
