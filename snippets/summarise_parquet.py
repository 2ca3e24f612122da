"""Summarise a table of all nuclei, file by file, without loading all of it.

    python snippets/summarise_parquet.py

For tables that `segkit segment` or files_to_parquet.py wrote, and any other Parquet file or folder
with columns `file` and `area`: put yours in place of nuclei.parquet. Only these two columns are
read. It prints the files with the most nuclei, and how many nuclei there are. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

import pyarrow.dataset

path = "nuclei.parquet"  # your table

parts = pyarrow.dataset.dataset(path, format="parquet")
areas = parts.to_table(columns=["file", "area"])
sums = areas.group_by("file").aggregate([("area", name) for name in ("count", "mean", "max")])
files = sums.to_pandas().set_index("file").sort_values("area_count", ascending=False)
print(files.head().round(1).to_string())
print(f"{files['area_count'].sum()} nuclei in {len(files)} files that have any")
