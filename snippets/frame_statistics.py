"""Boil each frame down to a row of numbers, with a function of your own.

    python snippets/frame_statistics.py

For a first look at a stack: empty frames, saturated ones, a lamp that fades. The function turns a
chunk of one frame into one row, so the result has other axes than the stack, and says so. Put your
own folder in place of `folder`, and the highest level of your camera in place of `HIGHEST`. It
prints a table of the first ten frames. Explained in notebooks/07_map_blocks_map_overlap.ipynb.
"""

import glob

import dask.array as da
import numpy as np
import pandas as pd
from dask.array.image import imread

from segkit import data, reading

folder = data.locate()
HIGHEST = 4095  # of a camera of 12 bits, as for BBBC039; 65535 for 16 bits, 255 for 8
NAMES = ("lowest", "median", "percentile 99", "highest", "saturated")


def statistics(chunk):
    """Return one row of numbers for a chunk of one frame."""
    levels = [*np.percentile(chunk, [0, 50, 99, 100]), (chunk >= HIGHEST).sum()]
    return np.array([levels], dtype=float)


files = data.images(folder)[:10]
images = da.concatenate(
    [imread(glob.escape(str(path)), imread=reading.read_frame) for path in files]
)
rows = images.map_blocks(statistics, drop_axis=2, chunks=(1, len(NAMES)), dtype=float)
table = pd.DataFrame(rows.compute(), index=[path.stem for path in files], columns=NAMES)
print(table.to_string(float_format="{:g}".format))
