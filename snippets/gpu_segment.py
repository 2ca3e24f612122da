"""Segment and measure a batch of frames on a GPU, or on the CPU where there is none.

    python snippets/gpu_segment.py

For many frames of one size that fit into the memory of the GPU together, about 8 MB each for frames
of the course's size. The frames go to the GPU once, in the dtype of their files, and only the table
comes back. It prints how many nuclei there are and what computed them. Explained in
notebooks/15_gpu.ipynb.
"""

import numpy as np
import pandas as pd
import tifffile

from segkit import data

try:
    import cupy as xp
    from cupyx.scipy import ndimage

    xp.cuda.runtime.getDeviceProperties(0)  # an error where there is no GPU
    to_host = xp.asnumpy
except (ImportError, RuntimeError):
    import numpy as xp
    from scipy import ndimage

    to_host = np.asarray

files = data.images(data.locate())[:10]  # in place of it, a list of your own files
images = xp.asarray(np.stack([tifffile.imread(path) for path in files]))
structure = np.zeros((3, 3, 3), bool)  # joins no pixels of neighbouring frames
structure[1] = [[0, 1, 0], [1, 1, 1], [0, 1, 0]]
structure = xp.asarray(structure)

smoothed = ndimage.gaussian_filter(images.astype(float), [0, 1, 1])
wide = [(size - 1) / 6 for size in images.shape[1:]]
mask = smoothed > ndimage.gaussian_filter(smoothed, [0, *wide])
labels, count = ndimage.label(ndimage.binary_opening(mask, structure), structure)
area = xp.bincount(labels.ravel())
mean = xp.bincount(labels.ravel(), weights=images.ravel().astype(float)) / area
last = np.maximum.accumulate(to_host(labels.max(axis=(1, 2))))  # the numbers go on over frames
table = pd.DataFrame(
    {
        "frame": np.searchsorted(last, np.arange(1, count + 1)),
        "area": to_host(area)[1:],
        "mean_intensity": to_host(mean)[1:],
    }
)
print(f"{len(table)} nuclei in {len(files)} frames, computed with {xp.__name__}")
