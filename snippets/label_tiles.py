"""Label touching nuclei in an image larger than memory: one number and one row per nucleus.

    python snippets/label_tiles.py

For one large image of bright nuclei about 30 pixels wide, as a tiled TIFF; put yours in place of
large.tif. Each tile is a task, which sees a margin of its neighbours' pixels. A nucleus is numbered
by the place of its first pixel, so that all tiles that see it use one number; the tile with that
pixel measures it. It writes labels.zarr and nuclei.parquet, which must not exist yet, and prints
the number of nuclei and the widest margin that was needed. Explained in
notebooks/11_one_large_image.ipynb.
"""

from pathlib import Path

import dask
import numpy as np
import pandas as pd
import tifffile
import zarr
from scipy import ndimage
from skimage import filters, measure, segmentation

path = "large.tif"  # your image
TILE, MARGIN = 1024, 64  # pixels; the margin is wider than a nucleus

slide = zarr.open_array(tifffile.imread(path, aszarr=True, level=0), mode="r")
assert slide.ndim == 2, f"{path} is not one grey image: its shape is {slide.shape}"
level = filters.threshold_otsu(slide[::4, ::4])  # the same for all tiles
Path("nuclei.parquet").mkdir()
labels = zarr.create_array("labels.zarr", shape=slide.shape, chunks=(TILE, TILE), dtype="int64")


def segment(image):
    mask = ndimage.gaussian_filter(image.astype("float32"), 1) > level
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    peaks = mask & (height == ndimage.maximum_filter(height, 15))
    return segmentation.watershed(-height, ndimage.label(peaks, np.ones((3, 3)))[0], mask=mask)


def label_tile(start, margin=MARGIN):
    end = np.minimum(start + TILE, slide.shape)
    low, high = np.maximum(start - margin, 0), np.minimum(end + margin, slide.shape)
    image = slide[low[0] : high[0], low[1] : high[1]]
    found = segment(image)
    core = tuple(map(slice, start - low, end - low))
    inner = tuple(map(slice, np.minimum(low, 1), high - low - np.minimum(slide.shape - high, 1)))
    rim = np.ones(found.shape, bool)
    rim[inner] = False  # no rim where the slide itself ends
    cut = np.unique(found[rim])
    if np.isin(found[core], cut[cut > 0]).any():  # not all of a nucleus is in sight
        return label_tile(start, 2 * margin)
    rows, names = [], np.zeros(found.max() + 1, "int64")
    for one in measure.regionprops(found, image):
        first = one.coords[0] + low
        names[one.label] = first[0] * slide.shape[1] + first[1] + 1
        if (first // TILE == start // TILE).all():  # its first pixel lies in this tile
            rows.append((names[one.label], *one.centroid + low, one.area, one.intensity_mean))
    labels[start[0] : end[0], start[1] : end[1]] = names[found[core]]
    table = pd.DataFrame(rows, columns=["label", "row", "column", "area", "mean_intensity"])
    table.to_parquet(f"nuclei.parquet/{start[0]}-{start[1]}.parquet")
    return len(table), margin


tiles = TILE * np.argwhere(np.ones(-(-np.array(slide.shape) // TILE)))
counts, margins = zip(*dask.compute(*map(dask.delayed(label_tile), tiles)), strict=True)
print(f"{sum(counts)} nuclei in {len(tiles)} tiles; widest margin {max(margins)} pixels")
