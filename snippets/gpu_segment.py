"""Segment and measure a batch of images on a GPU, or on the CPU where there is none.

    python snippets/gpu_segment.py

For images of one size, as many at once as fit into the memory of the GPU; one of the course's size
needs about 8 MB. Start it in the folder that holds `images`, or put your own pattern in place of
`pattern`. The images go to the GPU once, in the dtype of their files, and only the table comes
back. It prints the table, with a row per object, and what computed it. Explained in
notebooks/15_gpu.ipynb.
"""

import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread

try:
    import cupy as xp
    from cupyx.scipy import ndimage

    xp.cuda.runtime.getDeviceProperties(0)  # an error where there is no GPU
except (ImportError, RuntimeError):
    import numpy as xp
    from scipy import ndimage

pattern = "images/*.tif"  # your images
images = xp.asarray(imread(pattern, imread=tifffile.imread)[:10].compute())  # as many as fit
structure = xp.zeros((3, 3, 3), bool)  # flat: joins nothing across images
structure[1] = ndimage.generate_binary_structure(2, 1)
smoothed = ndimage.gaussian_filter(images.astype(float), [0, 1, 1])
threshold = ndimage.gaussian_filter(smoothed, [0, *((n - 1) / 6 for n in images.shape[1:])])
opened = ndimage.binary_opening(smoothed > threshold, structure)
labels = ndimage.label(opened, structure)[0]
area = xp.bincount(labels.ravel())[1:]
light = xp.bincount(labels.ravel(), weights=images.ravel().astype(float))[1:]
table = pd.DataFrame({"area": area.tolist(), "mean_intensity": (light / area).tolist()})
last = np.maximum.accumulate(labels.max(axis=(1, 2)).tolist())  # last number of each image
table["image"] = np.searchsorted(last, table.index + 1)
print(table, f"computed with {xp.__name__}", sep="\n")
