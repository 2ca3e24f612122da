"""Read files that need a reader of your own as one lazy array.

    python snippets/read_own_format.py

For any format that a function can turn into an array. Put it in place of `read`: here it takes the
red channel of the masks, which are colour pictures. All files must have the shape and dtype of the
first one. It prints the share of each frame that is marked. Explained in
notebooks/08_delayed.ipynb.
"""

import dask
import dask.array as da
import numpy as np
from PIL import Image

from segkit import data


def read(path):
    """Return the red channel of a picture."""
    with Image.open(path) as picture:
        return np.asarray(picture)[..., 0]


files = data.masks(data.locate())
first = read(files[0])
lazy = [dask.delayed(read)(path) for path in files]
red = da.stack([da.from_delayed(one, first.shape, first.dtype) for one in lazy])
share = (red > 0).mean(axis=(1, 2)).compute()
for path, value in zip(files, share, strict=True):
    print(f"{value:6.1%} {path.name}")
