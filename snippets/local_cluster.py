"""Run a function of many files on a cluster of this machine's own cores.

    python snippets/local_cluster.py

For work that one process does not do fast enough, with a dashboard to watch it. Put your function
in place of `several`; it gets a list of paths and returns a table. The guard in front of the last
part is needed: each worker imports this file. Explained in notebooks/13_scaling_up.ipynb.
"""

import pandas as pd
import tifffile
from dask.distributed import Client, LocalCluster

from segkit import data, frame


def several(paths):
    """Return the table of the nuclei of some frames: the work of one task."""
    tables = []
    for path in paths:
        image = tifffile.imread(path)
        tables.append(frame.measure(image, frame.segment(image)).assign(file=path.name))
    return pd.concat(tables, ignore_index=True)


if __name__ == "__main__":
    files = data.images(data.locate())
    batches = [files[start : start + 10] for start in range(0, len(files), 10)]
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
        Client(cluster) as client,
    ):
        print("dashboard:", client.dashboard_link)
        table = pd.concat(client.gather(client.map(several, batches)), ignore_index=True)
    print(f"{len(table)} nuclei in {len(files)} files, {len(batches)} tasks")
