"""Draw the outlines of labels over their frame, and save the picture.

    python snippets/show_outlines.py

For checking a segmentation by eye, or for a report. It writes build/snippets/outlines.png, and
prints how many nuclei are outlined. Explained in notebooks/03_thresholding.ipynb.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tifffile
from skimage.segmentation import find_boundaries

from segkit import data, frame

image = tifffile.imread(data.images(data.locate())[0])
labels = frame.segment(image, method="watershed")
outlines = np.ma.masked_equal(find_boundaries(labels, mode="inner"), False)

fig, ax = plt.subplots(figsize=(8, 6), layout="constrained")
low, high = np.percentile(image, [0.5, 99.5])
ax.imshow(image, cmap="gray", vmin=low, vmax=high)
ax.imshow(outlines, cmap="Wistia_r", interpolation="none")
ax.set(title=f"{labels.max()} nuclei", xlabel="column (pixels)", ylabel="row (pixels)")
path = Path("build/snippets/outlines.png")
path.parent.mkdir(parents=True, exist_ok=True)
fig.savefig(path, dpi=150)
print(f"{labels.max()} nuclei outlined in {path}")
