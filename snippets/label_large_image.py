"""Number the objects of one large image, across the borders of its chunks.

    python snippets/label_large_image.py

For an image in chunks, or a mosaic: here four frames, put together as one image in four chunks.
Put your own image in place of `mosaic`, and a grey level that suits it in place of `LEVEL`.
dask-image labels each chunk, then joins what touches over a border. The mask is persisted first,
because each of these steps would compute it again. The image itself is read chunk by chunk, but
mask and labels have to fit into memory: 5 bytes a pixel, and more while the chunks are joined.
It prints the number of objects, and how many there would be without the joining. Explained in
notebooks/05_measuring.ipynb.
"""

import glob

import dask.array as da
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure
from scipy import ndimage

from segkit import data, reading

LEVEL = 300  # grey levels: between background and nuclei in most frames of BBBC039

pattern = f"{glob.escape(str(data.locate() / 'images'))}/*.tif"  # [ in it would be a wildcard
images = imread(pattern, imread=reading.read_frame)  # refuses files of several pages
mosaic = da.block([[images[0], images[1]], [images[2], images[3]]])
mask = (ndfilters.gaussian_filter(mosaic, sigma=1) > LEVEL).persist()
labels, count = ndmeasure.label(mask)
labels, count = da.compute(labels, count)

alone = sum(ndimage.label(chunk.compute())[1] for chunk in mask.blocks.ravel())
print(f"{count} objects in {mosaic.shape}; {alone} if each chunk is labelled by itself")
