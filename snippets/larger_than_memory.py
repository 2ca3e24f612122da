"""Filter a stack from Zarr to Zarr, with only a few frames in memory at any time.

    python snippets/larger_than_memory.py

For stacks larger than memory. A chunk is read, filtered, written and forgotten; how many there are
at once is the number of workers. Put your own Zarr in place of `source`, and leave out the lines
that make one. It prints the size of the stack, and the most that its arrays took of the memory.
Explained in notebooks/09_apply_parallel.ipynb.
"""

import tracemalloc

import dask
import dask.array as da
import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

from segkit import data

source, target = "build/snippets/large.zarr", "build/snippets/filtered.zarr"
frames = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
da.concatenate([frames[:10]] * 6).to_zarr(source, mode="w")

tracemalloc.start()
stack = da.from_zarr(source)
smoothed = ndfilters.uniform_filter(stack.astype("float32"), size=(1, 5, 5))
with dask.config.set(scheduler="threads", num_workers=2):
    smoothed.to_zarr(target, mode="w")
peak = tracemalloc.get_traced_memory()[1]
tracemalloc.stop()
filtered = da.from_zarr(target)
print(f"{filtered.nbytes / 1e6:.0f} MB written, {peak / 1e6:.0f} MB in memory at most")
print("mean of the last frame:", np.round(filtered[-1].mean().compute(), 2))
