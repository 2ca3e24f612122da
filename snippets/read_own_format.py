"""Read files that need a reader of your own as one lazy array.

    python snippets/read_own_format.py

For any format that a function can turn into an array; start it where images/ is, or change
`pattern`. Put your function in place of `read`: here it takes one channel of colour pictures. All
files must have the shape and dtype of the first one. It prints the mean of
each picture. Explained in notebooks/08_delayed.ipynb.
"""

from glob import glob

import dask
import dask.array as da
import numpy as np
from PIL import Image

pattern = "images/*.png"  # your files
CHANNEL = 0  # red


def read(path):
    with Image.open(path) as picture:
        assert picture.mode in ("RGB", "RGBA"), f"{path} is not a colour picture: {picture.mode}"
        return np.asarray(picture)[..., CHANNEL]


names = sorted(glob(pattern))
if not names:
    raise FileNotFoundError(f"no files match {pattern}: change it")
first = read(names[0])
lazy = [dask.delayed(read)(name) for name in names]
pictures = da.stack([da.from_delayed(one, first.shape, first.dtype) for one in lazy])
for name, mean in zip(names, pictures.mean(axis=(1, 2)).compute(), strict=True):
    print(f"{mean:8.2f} {name}")
