"""Measure a folder although some of its files cannot be read, and list those with the reason.

    python snippets/skip_bad_files.py

For long runs, which one damaged file would otherwise end. Start it where images/ is, or change
`pattern`, and put your own function in place of `measured`. It writes nuclei.parquet, one row per
nucleus; a file that was skipped has one row, whose column `error` says why. It prints how many
nuclei were found and which files were skipped. Explained in notebooks/08_delayed.ipynb.
"""

from glob import glob

import dask
import pandas as pd
import tifffile
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.measure import label, regionprops_table

pattern = "images/*.tif"  # your images
COLUMNS = ("label", "area", "mean_intensity")


def measured(path):
    image = tifffile.imread(path, is_shaped=False)  # all pages, also those appended one by one
    if image.ndim != 2:
        raise ValueError(f"not one grey frame: its shape is {image.shape}")
    smooth = ndimage.gaussian_filter(image.astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    labels = label((smooth > level) & found)
    return pd.DataFrame(regionprops_table(labels, image, properties=COLUMNS))


@dask.delayed
def attempt(path):
    try:
        return measured(path).assign(file=path, error=None)
    except Exception as error:  # a damaged file can lead the reader into any of them
        return pd.DataFrame({"file": [path], "error": [f"{type(error).__name__}: {error}"]})


names = sorted(glob(pattern))
if not names:
    raise FileNotFoundError(f"no files match {pattern}: change it")
table = pd.concat(dask.compute(*map(attempt, names)), ignore_index=True).convert_dtypes()
table.to_parquet("nuclei.parquet", index=False)
skipped = table.dropna(subset="error")
print(f"{len(table) - len(skipped)} nuclei in {len(names) - len(skipped)} files")
for row in skipped.itertuples():
    print(f"skipped {row.file}: {row.error}")
