"""Drop small objects from masks and fill small holes, with today's names of scikit-image.

    python snippets/drop_small_objects.py

For debris that an opening would not remove without rounding the nuclei off. `max_size` is the size
in pixels up to which something goes (the older `min_size` is deprecated). It prints the number of
objects in the first five frames, before and after. Explained in notebooks/04_morphology.ipynb.
"""

import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.morphology import remove_small_holes, remove_small_objects

from segkit import data


def clean(mask):
    """Clean a chunk of one frame."""
    return remove_small_holes(remove_small_objects(mask, max_size=100), max_size=100)


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
mask = images.map_blocks(lambda frame: frame > threshold_otsu(frame), dtype=bool)
cleaned = mask.map_blocks(clean, dtype=bool)
before, after = ([ndimage.label(frame)[1] for frame in some.compute()] for some in (mask, cleaned))
print("objects a frame before:", before)
print("objects a frame after: ", after)
