"""Read a folder of files as one lazy array, one file a chunk.

    python snippets/read_pattern.py

For frames of one shape, one to a file. Put your own pattern in place of the first one. It prints
the shape of the stack, and the mean of the first frame, for which only that file is read.
Explained in notebooks/01_reading.ipynb.
"""

import tifffile
from dask.array.image import imread

from segkit import data

pattern = str(data.locate() / "images" / "*.tif")
images = imread(pattern, imread=tifffile.imread)
print(images.shape, images.dtype, f"{images.nbytes / 1e6:.0f} MB, one frame per chunk")
print("mean of the first frame:", images[0].mean().compute())
