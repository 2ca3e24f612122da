"""Put labels that were corrected by hand back into the table.

    python snippets/corrected_labels.py

For label images that were corrected in napari (napari_layers.py saves them) or in any other
program, as TIFFs of whole numbers under the names of their frames. Put your folders and your table
in place of the first lines, and into `COLUMNS` what you need of the table and regionprops_table can
measure. The rows of all other frames stay as they are. It writes corrected.parquet, and prints how
many nuclei each corrected frame had and has, and which labels are in pieces. Explained in
notebooks/16_your_data.ipynb.
"""

from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from skimage.measure import label, regionprops_table

images, corrected = Path("images"), Path("corrected")  # frames, and labels under their names
COLUMNS = ["label", "area", "mean_intensity"]
table = pd.read_parquet("nuclei.parquet")[["file", *COLUMNS]]  # your table

paths = sorted(corrected.glob("*.tif"))
if not paths:
    raise FileNotFoundError(f"no label images *.tif in {corrected}: save yours there")
table["file"] = [Path(file).name for file in table["file"]]
assert not table.duplicated(["file", "label"]).any(), "frames of several folders have equal names"
for path in paths:
    labels, image = tifffile.imread(path), tifffile.imread(images / path.name)
    assert labels.shape == image.shape, f"{path}: {labels.shape}, but the frame: {image.shape}"
    numbers = np.issubdtype(labels.dtype, np.integer) and labels.min() >= 0
    assert numbers, f"{path}: save labels as whole numbers, 0 for the background"
    rows = pd.DataFrame(regionprops_table(labels, image, properties=COLUMNS))
    old = table["file"] == path.name
    print(f"{path.name}: {old.sum()} nuclei before, {len(rows)} now")
    pieces = label(labels, connectivity=2)  # neighbours of one number are one piece
    owners = np.unique([labels[labels > 0], pieces[labels > 0]], axis=1)[0]
    several = np.flatnonzero(np.bincount(owners) > 1)
    if several.size:
        print("  labels in several pieces, each measured as one:", several.tolist())
    table = pd.concat([table[~old], rows.assign(file=path.name)], ignore_index=True)
table.sort_values(["file", "label"]).to_parquet("corrected.parquet", index=False)
