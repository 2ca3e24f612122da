"""The whole pipeline: read, smooth, threshold, open, label, measure, with dask-image.

    python snippets/whole_pipeline.py

It takes the first three frames of the data set in use (real or simulated), prints the table and
the number of nuclei, and shows mean intensity against area. For images of your own, put their
pattern, such as "folder/*.tif", in place of the first argument of `imread`. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import dask
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure, ndmorph

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:3]
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
threshold = ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))
# A cross between two empty planes: each frame is cleaned and labelled on its own.
structure = np.pad([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], ((1, 1), (0, 0), (0, 0))) > 0
# Persist before you label, and before you measure: each label would read the files again.
images, mask = dask.persist(images, ndmorph.binary_opening(smoothed > threshold, structure))
labels, n = dask.persist(*ndmeasure.label(mask, structure))
index = np.arange(1, int(n) + 1)
area, mean = ndmeasure.area(images, labels, index), ndmeasure.mean(images, labels, index)
nuclei = pd.DataFrame(dask.compute({"area": area, "mean_intensity": mean})[0], index=index)
print(nuclei.rename_axis("label"), f"{len(nuclei)} nuclei in {len(images)} frames", sep="\n")
nuclei.plot.scatter("area", "mean_intensity", title="nuclei, pixels and grey levels")
plt.show()
