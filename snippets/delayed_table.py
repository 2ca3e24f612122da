"""Make one table of many files, on all cores.

    python snippets/delayed_table.py

For any function that takes the path of a file and returns a table; start it in a folder that holds
images/, or change `pattern`. Put your function in place of `measured`; a very fast one belongs in
batches. A file of several pages or colours ends the run. It prints the number of objects in all
files. Explained in notebooks/08_delayed.ipynb.
"""

from glob import glob

import dask
import pandas as pd
import skimage

pattern = "images/*.tif"  # your images


def measured(path):
    image = skimage.io.imread(path)
    assert image.ndim == 2, f"{path} is not one grey frame: its shape is {image.shape}"
    smooth = skimage.filters.gaussian(image.astype("float32"))
    level = skimage.filters.threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    labels = skimage.measure.label((smooth > level) & found)
    columns = skimage.measure.regionprops_table(labels, image, ("label", "area", "mean_intensity"))
    return pd.DataFrame(columns).assign(file=path)


names = sorted(glob(pattern))
if not names:
    raise FileNotFoundError(f"no files match {pattern}: change it")
table = pd.concat(dask.compute(*[dask.delayed(measured)(name) for name in names]))
print(len(table), "objects in", len(names), "files")
