"""Measure a folder batch by batch into Parquet files, and go on where a run was stopped.

    python snippets/files_to_parquet.py

For many files, or a computer that may be switched off; start it where images/ is, or change
`pattern`. A batch is done when its part is in parts/: a part is renamed when it is complete. Its
name comes from the paths, sizes and times of its files, so a file that was saved again is measured
again. Put your own function in place of `measured`. It writes nuclei.parquet, and prints how many
batches were left to do. Explained in notebooks/06_whole_pipeline.ipynb.
"""

import uuid
from glob import glob
from pathlib import Path

import dask
import pandas as pd
import tifffile
from scipy import ndimage
from skimage.filters import threshold_li
from skimage.measure import label, regionprops_table

pattern = "images/*.tif"  # your images
BATCH = 5  # files per task
COLUMNS = ("label", "area", "mean_intensity")


def measured(path):
    image = tifffile.imread(path, is_shaped=False)  # all pages, also those appended one by one
    assert image.ndim == 2, f"{path} is not one grey frame: its shape is {image.shape}"
    smooth = ndimage.gaussian_filter(image.astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    labels = label((smooth > level) & found)
    return pd.DataFrame(regionprops_table(labels, image, properties=COLUMNS)).assign(file=path)


@dask.delayed
def write(paths, part):
    unfinished = part.with_name(f".{uuid.uuid4()}.tmp")
    pd.concat([measured(path) for path in paths]).to_parquet(unfinished, index=False)
    unfinished.replace(part)


def part_of(paths):
    states = [(path, Path(path).stat().st_size, Path(path).stat().st_mtime_ns) for path in paths]
    return Path("parts", f"{uuid.uuid5(uuid.NAMESPACE_URL, repr(states))}.parquet")


names = sorted(glob(pattern))
if not names:
    raise FileNotFoundError(f"no files match {pattern}: change it")
Path("parts").mkdir(exist_ok=True)
batches = [names[start : start + BATCH] for start in range(0, len(names), BATCH)]
parts = [part_of(paths) for paths in batches]
to_do = [pair for pair in zip(batches, parts, strict=True) if not pair[1].exists()]
dask.compute(*[write(*pair) for pair in to_do])
nuclei = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
nuclei.to_parquet("nuclei.parquet", index=False)
print(f"{len(to_do)} of {len(parts)} batches were left to do; {len(nuclei)} nuclei")
