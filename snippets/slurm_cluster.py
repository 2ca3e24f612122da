"""Run over many files so that nothing is lost, on this machine or on Slurm.

    python snippets/slurm_cluster.py

For runs that may be interrupted: each task writes its own part of the table, complete or not at
all, and a run with the same folder does only what is missing. Put a folder that stays in place of
the temporary one, and slurm=True on a login node. Explained in
notebooks/14_clusters_and_faults.ipynb.
"""

import tempfile
import uuid
from pathlib import Path

import pandas as pd
import tifffile
from dask.distributed import Client, LocalCluster, as_completed

from segkit import data, frame


def part_of(paths, folder):
    """Name the part of some frames after these files: others, or changed ones, are another part."""
    stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]
    return folder / f"part-{uuid.uuid5(uuid.NAMESPACE_URL, str(stats))}.parquet"


def write_part(paths, part):
    """Segment some frames, and write their table: complete, or not at all."""
    tables = []
    for path in paths:
        image = tifffile.imread(path)
        tables.append(frame.measure(image, frame.segment(image)).assign(file=path.name))
    temporary = part.with_name(f".{uuid.uuid4()}.tmp")
    pd.concat(tables, ignore_index=True).to_parquet(temporary)
    temporary.replace(part)


def start_cluster(*, slurm):
    """Return a cluster: up to ten jobs of Slurm, or two workers here."""
    if not slurm:
        return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0")
    from dask_jobqueue import SLURMCluster

    cluster = SLURMCluster(
        cores=1,
        memory="2 GB",
        walltime="01:00:00",
        security=True,  # whoever reaches an open scheduler can run any code as you
        shared_temp_directory="~",  # where jobs find the certificates: a folder that all nodes see
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
        worker_extra_args=["--dashboard-address", "127.0.0.1:0"],
    )
    cluster.adapt(minimum=1, maximum=10)
    return cluster


if __name__ == "__main__":
    files = data.images(data.locate())
    out = Path(tempfile.mkdtemp())  # better: a folder that stays, and that all workers see
    parts = {part_of(files[i : i + 10], out): files[i : i + 10] for i in range(0, len(files), 10)}
    todo = {part: paths for part, paths in parts.items() if not part.exists()}
    with start_cluster(slurm=False) as cluster, Client(cluster) as client:
        futures = client.map(write_part, list(todo.values()), list(todo), retries=1)
        failed = [future for future in as_completed(futures) if future.status == "error"]
    table = pd.concat([pd.read_parquet(part) for part in parts if part.exists()])
    print(f"{len(table)} nuclei, {len(todo)} batches done, {len(failed)} failed")
