"""Label and measure the objects of a volume in three dimensions.

    python snippets/label_volume.py

For a stack of planes through the same objects (not for frames of a film) with objects that do not
touch; put yours in place of volume.tif, and the distances of its planes, rows and columns in place
of `SPACING`. dask-image smooths and labels across the chunks. The threshold suits objects of like
brightness; threshold_li finds dim ones beside bright ones too, and makes the bright ones larger. It
prints a row per object: its volume, and its mean intensity. Explained in
notebooks/05_measuring.ipynb.
"""

import dask
import dask.array as da
import pandas as pd
import tifffile
import zarr
from dask_image import ndfilters, ndmeasure
from skimage.filters import threshold_isodata

path = "volume.tif"  # your volume
SPACING = (2.0, 0.65, 0.65)  # micrometres: from plane to plane, row to row, column to column
BLUR = 0.65  # micrometres
PLANES = 16  # per chunk

with tifffile.TiffFile(path) as tif:
    axes = tif.series[0].axes
# Q and I: pages of which the file does not say what they are
assert axes in ("ZYX", "QYX", "IYX"), f"{path} holds axes {axes}, not one volume"
store = tifffile.imread(path, aszarr=True, chunkmode="page", level=0)
volume = da.from_zarr(zarr.open_array(store, mode="r")).rechunk({0: PLANES})
sigma = [BLUR / step for step in SPACING]
smoothed = ndfilters.gaussian_filter(volume.astype("float32"), sigma)
sample = smoothed[::2, ::4, ::4].compute()
level = threshold_isodata(sample)  # midway between background and objects
background = sample[sample <= level]
assert level > background.mean() + 2 * background.std(), f"{path} seems to hold noise alone"
labels, count = dask.persist(*ndmeasure.label((smoothed > level).persist()))

# one pass over the labels; ndmeasure.area and ndmeasure.mean make tasks for each object
n = int(count) + 1
voxels = da.bincount(labels.ravel(), minlength=n)
sums = da.bincount(labels.ravel(), weights=volume.ravel(), minlength=n)
voxels, sums = dask.compute(voxels, sums)
size = voxels * SPACING[0] * SPACING[1] * SPACING[2]
table = pd.DataFrame({"volume_um3": size, "mean_intensity": sums / voxels})[1:]
print(table.rename_axis("label").round(1).to_string())
