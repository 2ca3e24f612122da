"""Show how far a computation has come, and how long it will take.

    python snippets/progress_bar.py

For anything that takes more than a few seconds, without a cluster: on one, the dashboard shows it.
Dask's own bar counts all tasks; that of tqdm can be given a name, and works in notebooks too. It
prints the mean of the stack. Explained in notebooks/01_reading.ipynb.
"""

import tifffile
from dask.array.image import imread
from dask.diagnostics import ProgressBar
from tqdm.dask import TqdmCallback

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
with ProgressBar():
    mean = images.mean().compute()
with TqdmCallback(desc="highest"):
    highest = images.max().compute()
print(f"mean {mean:.2f}, highest {highest} grey levels")
