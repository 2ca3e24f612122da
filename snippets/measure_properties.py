"""Measure shape and brightness of every nucleus with scikit-image, one task a frame.

    python snippets/measure_properties.py

For a table with more than area and mean intensity: put any names that regionprops_table knows into
`PROPERTIES`. It prints the medians over all nuclei of the first ten frames. Explained in
notebooks/05_measuring.ipynb.
"""

import dask
import pandas as pd
import tifffile
from skimage.measure import regionprops_table

from segkit import data, frame

PROPERTIES = ("label", "area", "eccentricity", "solidity", "intensity_mean", "intensity_max")


@dask.delayed
def measured(path):
    """Return the table of one file."""
    image = tifffile.imread(path)
    labels = frame.segment(image, method="watershed")
    columns = regionprops_table(labels, image, properties=PROPERTIES)
    return pd.DataFrame(columns).assign(file=path.name)


files = data.images(data.locate())[:10]
table = pd.concat(dask.compute(*map(measured, files)), ignore_index=True)
print(f"medians of {len(table)} nuclei:")
print(table.drop(columns=["label", "file"]).median().round(3).to_string())
