"""Number the objects of one large image, across the borders of its chunks.

    python snippets/label_large_image.py

For an image that is read chunk by chunk, with objects that do not touch; put yours in place of
large.tif. dask-image labels each chunk, then joins what meets at a border. The mask is persisted
first, because each of these steps would compute it again: mask and labels have to fit into memory,
5 bytes per pixel, and more while the chunks are joined. It prints the number of objects, and how
many there would be without the joining. Explained in notebooks/05_measuring.ipynb.
"""

import dask
import dask.array as da
import tifffile
import zarr
from dask_image import ndfilters, ndmeasure
from scipy import ndimage
from skimage.filters import threshold_li

path = "large.tif"  # your image
CHUNK = 1024  # pixels

store = tifffile.imread(path, aszarr=True, level=0)  # of a pyramid, the full resolution
image = da.from_zarr(zarr.open_array(store, mode="r")).rechunk(CHUNK)
assert image.ndim == 2, f"{path} is not one grey image: its shape is {image.shape}"
smoothed = ndfilters.gaussian_filter(image.astype("float32"), sigma=1)
sample = smoothed[::4, ::4].compute()
level = threshold_li(sample)  # the same for all chunks
background = sample[sample <= level]
assert level > background.mean() + 2 * background.std(), f"{path} seems to hold noise alone"
mask = (smoothed > level).persist()
labels, count = dask.compute(*ndmeasure.label(mask))

alone = sum(ndimage.label(chunk.compute())[1] for chunk in mask.blocks.ravel())
print(f"{count} objects in {image.shape}; {alone} if each chunk is labelled separately")
