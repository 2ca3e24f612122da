"""Save a stack as Zarr, and filter it from Zarr to Zarr with a few frames in memory.

    python snippets/stack_to_zarr.py

For a stack that is read more than once, or is larger than memory: one compressed array in place of
many files, in chunks large enough to be worth a task. Start it where images/ is, or change
`pattern`. A chunk is read, filtered, written and forgotten, and each thread holds one at a time. It
writes stack.zarr and smooth.zarr, which must not exist yet, and prints the arrays. Explained in
notebooks/09_apply_parallel.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread
from dask_image import ndfilters

pattern = "images/*.tif"  # your images
FRAMES = 10  # per chunk

images = imread(pattern, imread=tifffile.imread)
images.rechunk({0: FRAMES}).to_zarr("stack.zarr")

stack = da.from_zarr("stack.zarr")
smoothed = ndfilters.gaussian_filter(stack.astype("float32"), sigma=[0, 1, 1])
smoothed.to_zarr("smooth.zarr")
for name, array in (("files:", images), ("Zarr:", stack), ("smooth:", da.from_zarr("smooth.zarr"))):
    print(f"{name:8}", array.shape, array.dtype, array.npartitions, "chunks")
