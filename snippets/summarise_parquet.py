"""Sum up a table of all nuclei, frame by frame, without loading all of it.

    python snippets/summarise_parquet.py

For tables that `segkit segment` wrote, or any folder of Parquet files: put it in place of that
of `run.segment`, and leave this line out. Only the columns that are asked for are read. It
prints the frames with the most nuclei. Explained in notebooks/06_whole_pipeline.ipynb.
"""

import pyarrow.dataset

from segkit import data, run

run.segment(data.images(data.locate()), "build/snippets/run", method="otsu", batch=10)

parts = pyarrow.dataset.dataset("build/snippets/run/nuclei.parquet", format="parquet")
areas = parts.to_table(columns=["file", "area"])
sums = areas.group_by("file").aggregate([("area", name) for name in ("count", "mean", "max")])
frames = sums.to_pandas().set_index("file").sort_values("area_count", ascending=False)
print(frames.head().round(1).to_string())
print(f"{frames['area_count'].sum()} nuclei in {len(frames)} frames that have any")
