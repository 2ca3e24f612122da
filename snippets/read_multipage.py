"""Read a TIFF file of many pages as one lazy array, one page per chunk.

    python snippets/read_multipage.py

For stacks that a microscope's software saved as one file, at once or page by page; put yours in
place of stack.tif. Of a pyramid the full resolution is taken; a file that hides images behind one
page, or holds pages of several shapes or colours, is refused. It prints the array, and the mean of
the last page; the other pages are not read. Explained in notebooks/01_reading.ipynb.
"""

import dask.array as da
import tifffile
import zarr

path = "stack.tif"  # your file

# tifffile presents the file as a Zarr array: opened here, read where it is computed. Pages that
# were appended one by one count as one series if the shape that was noted with each is not used.
store = tifffile.imread(path, aszarr=True, chunkmode="page", level=0, is_shaped=False)
with tifffile.TiffFile(path) as tif:
    page, pages = tif.pages.first, len(tif.pages)
    planes = sum(series.size for series in tif.series) / page.size
images = da.from_zarr(zarr.open_array(store, mode="r")).reshape(-1, *page.shape)
if page.ndim != 2 or not len(images) == pages == planes:
    raise SystemExit(f"{path}: {pages} pages; save one grey image per page, all of one shape")
print(images)
print("mean of the last page:", images[-1].mean().compute())
