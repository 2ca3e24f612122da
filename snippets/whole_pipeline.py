"""The complete pipeline with dask-image: read, smooth, threshold, open, label, measure.

    python snippets/whole_pipeline.py

For a table of nuclei from your own images, one grey frame per file; start it where images/ is, or
change `pattern`. Without `[:3]` it takes all frames. The local threshold is raised above the noise,
which would pass it where no nuclei are near. Objects of fewer than `SMALL` pixels are left out of
the table. It prints the table and the numbers of objects, and shows mean intensity against area.
Explained in notebooks/00_start_here.ipynb.
"""

import dask
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure, ndmorph

pattern = "images/*.tif"  # your images
SMALL = 32  # pixels: larger than debris, smaller than a nucleus

images = imread(pattern, imread=tifffile.imread)[:3]
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
threshold = ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))
noise = abs(images.astype("float32") - smoothed).mean(axis=(1, 2), keepdims=True)
bright = smoothed > threshold + 3 * noise
# A cross between two empty planes: each frame is cleaned and labelled separately.
structure = np.pad([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], ((1, 1), (0, 0), (0, 0))) > 0
# Persist before you label, and before you measure: each label would read the files again.
images, mask = dask.persist(images, ndmorph.binary_opening(bright, structure))
labels, n = dask.persist(*ndmeasure.label(mask, structure))
index = np.arange(1, int(n) + 1)
area, mean = ndmeasure.area(images, labels, index), ndmeasure.mean(images, labels, index)
objects = pd.DataFrame(dask.compute({"area": area, "mean_intensity": mean})[0], index=index)
nuclei = objects[objects["area"] >= SMALL]
print(nuclei.rename_axis("label"))
print(f"{len(objects)} objects in {len(images)} frames, {len(nuclei)} of at least {SMALL} pixels")
nuclei.plot.scatter("area", "mean_intensity", title="nuclei, pixels and grey levels")
plt.show()
