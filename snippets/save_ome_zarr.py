"""Save label images as OME-Zarr, which napari and other viewers open with the right scale.

    python snippets/save_ome_zarr.py

For label images that go to a colleague; start it where images/ is, or change `pattern`. The
attributes are those of OME-Zarr 0.5: axes, and the size of a pixel. It writes labels.ome.zarr,
which must not exist yet, and prints the arrays in it. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
import zarr
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li

pattern = "images/*.tif"  # your images
PIXEL = None  # its width in micrometres, such as 0.645; None if it is not known


def labelled(chunk):
    smooth = ndimage.gaussian_filter(chunk[0].astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    return ndimage.label((smooth > level) & found)[0][None]


images = imread(pattern, imread=tifffile.imread)
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
labels = images.map_blocks(labelled, dtype=np.int32)

unit = {"unit": "micrometer"} if PIXEL else {}
axes = [{"name": "t", "type": "time"}]  # frames: viewers give a time axis a slider
axes += [{"name": name, "type": "space", **unit} for name in "yx"]
scale = [{"type": "scale", "scale": [1, PIXEL or 1, PIXEL or 1]}]
level = {"path": "0", "coordinateTransformations": scale}
ome = {"version": "0.5", "multiscales": [{"name": "nuclei", "axes": axes, "datasets": [level]}]}
ome["image-label"] = {"version": "0.5"}
group = zarr.open_group("labels.ome.zarr", mode="w-", attributes={"ome": ome})
form = {"shape": labels.shape, "chunks": labels.chunksize, "dtype": labels.dtype}
array = group.create_array("0", dimension_names=[axis["name"] for axis in axes], **form)
da.store(labels, array)
print(group.tree())
