"""Segment a folder of frames into a store: the finished pipeline of notebook 06.

One Dask task a batch of frames. A task writes its own part of the table and returns only counts,
so neither the graph nor the memory grows with the number of nuclei, and a run that was killed
goes on where it stopped.
"""

import hashlib
import time
from pathlib import Path

import dask
from tqdm import tqdm

import segkit
from segkit import cluster, schedulers, stack, store
from segkit.device import require

BATCH = 25


def _task(number, files, first, out, options):
    """Do one batch and write it; return its number and counts."""
    table, skipped, label_images = stack.batch(files, first, **options)
    if label_images is not None:
        store.write_labels(out, first, label_images)
    store.write_part(out, number, table, frames=len(files), skipped=skipped)
    return number, len(files)


def _lots(files, batch):
    """Cut the list of files into batches: number, files, number of the first frame."""
    starts = range(0, len(files), batch)
    return [(number, files[start : start + batch], start) for number, start in enumerate(starts)]


def pending(files, out, *, batch=BATCH):
    """List the batches that are not on disk yet.

    Parameters
    ----------
    files : sequence of str
    out : path-like
        Folder of the run.
    batch : int, optional
        Frames a task.

    Returns
    -------
    list of (int, list of str, int)
        Number of the batch, its files, number of its first frame. A batch with skipped frames is
        listed again: they may have been mended.
    """
    lots = _lots(files, batch)
    notes = [store.read_note(store.part_path(out, number)) for number, _, _ in lots]
    return [lot for lot, note in zip(lots, notes, strict=True) if note is None or note["skipped"]]


def _key(number):
    return f"segment-batch-{number}"


def tasks(lots, out, **options):
    """Lazy tasks, one a batch.

    Parameters
    ----------
    lots : list
        As `pending` returns them.
    out : path-like
        Folder of the run.
    **options
        For `segkit.stack.batch`.

    Returns
    -------
    list of dask.delayed.Delayed
        Each computes to (number of the batch, frames in it).
    """
    task = dask.delayed(_task, pure=False)
    return [
        task(number, some, first, str(out), options, dask_key_name=_key(number))
        for number, some, first in lots
    ]


def segment(
    files,
    out,
    *,
    method="tutorial",
    batch=BATCH,
    labels=False,
    scheduler="threads",
    workers=None,
    device="cpu",
    skip=False,
    progress=True,
    **options,
):
    """Segment and measure frames into a folder; go on with what an earlier run left there.

    Parameters
    ----------
    files : sequence of path-like
        The frames, in order.
    out : path-like
        Folder for the results; see `segkit.store` for what it holds.
    method : str, optional
        See `segkit.frame.segment`.
    batch : int, optional
        Frames a task.
    labels : bool, optional
        Write the label images too.
    scheduler : str, optional
        "threads", "processes", or for a cluster "local", "slurm", "ssh" or the address of a
        distributed scheduler ("tcp://host:port").
    workers : int, optional
        Threads, processes or workers; one a core unless given, see `segkit.cluster.client`.
    device : str, optional
        "cpu" or "gpu": where the frames are segmented.
    skip : bool, optional
        Leave out frames that cannot be used and list them, instead of stopping at the first.
    progress : bool, optional
        Show a bar on standard error.
    **options
        For `segkit.cluster.client`: security, adaptive, hosts.

    Returns
    -------
    dict
        frames and nuclei (counts), seconds, skipped (list of file name and reason).

    Raises
    ------
    segkit.stack.FrameError
        Unless `skip`: for a frame that cannot be used. Batches that are done stay on disk.
    segkit.store.RunError
        If the folder holds another run, or cannot be written to. Batches that are done stay.
    segkit.device.DeviceError
        If there is no such device.
    segkit.cluster.ClusterError
        If there is no such cluster, or it was lost. Batches that are done stay on disk.
    """
    began = time.perf_counter()
    use = schedulers.local if scheduler in schedulers.LOCAL else schedulers.cluster
    options = {name: value for name, value in options.items() if value}
    if use is schedulers.local and options:
        raise ValueError(f"{', '.join(options)}: only for a cluster; choose another scheduler")
    if use is schedulers.local:  # a cluster's workers say it themselves
        require(device, method=method)
    if use is schedulers.cluster:  # whose workers need not be in this folder
        files, out = [Path(path).absolute() for path in files], Path(out).absolute()
    if scheduler == "slurm" and not dask.config.get("jobqueue.slurm.log-directory", None):
        options["log_directory"] = str(out / "jobs")
    files = [str(path) for path in files]
    like = stack.common_format(files)
    work = {"method": method, "labels": labels} | ({} if device == "cpu" else {"device": device})
    store.begin(out, _question(files, batch=batch, **work))
    if labels:
        store.create_labels(out, (len(files), *like[0]), shard=min(batch, len(files)))
    lots = pending(files, out, batch=batch)
    todo = tasks(lots, out, like=like, skip=skip, **work)
    done = len(files) - sum(len(some) for _, some, _ in lots)
    bar = tqdm(total=len(files), initial=done, unit=" frames", disable=not progress, delay=1)
    try:
        with bar, use(scheduler, bar, workers=workers, **options) as compute:
            compute(*todo)
    except cluster.SchedulerGoneError as error:
        whole = len(_lots(files, batch))
        there = whole - len(pending(files, out, batch=batch))
        raise cluster.ClusterError(
            f"{error}; {there} of {whole} batches are on disk; the same command goes on from there"
        ) from error
    except cluster.WorkersDiedError as error:
        some = next(some for number, some, _ in lots if error.key == _key(number))
        raise cluster.ClusterError(
            f"{error.workers} workers died, one after the other, on the {len(some)} frames from "
            f"{some[0]} to {Path(some[-1]).name}; look at these files, or give a worker more memory"
        ) from error
    notes = [store.read_note(store.part_path(out, n)) for n, _, _ in _lots(files, batch)]
    skipped = [tuple(entry) for note in notes for entry in note["skipped"]]
    store.write_skipped(out, skipped)
    return {
        "frames": len(files) - len(skipped),
        "nuclei": sum(note["nuclei"] for note in notes),
        "seconds": time.perf_counter() - began,
        "skipped": skipped,
    }


def _question(files, **options):
    """Return what decides the result of a run; the names of the files as one hash."""
    names = "\n".join(Path(path).name for path in files)
    digest = hashlib.sha256(names.encode()).hexdigest()
    return {**options, "frames": len(files), "names": digest, "segkit": segkit.__version__}
