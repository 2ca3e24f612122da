"""Measure a folder batch by batch into Parquet files, and go on where a run was stopped.

    python snippets/files_to_parquet.py

For many files, or a machine that may be taken away. A batch is done when its part is there; it is
written under another name first, so that a part is never half. A part belongs to the paths, sizes
and times of its files: a file that was saved again is measured again. Put your own folder in place
of `folder`, and your own function in place of `table`. It writes nuclei.parquet, and prints how
many batches were left to do, and how many nuclei there are. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import uuid
from pathlib import Path

import dask
import pandas as pd
from threadpoolctl import threadpool_limits

from segkit import data, frame, reading

BATCH = 5
folder = data.locate()
results = Path("build/snippets")


def table(path):
    """Return the nuclei of one file."""
    image = reading.read_frame(path)  # refuses files of several pages
    name = path.relative_to(folder).as_posix()  # equal names in sub-folders are other files
    return frame.measure(image, frame.segment(image)).assign(file=name)


@dask.delayed
def write(paths, part):
    """Measure a batch of files, and write its part."""
    aside = part.with_name(f".{uuid.uuid4()}.tmp")
    pd.concat([table(path) for path in paths]).to_parquet(aside, index=False)
    aside.replace(part)


def part_of(paths):
    """Return the path of a batch's part; other files, or files that changed, have another."""
    states = [(str(path.resolve()), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return results / "parts" / f"{uuid.uuid5(uuid.NAMESPACE_URL, repr(states))}.parquet"


(results / "parts").mkdir(parents=True, exist_ok=True)
files = data.images(folder)
batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
parts = [part_of(paths) for paths in batches]
to_do = [pair for pair in zip(batches, parts, strict=True) if not pair[1].exists()]
with threadpool_limits(1):  # tasks use all cores already; matrix products inside need no more
    dask.compute(*[write(*pair) for pair in to_do])
nuclei = pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True)
nuclei.to_parquet(results / "nuclei.parquet")
print(f"{len(to_do)} of {len(parts)} batches were left to do; {len(nuclei)} nuclei")
