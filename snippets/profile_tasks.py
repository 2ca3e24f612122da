"""Find out which kind of task takes the time.

    python snippets/profile_tasks.py

For a computation that is slower than you think it should be: measure before you make it faster. It
prints a table of the kinds of task: how many, and seconds in all. Explained in
notebooks/06_whole_pipeline.ipynb.
"""

from collections import defaultdict

import pandas as pd
import tifffile
from dask.array.image import imread
from dask.diagnostics import Profiler
from dask.utils import key_split
from dask_image import ndfilters

from segkit import data

images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)[:5]
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
mask = smoothed > ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))

with Profiler() as profiler:
    mask.sum().compute(optimize_graph=False)  # else tasks are fused, and hide in one another

seconds = defaultdict(list)
for task in profiler.results:
    seconds[key_split(task.key)].append(task.end_time - task.start_time)
rows = [(name, len(times), sum(times)) for name, times in seconds.items()]
table = pd.DataFrame(rows, columns=["kind", "tasks", "seconds"]).set_index("kind")
print(table.sort_values("seconds", ascending=False).head(8).round(3).to_string())
