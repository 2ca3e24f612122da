"""Find the nuclei in one channel, and measure them in another.

    python snippets/measure_second_channel.py

For files with the channels of one frame, such as OME-TIFF; start it where images/ is, or change
`pattern`. Put the numbers of your channels, from 0 on, in place of `NUCLEI` and `SIGNAL`. The
median of the signal outside the nuclei is subtracted as background. It writes nuclei.parquet, one
row per nucleus, and prints the medians of each file. Explained in notebooks/16_your_data.ipynb.
"""

from glob import glob

import dask
import numpy as np
import pandas as pd
import tifffile
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.measure import label, regionprops_table

pattern = "images/*.tif"  # your images
NUCLEI, SIGNAL = 0, 1  # the channel to segment, and the one to measure
PROPERTIES = ("label", "area", "intensity_mean")


@dask.delayed
def measured(path):
    with tifffile.TiffFile(path) as tif:
        axes, image = tif.series[0].axes, tif.series[0].asarray()
    # Q and I: pages of which the file does not say what they are
    assert axes in ("CYX", "QYX", "IYX"), f"{path} holds axes {axes}, not channels of one frame"
    smooth = ndimage.gaussian_filter(image[NUCLEI].astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    labels = label((smooth > level) & found)
    signal = image[SIGNAL] - np.median(image[SIGNAL][labels == 0])
    return pd.DataFrame(regionprops_table(labels, signal, properties=PROPERTIES)).assign(file=path)


names = sorted(glob(pattern))
if not names:
    raise FileNotFoundError(f"no files match {pattern}: change it")
table = pd.concat(dask.compute(*map(measured, names)), ignore_index=True)
table.to_parquet("nuclei.parquet", index=False)
print(table.drop(columns="label").groupby("file").median().round(1).to_string())
