"""Run a function of many files on a cluster of this machine's own cores.

    python snippets/local_cluster.py

For work that one process does not do fast enough, with a dashboard to watch it; start it in a
folder that holds images/, or change `pattern`. Put your function in place of `objects`: it gets a
list of names and returns a list of results, so that a task is a batch. The guard in front of the
last part is needed: each worker imports this file. A file of several pages or colours ends the run.
It prints the number of objects in all files. Explained in notebooks/13_scaling_up.ipynb.
"""

from glob import glob

import dask
import skimage
from dask.distributed import Client, LocalCluster

pattern = "images/*.tif"  # your images
dask.config.set({"distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None})


def objects(names):  # the work of one task: put your own function here
    counts = []
    for name in names:
        image = skimage.io.imread(name)
        assert image.ndim == 2, f"{name} is not one grey frame: its shape is {image.shape}"
        labels = skimage.measure.label(image > skimage.filters.threshold_otsu(image))
        counts.append(int(labels.max()))
    return counts


if __name__ == "__main__":
    if not (names := sorted(glob(pattern))):
        raise FileNotFoundError(f"no files match {pattern}: change it")
    batches = [names[start : start + 10] for start in range(0, len(names), 10)]
    with LocalCluster(n_workers=2, dashboard_address="127.0.0.1:0") as local, Client(local) as me:
        print("dashboard:", me.dashboard_link)
        counts = [n for batch in me.gather(me.map(objects, batches)) for n in batch]
    print(f"{sum(counts)} objects in {len(counts)} files, tasks: {len(batches)}")
