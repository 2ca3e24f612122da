"""Reduce each frame to a row of numbers, with a function of your own.

    python snippets/frame_statistics.py

For a first look at a stack: empty frames, saturated ones, a lamp that fades. Start it where images/
is, or change `pattern`. The function turns a chunk of one frame into one row, so the result has
other axes than the stack. It prints a table of the first ten frames; where many pixels have the
highest level, the frame is saturated. Explained in notebooks/07_map_blocks_map_overlap.ipynb.
"""

from glob import glob
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread

pattern = "images/*.tif"  # your images
NAMES = ("lowest", "median", "percentile 99", "highest", "pixels at highest")


def statistics(chunk):
    levels = [*np.percentile(chunk, [0, 50, 99, 100]), (chunk == chunk.max()).sum()]
    return np.array([levels], dtype=float)


images = imread(pattern, imread=tifffile.imread)[:10]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
rows = images.map_blocks(statistics, drop_axis=2, chunks=(1, len(NAMES)), dtype=float)
files = [Path(path).stem for path in sorted(glob(pattern))[:10]]
table = pd.DataFrame(rows.compute(), index=files, columns=NAMES)
print(table.to_string(float_format="{:g}".format))
