"""Boil each frame down to a row of numbers, with a function of your own.

    python snippets/frame_statistics.py

For a first look at a stack: empty frames, saturated ones, a lamp that fades. The function turns a
chunk of one frame into one row, so the result has other axes than the stack, and says so. It prints
a table of the first ten frames. Explained in notebooks/07_map_blocks_map_overlap.ipynb.
"""

import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread

from segkit import data

NAMES = ("lowest", "median", "percentile 99", "highest", "saturated")


def statistics(chunk):
    """Return one row of numbers for a chunk of one frame."""
    levels = [*np.percentile(chunk, [0, 50, 99, 100]), (chunk == 4095).sum()]
    return np.array([levels], dtype=float)


folder = data.locate()
images = imread(str(folder / "images" / "*.tif"), imread=tifffile.imread)[:10]
rows = images.map_blocks(statistics, drop_axis=2, chunks=(1, len(NAMES)), dtype=float)
stems = [path.stem[:14] for path in data.images(folder)[:10]]
print(pd.DataFrame(rows.compute(), index=stems, columns=NAMES).astype(int).to_string())
