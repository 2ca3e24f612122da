"""Save a stack as Zarr, ten frames a chunk, and open it again.

    python snippets/stack_to_zarr.py

For a stack that is read more than once: one compressed array in place of many files, in chunks
large enough to be worth a task. Put your own pattern in place of the first one. It prints the
arrays before and after. Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread

from segkit import data

pattern = str(data.locate() / "images" / "*.tif")
images = imread(pattern, imread=tifffile.imread)
images.rechunk({0: 10}).to_zarr("build/snippets/stack.zarr", mode="w")

stored = da.from_zarr("build/snippets/stack.zarr")
print("files:", images.shape, images.dtype, images.npartitions, "chunks")
print("Zarr: ", stored.shape, stored.dtype, stored.npartitions, "chunks")
