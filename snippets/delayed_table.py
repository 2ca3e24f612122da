"""Make one table of many files, several files a task.

    python snippets/delayed_table.py

For any function that takes the path of a file and returns a table. Put it in place of `nuclei`,
and your own folder in place of `folder`; the cheaper the function, the more files per batch. A file
of several pages or colours is refused. It prints the number of objects in all files. Explained in
notebooks/08_delayed.ipynb.
"""

import dask
import numpy as np
import pandas as pd
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import data, reading

folder = data.locate()  # in place of it, Path("the folder of your images")
BATCH = 10


def nuclei(path):
    """Return a table of the nuclei of one file."""
    image = reading.read_frame(path)
    smoothed = ndimage.gaussian_filter(image, 1)
    labels, count = ndimage.label(smoothed > threshold_otsu(smoothed))
    index = np.arange(1, count + 1)
    return pd.DataFrame(
        {
            "file": path.relative_to(folder).as_posix(),
            "label": index,
            "area": ndimage.sum_labels(labels > 0, labels, index).astype(int),
            "mean_intensity": ndimage.mean(image, labels, index),
        }
    )


def batch(paths):
    """Return one table for several files: the work of one task."""
    return pd.concat([nuclei(path) for path in paths])


files = data.images(folder)
starts = range(0, len(files), BATCH)
tasks = [dask.delayed(batch)(files[start : start + BATCH]) for start in starts]
table = pd.concat(dask.compute(*tasks), ignore_index=True)
print(f"{len(table)} objects in {len(files)} files, {len(tasks)} tasks")
