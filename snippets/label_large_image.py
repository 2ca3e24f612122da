"""Number the objects of one large image, across the borders of its chunks.

    python snippets/label_large_image.py

For an image in chunks, or a mosaic: here four frames, put together as one image in four chunks.
dask-image labels each chunk, then joins what touches over a border. The mask is persisted first,
because each of these steps would compute it again. The image itself is read chunk by chunk, but
mask and labels have to fit into memory: 5 bytes a pixel, and more while the chunks are joined.
It prints the number of objects, and how many there would be without the joining. Explained in
notebooks/05_measuring.ipynb.
"""

import dask.array as da
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure
from scipy import ndimage

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
mosaic = da.block([[images[0], images[1]], [images[2], images[3]]])
mask = (ndfilters.gaussian_filter(mosaic, sigma=1) > 300).persist()
labels, count = ndmeasure.label(mask)
labels, count = da.compute(labels, count)

alone = sum(ndimage.label(chunk.compute())[1] for chunk in mask.blocks.ravel())
print(f"{count} objects in {mosaic.shape}; {alone} if each chunk is labelled by itself")
