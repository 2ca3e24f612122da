"""Label touching nuclei in an image larger than memory: one number and one row per nucleus.

    python snippets/label_tiles.py

For one large image of bright nuclei about `WIDTH` pixels wide, as a tiled TIFF; put yours in place
of large.tif. Each tile is a task, which sees a margin of its neighbours' pixels. A nucleus is
numbered by the place of its first pixel, so that all tiles that see it use one number; the tile
with that pixel measures it. It writes labels.zarr and nuclei.parquet, which must not exist yet, and
prints the number of nuclei and the widest margin that was needed. Explained in
notebooks/11_one_large_image.ipynb.
"""

from itertools import compress
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import tifffile
import zarr
from scipy import ndimage
from skimage import filters, measure, segmentation

path = "large.tif"  # your image
TILE, MARGIN, WIDTH = 1024, 64, 30  # pixels: of a tile, its margin, a nucleus

slide = zarr.open_array(tifffile.imread(path, aszarr=True, level=0), mode="r")
assert slide.ndim == 2, f"{path} is not one grey image: its shape is {slide.shape}"
step = max(slide.shape) // 2048 + 1
sample = slide[::step, ::step]  # at most 2,048 x 2,048 pixels
level = filters.threshold_otsu(sample)  # the same for all tiles
background = sample[sample <= level]
assert level > background.mean() + 2 * background.std(), f"{path} seems to hold noise alone"
Path("nuclei.parquet").mkdir()
labels = zarr.create_array("labels.zarr", shape=slide.shape, chunks=(TILE, TILE), dtype="int64")


def segment(image):
    mask = ndimage.gaussian_filter(image.astype("float32"), 1) > level
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    peaks = mask & (height == ndimage.maximum_filter(height, WIDTH // 2))
    return segmentation.watershed(-height, ndimage.label(peaks, np.ones((3, 3)))[0], mask=mask)


def look(start, margin):
    low = np.maximum(start - margin, 0)
    high = np.minimum(start + TILE + margin, slide.shape)
    image = slide[low[0] : high[0], low[1] : high[1]]
    return low, image, segment(image)


def number(found, low):
    names = np.zeros(found.max() + 1, "int64")
    for nucleus in measure.regionprops(found):
        row, column = nucleus.coords[0] + low  # its first pixel, in the slide
        names[nucleus.label] = row * slide.shape[1] + column + 1
    return names


def cut_off(found, low, core):
    edges = [found[0], found[:, 0], found[-1], found[:, -1]]
    goes_on = [*(low > 0), *(low + found.shape < slide.shape)]  # beyond that edge of the view
    reached = np.unique(np.concatenate([[0], *compress(edges, goes_on)]))[1:]
    return reached[np.isin(reached, found[core])]


def measured(found, image, names, low, start):
    rows = []
    for nucleus in measure.regionprops(found, image):
        name = names[nucleus.label]
        first = np.array(divmod(name - 1, slide.shape[1]))
        if (first // TILE == start // TILE).all():
            rows.append((name, *nucleus.centroid + low, nucleus.area, nucleus.intensity_mean))
    return pd.DataFrame(rows, columns=["label", "row", "column", "area", "mean_intensity"])


def label_tile(start, margin=MARGIN):
    low, image, found = look(start, margin)
    core = tuple(map(slice, start - low, start - low + TILE))
    if cut_off(found, low, core).size:  # a nucleus is not seen complete
        return label_tile(start, 2 * margin)
    names = number(found, low)
    labels[start[0] : start[0] + TILE, start[1] : start[1] + TILE] = names[found[core]]
    table = measured(found, image, names, low, start)
    if len(table):
        table.to_parquet(f"nuclei.parquet/{start[0]}-{start[1]}.parquet")
    return len(table), margin


tiles = TILE * np.argwhere(np.ones(-(-np.array(slide.shape) // TILE)))
counts, margins = zip(*dask.compute(*map(dask.delayed(label_tile), tiles)), strict=True)
print(f"{sum(counts)} nuclei in {len(tiles)} tiles; widest margin {max(margins)} pixels")
