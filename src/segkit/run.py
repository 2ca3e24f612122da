"""Segment a folder of frames into a store: the finished pipeline of notebook 06.

One Dask task a batch of frames. A task writes its own part of the table and returns only counts,
so neither the graph nor the memory grows with the number of nuclei, and a run that was killed
goes on where it stopped.
"""

import hashlib
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path

import dask
from dask.callbacks import Callback
from tqdm import tqdm

import segkit
from segkit import stack, store

BATCH = 25


def limit_blas():
    """Keep the matrix products of this process to one thread: Dask has the cores already."""
    import threadpoolctl

    threadpoolctl.threadpool_limits(1)


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
        task(number, some, first, str(out), options, dask_key_name=f"segment-batch-{number}")
        for number, some, first in lots
    ]


@contextmanager
def _local(scheduler, bar):
    """Dask's own schedulers, with a progress bar that counts frames."""
    import threadpoolctl

    def finished(key, result, *_):
        if isinstance(result, tuple):
            bar.update(result[1])

    blas = threadpoolctl.threadpool_limits(1) if scheduler == "threads" else nullcontext()
    settings = {"scheduler": scheduler, "multiprocessing.initializer": limit_blas, "chunksize": 1}
    with blas, dask.config.set(settings), Callback(posttask=finished):
        yield dask.compute


@contextmanager
def _cluster(address, bar):
    """Use a distributed scheduler at an address; its workers must see the same folders."""
    from distributed import Client, as_completed

    with Client(address) as client:

        def compute(*todo):
            for _, result in as_completed(client.compute(list(todo)), with_results=True):
                bar.update(result[1])

        yield compute


def segment(
    files,
    out,
    *,
    method="tutorial",
    batch=BATCH,
    labels=False,
    scheduler="threads",
    skip=False,
    progress=True,
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
        "threads", "processes", or the address of a distributed scheduler ("tcp://host:port").
    skip : bool, optional
        Leave out frames that cannot be used and list them, instead of stopping at the first.
    progress : bool, optional
        Show a bar on standard error.

    Returns
    -------
    dict
        frames and nuclei (counts), seconds, skipped (list of file name and reason).

    Raises
    ------
    segkit.stack.FrameError
        Unless `skip`: for a frame that cannot be used. Batches that are done stay on disk.
    segkit.store.RunError
        If the folder holds another run.
    """
    began = time.perf_counter()
    files = [str(path) for path in files]
    like = stack.like_first(files, skip=skip)
    store.begin(out, _question(files, method=method, batch=batch, labels=labels))
    if labels:
        store.create_labels(out, (len(files), *like[0]), shard=min(batch, len(files)))
    lots = pending(files, out, batch=batch)
    todo = tasks(lots, out, like=like, method=method, labels=labels, skip=skip)
    done = len(files) - sum(len(some) for _, some, _ in lots)
    use = _local if scheduler in ("threads", "processes") else _cluster
    with (
        tqdm(total=len(files), initial=done, unit=" frames", disable=not progress, delay=1) as bar,
        use(scheduler, bar) as compute,
    ):
        compute(*todo)
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
