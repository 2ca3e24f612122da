"""The whole pipeline as one function of one file, run for many files on all cores.

    python snippets/table_per_file.py

For frames that have nothing to do with each other: inside a task there is SciPy alone, and Dask
only shares the files out. Take `[:4]` away for all of them. It prints the number of nuclei.
Explained in notebooks/06_whole_pipeline.ipynb.
"""

import dask
import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage

from segkit import data


def frame_table(path):
    """Read, segment and measure one frame."""
    image = tifffile.imread(path)
    smoothed = ndimage.gaussian_filter(image, 1)
    threshold = ndimage.gaussian_filter(smoothed.astype(float), [(n - 1) / 6 for n in image.shape])
    labels, count = ndimage.label(ndimage.binary_opening(smoothed > threshold))
    index = np.arange(1, count + 1)
    return pd.DataFrame(
        {
            "file": path.name,
            "label": index,
            "area": ndimage.sum_labels(labels > 0, labels, index),
            "mean_intensity": ndimage.mean(image, labels, index),
        }
    )


files = data.images(data.locate())[:4]
table = pd.concat(dask.compute(*[dask.delayed(frame_table)(path) for path in files]))
print(len(table), "nuclei")
