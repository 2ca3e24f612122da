"""Count the objects of three images with dask-image.

    python snippets/count_nuclei.py

For a first look at images of your own. Start it in the folder that holds `images`, or put your own
pattern in place of `pattern`; without `[:3]` it takes all images, which have to be of one shape. It
prints one count per image. Explained in notebooks/00_start_here.ipynb.
"""

import tifffile
from dask.array.image import imread
from dask_image import ndfilters
from scipy import ndimage

pattern = "images/*.tif"  # your images
images = imread(pattern, imread=tifffile.imread)[:3]  # the first three
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
noise = abs(images.astype("float32") - smoothed).mean(axis=(1, 2), keepdims=True)
masks = (smoothed > ndfilters.threshold_local(smoothed, images.chunksize) + 3 * noise).compute()
print([ndimage.label(ndimage.binary_opening(mask))[1] for mask in masks], "objects")
