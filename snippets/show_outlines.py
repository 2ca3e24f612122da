"""Draw the outlines of labels over their frame, and save the picture.

    python snippets/show_outlines.py

For checking a segmentation by eye, or for a report; start it where images/ is, or change `pattern`:
it takes the first frame. Put your own segmentation in place of the lines that make `labels`. It
writes outlines.png, and prints how many nuclei are outlined. Explained in
notebooks/03_thresholding.ipynb.
"""

import matplotlib.pyplot as plt
import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.segmentation import find_boundaries

pattern = "images/*.tif"  # your images

image = imread(pattern, imread=tifffile.imread)[0].compute()
assert image.ndim == 2, f"not one grey frame per file: {image.shape}"
smooth = ndimage.gaussian_filter(image.astype("float32"), 1)
level = threshold_li(smooth)
background = smooth[smooth <= level]
found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
labels, count = ndimage.label((smooth > level) & found)
outlines = np.ma.masked_equal(find_boundaries(labels, mode="inner"), False)

fig, ax = plt.subplots(figsize=(8, 6), layout="constrained")
low, high = np.percentile(image, [0.5, 99.5])
ax.imshow(image, cmap="gray", vmin=low, vmax=high)
ax.imshow(outlines, cmap="Wistia_r", interpolation="none")
ax.set(title=f"{count} nuclei", xlabel="column (pixels)", ylabel="row (pixels)")
fig.savefig("outlines.png", dpi=150)
print(f"{count} nuclei outlined in outlines.png")
