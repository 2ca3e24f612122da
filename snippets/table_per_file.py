"""The whole pipeline as one function of one file, run for many files on all cores.

    python snippets/table_per_file.py

For frames that have nothing to do with each other: inside a task there is SciPy alone, and Dask
only shares the files out. Put your own folder in place of `folder`, and take `[:4]` away for all of
its files. A file of several pages or colours is refused. It prints the number of objects.
Explained in notebooks/06_whole_pipeline.ipynb.
"""

import dask
import numpy as np
import pandas as pd
from scipy import ndimage

from segkit import data, reading

folder = data.locate()  # in place of it, Path("the folder of your images")


def frame_table(path):
    """Read, segment and measure one frame."""
    image = reading.read_frame(path)
    smoothed = ndimage.gaussian_filter(image, 1)
    threshold = ndimage.gaussian_filter(smoothed.astype(float), [(n - 1) / 6 for n in image.shape])
    labels, count = ndimage.label(ndimage.binary_opening(smoothed > threshold))
    index = np.arange(1, count + 1)
    return pd.DataFrame(
        {
            "file": path.relative_to(folder).as_posix(),
            "label": index,
            "area": ndimage.sum_labels(labels > 0, labels, index),
            "mean_intensity": ndimage.mean(image, labels, index),
        }
    )


files = data.images(folder)[:4]
table = pd.concat(dask.compute(*[dask.delayed(frame_table)(path) for path in files]))
print(len(table), "objects")
