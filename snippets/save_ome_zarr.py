"""Save label images as OME-Zarr, which napari and other viewers open with the right scale.

    python snippets/save_ome_zarr.py

For label images that go to a colleague. The attributes are those of OME-Zarr 0.5: axes, and the
size of a pixel; put yours in place of `PIXEL`. It prints the arrays that the store holds.
Explained in notebooks/06_whole_pipeline.ipynb.
"""

import dask.array as da
import numpy as np
import tifffile
import zarr
from dask.array.image import imread

from segkit import data, frame

PIXEL = 0.645  # micrometres; that of BBBC039


def labelled(chunk):
    """Label a chunk of one frame."""
    return frame.segment(chunk[0], method="watershed")[None]


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
labels = images.map_blocks(labelled, dtype=np.int32)

axes = [{"name": "t", "type": "time"}]  # frames: viewers give a time axis a slider
axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
scale = [{"type": "scale", "scale": [1, PIXEL, PIXEL]}]
level = {"path": "0", "coordinateTransformations": scale}
ome = {"version": "0.5", "multiscales": [{"name": "nuclei", "axes": axes, "datasets": [level]}]}
ome["image-label"] = {"version": "0.5"}
group = zarr.open_group("build/snippets/labels.ome.zarr", mode="w", attributes={"ome": ome})
form = {"shape": labels.shape, "chunks": labels.chunksize, "dtype": labels.dtype}
array = group.create_array("0", dimension_names=[axis["name"] for axis in axes], **form)
da.store(labels, array)
print(group.tree())
