"""Clean the masks of a stack: specks, thin bridges, small objects and small holes.

    python snippets/clean_masks.py

For masks of noisy frames, or of frames with debris; start it where images/ is, or change `pattern`.
An opening removes what is thinner than three pixels, then small objects go and small holes are
filled (in scikit-image, `max_size` has replaced `min_size`). Each frame is cleaned separately: a
mask has no neighbours in other frames. It prints the number of objects in each of the first five
frames, before and after. Explained in notebooks/04_morphology.ipynb.
"""

import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.morphology import remove_small_holes, remove_small_objects

pattern = "images/*.tif"  # your images
SMALL = 100  # pixels: larger than debris, smaller than a nucleus


def segmented(chunk):
    smooth = ndimage.gaussian_filter(chunk[0].astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    return ((smooth > level) & found)[None]


def clean(chunk):
    opened = ndimage.binary_opening(chunk[0])
    return remove_small_holes(remove_small_objects(opened, max_size=SMALL), max_size=SMALL)[None]


images = imread(pattern, imread=tifffile.imread)[:5]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
mask = images.map_blocks(segmented, dtype=bool)
cleaned = mask.map_blocks(clean, dtype=bool)
before, after = ([ndimage.label(one)[1] for one in stack.compute()] for stack in (mask, cleaned))
print("objects per frame before:", before)
print("objects per frame after: ", after)
