"""Read a folder of files as one lazy array, one file per chunk.

    python snippets/read_pattern.py

For frames of one shape, one per file. Run it in a folder that holds images/*.tif, or change its
pattern. It prints the shape of the stack, and the mean of the first frame, for which only that
file is read. Explained in notebooks/01_reading.ipynb.
"""

import tifffile
from dask.array.image import imread

pattern = "images/*.tif"  # your images
images = imread(pattern, imread=tifffile.imread)
print(images.shape, images.dtype, f"{images.nbytes / 1e6:.1f} MB, one file per chunk")
print("mean of the first frame:", images[0].mean().compute())
