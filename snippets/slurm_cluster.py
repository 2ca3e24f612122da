"""Run over many files so that nothing is lost, on this machine or on Slurm.

    python snippets/slurm_cluster.py

For runs that may be interrupted: each task writes its own part of the table, complete or not at
all, and a second run does only what is missing. On a login node put slurm=True. Explained in
notebooks/14_clusters_and_faults.ipynb.
"""

import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import tifffile
from dask.base import tokenize
from dask.distributed import Client, LocalCluster
from dask_jobqueue import SLURMCluster
from scipy import ndimage
from skimage.filters import threshold_otsu

pattern = "images/*.tif"  # your images
parts = Path("parts").absolute()  # on a cluster: a folder that all workers see


def part_of(paths):  # named after its files as they are: changed ones are another part
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return parts / f"part-{tokenize(stats)}.parquet"


def write_part(paths):  # put your own segmentation in place of threshold_otsu
    part, tables = part_of(paths), []
    if part.exists():
        return part
    for path in paths:
        image = tifffile.imread(path)
        labels, _ = ndimage.label(image > threshold_otsu(image), np.ones((3, 3)))
        pixels = np.bincount(labels.ravel())[1:]
        tables.append(pd.DataFrame({"file": path.name, "pixels": pixels}))
    temporary = part.with_name(f".{uuid.uuid4()}.tmp")
    pd.concat(tables).to_parquet(temporary)
    return temporary.replace(part)


def start_cluster(*, slurm):
    page = {"dashboard_address": "127.0.0.1:0"}
    if not slurm:
        return LocalCluster(n_workers=2, threads_per_worker=1, security=True, **page)
    job = {"cores": 1, "memory": "2 GB", "walltime": "01:00:00", "shared_temp_directory": "~"}
    job["worker_extra_args"] = ["--lifetime", "55m", "--dashboard-address", "127.0.0.1:0"]
    cluster = SLURMCluster(**job, security=True, scheduler_options=page)
    cluster.adapt(minimum=1, maximum=10)
    return cluster


if __name__ == "__main__":
    files = sorted(Path.cwd().glob(pattern))
    if not files:
        raise FileNotFoundError(f"no files match {pattern}: change it")
    parts.mkdir(exist_ok=True)
    batches = [files[i : i + 10] for i in range(0, len(files), 10)]
    with start_cluster(slurm=False) as cluster, Client(cluster) as client:
        done = client.gather(client.map(write_part, batches, retries=1), errors="skip")
    table = pd.concat(map(pd.read_parquet, done))
    print(f"{len(table)} objects, {len(done)} of {len(batches)} batches")
