"""Read an image of an OME-Zarr as a lazy array, with its axes and pixel size.

    python snippets/read_ome_zarr.py

For stores that other programs wrote, or `segkit segment --labels`; put yours in place of the path,
and what you want of the axes into `TAKE`. An OME-Zarr is a group: `da.from_zarr(path)` alone ends
in "Expected 'array'. Got 'group'", and `component` names the array inside, here the one of full
resolution. It prints the axes, the pixel sizes and the array that is left. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import dask.array as da
import zarr

path = "labels.ome.zarr"  # your OME-Zarr
TAKE = {"c": 0}  # of the channels, the first; of all other axes, everything

group = zarr.open_group(path, mode="r")
ome = group.attrs.get("ome", group.attrs)  # versions up to 0.4 have no "ome"
if "multiscales" not in ome:
    raise SystemExit(f"{path} holds no image itself: open one of its groups {sorted(group)}")
image = ome["multiscales"][0]
level = image["datasets"][0]
scale = level["coordinateTransformations"][0]["scale"]
array = da.from_zarr(path, component=level["path"])
axes = [axis["name"] for axis in image["axes"]]
for axis, size, step in zip(image["axes"], array.shape, scale, strict=True):
    print(f"{axis['name']}: {size} of {step} {axis.get('unit', '(no unit)')}")
array = array[tuple(TAKE.get(name, slice(None)) for name in axes)]
print("axes", [name for name in axes if name not in TAKE], array)
