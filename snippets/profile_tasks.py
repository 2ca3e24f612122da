"""See how far a computation has come, and which kind of task takes the time.

    python snippets/profile_tasks.py

For a computation that takes longer than you think it should: measure before you make it faster.
Start it where images/ is, or change `pattern`, and put your own computation in place of `mask`. On
a cluster, the dashboard shows the same. It prints a progress bar, then how many tasks of each kind
there were, and their seconds in all. Explained in notebooks/06_whole_pipeline.ipynb.
"""

from collections import defaultdict

import pandas as pd
import tifffile
from dask.array.image import imread
from dask.diagnostics import Profiler, ProgressBar
from dask.utils import key_split
from dask_image import ndfilters

pattern = "images/*.tif"  # your images
images = imread(pattern, imread=tifffile.imread)[:5]
smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
mask = smoothed > ndfilters.threshold_local(smoothed, block_size=(1, *images.shape[1:]))

with ProgressBar(), Profiler() as profiler:
    mask.sum().compute(optimize_graph=False)  # else tasks are fused, and hide in one another

seconds = defaultdict(list)
for task in profiler.results:
    seconds[key_split(task.key)].append(task.end_time - task.start_time)
rows = [(name, len(times), sum(times)) for name, times in seconds.items()]
table = pd.DataFrame(rows, columns=["kind", "tasks", "seconds"]).set_index("kind")
print(table.sort_values("seconds", ascending=False).head(8).round(3).to_string())
