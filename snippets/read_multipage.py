"""Read a TIFF file of many pages as one lazy array, one page a chunk.

    python snippets/read_multipage.py

For stacks that a microscope's software saved as one file. Put its path in place of `path`, and
leave out the lines that make such a file. It prints the array, and the mean of one page; the
other pages are not read. Explained in notebooks/01_reading.ipynb.
"""

from pathlib import Path

import dask.array as da
import tifffile
import zarr

from segkit import data

path = Path("build/snippets/stack.tif")
path.parent.mkdir(parents=True, exist_ok=True)
with tifffile.TiffWriter(path) as tif:
    for file in data.images(data.locate())[:5]:
        tif.write(tifffile.imread(file), contiguous=True)

# tifffile presents the file as a Zarr array: opened here, read where it is computed.
store = tifffile.imread(path, aszarr=True, chunkmode="page")
images = da.from_zarr(zarr.open_array(store, mode="r"))
print(images)
print("mean of the third page:", images[2].mean().compute())
