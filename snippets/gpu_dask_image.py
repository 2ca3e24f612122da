"""Filter with dask-image on a GPU, or on the CPU where there is none.

    python snippets/gpu_dask_image.py

For filters and morphology on more frames than the GPU's memory holds at once; start it where
images/ is, or change `pattern`. Only the chunks and the structuring element are moved; dask-image
goes by their type. Several frames share a chunk, so that the GPU has enough to do. It prints the
share of pixels in the mask, and what computed it. Explained in notebooks/15_gpu.ipynb.
"""

import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmorph

try:
    import cupy as xp

    xp.cuda.runtime.getDeviceProperties(0)  # an error where there is no GPU
except (ImportError, RuntimeError):
    import numpy as xp

pattern = "images/*.tif"  # your images
images = imread(pattern, imread=tifffile.imread)[:4]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
batch = images.rechunk({0: 4}).map_blocks(xp.asarray, meta=xp.empty((0, 0, 0), images.dtype))
smoothed = ndfilters.gaussian_filter(batch.astype(float), sigma=[0, 1, 1])
mask = smoothed > ndfilters.threshold_local(smoothed, (1, *images.shape[1:]))
cross = np.pad([[[0, 1, 0], [1, 1, 1], [0, 1, 0]]], ((1, 1), (0, 0), (0, 0))) > 0
opened = ndmorph.binary_opening(mask, structure=xp.asarray(cross))
share = opened.mean().compute()
print(f"{100 * float(share):.2f} % of the pixels, computed with {xp.__name__}")
