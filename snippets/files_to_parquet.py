"""Measure a folder batch by batch into Parquet files, and go on where a run was stopped.

    python snippets/files_to_parquet.py

For many files, or a machine that may be taken away. A batch is done when its file is there; it is
written under another name first, so that a file is never half. Put your own function in place of
`table`. It prints how many batches were left to do, and how many nuclei there are. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import uuid
from pathlib import Path

import dask
import pandas as pd
import tifffile
from threadpoolctl import threadpool_limits

from segkit import data, frame

BATCH = 5


def table(path):
    """Return the nuclei of one file."""
    image = tifffile.imread(path)
    return frame.measure(image, frame.segment(image)).assign(file=path.name)


@dask.delayed
def write(paths, part):
    """Measure a batch of files, and write its part."""
    aside = part.with_name(f".{uuid.uuid4()}.tmp")
    pd.concat([table(path) for path in paths]).to_parquet(aside, index=False)
    aside.replace(part)


folder = Path("build/snippets/nuclei.parquet")
folder.mkdir(parents=True, exist_ok=True)
files = data.images(data.locate())
batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
# named after their files: other files are other parts
parts = [folder / f"{uuid.uuid5(uuid.NAMESPACE_URL, str(paths))}.parquet" for paths in batches]
to_do = [pair for pair in zip(batches, parts, strict=True) if not pair[1].exists()]
with threadpool_limits(1):  # tasks use all cores already; matrix products inside need no more
    dask.compute(*[write(*pair) for pair in to_do])
nuclei = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
print(f"{len(to_do)} of {len(parts)} batches were left to do; {len(nuclei)} nuclei")
