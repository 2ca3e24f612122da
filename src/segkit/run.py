"""Segment a folder of frames into a store: the finished pipeline of notebook 06.

One Dask task a batch of frames. A task writes its own part of the table and returns only counts,
so neither the graph nor the memory grows with the number of nuclei, and a run that was killed
goes on where it stopped.
"""

import sys
import time
from collections import Counter
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

import dask
from tqdm import tqdm

import segkit
from segkit import cluster, reading, schedulers, stack, store, writing
from segkit.device import require
from segkit.store import RunError

BATCH = 25


def _task(number, names, first, folder, out, options):
    """Do one batch and write it; return its number and counts."""
    files = [Path(folder, name) for name in names]
    table, skipped, label_images = stack.batch(files, first, names=names, **options)
    if label_images is not None:
        store.write_labels(out, first, label_images)
    store.write_part(out, number, table, frames=len(files), skipped=skipped)
    return number, len(files)


def _batches(names, batch):
    """Cut the list of frames into batches: number, names, number of the first frame."""
    starts = range(0, len(names), batch)
    return [(number, names[start : start + batch], start) for number, start in enumerate(starts)]


def pending(names, out, *, batch=BATCH):
    """List the batches that are not on disk yet.

    Parameters
    ----------
    names : sequence of str
        Of the frames.
    out : path-like
        Folder of the run.
    batch : int, optional
        Frames per task.

    Returns
    -------
    list of (int, list of str, int)
        Number of the batch, its names, number of its first frame. A batch with skipped frames is
        listed again: they may be usable by now.
    """
    return [one for one in _batches(names, batch) if not store.is_done(out, one[0])]


def _key(number):
    return f"segment-batch-{number}"


def tasks(batches, folder, out, **options):
    """Lazy tasks, one per batch.

    Parameters
    ----------
    batches : list
        As `pending` returns them.
    folder : str
        Of the frames.
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
        task(number, names, first, folder, str(out), options, dask_key_name=_key(number))
        for number, names, first in batches
    ]


def segment(
    files,
    out,
    *,
    method="tutorial",
    batch=BATCH,
    labels=False,
    pixel_size=None,
    device="cpu",
    skip=False,
    progress=True,
):
    """Segment and measure frames into a folder; go on with what an earlier run left there.

    The work is done by the active `distributed.Client`, if there is one, else by threads of this
    process, as with `dask.compute`. The workers of a cluster must see the same folders.

    Parameters
    ----------
    files : sequence of path-like
        The frames, in order. The table names them by their paths below the deepest folder that
        holds them all.
    out : path-like
        Folder for the results; see `segkit.store` for what it holds.
    method : str, optional
        See `segkit.frame.segment`.
    batch : int, optional
        Frames per task.
    labels : bool, optional
        Write the label images too.
    pixel_size : float, optional
        Micrometres, for the label images. By default what the files say; see
        `segkit.reading.pixel_size`.
    device : str, optional
        "cpu" or "gpu": where the frames are segmented.
    skip : bool, optional
        Leave out frames that cannot be used and list them, instead of stopping at the first.
    progress : bool, optional
        Show a bar on standard error.

    Returns
    -------
    dict
        frames and nuclei (counts), seconds, skipped (list of file name and reason), batches and
        there (counts: all, and those that were on disk already).

    Raises
    ------
    segkit.stack.FrameError
        Unless `skip`: for a frame that cannot be used. Batches that are done stay on disk.
    segkit.store.RunError
        If the folder holds another run, is being filled by one, or cannot be written to; if a
        frame changed; if more frames were skipped than kept; or if the scheduler or worker after
        worker was lost. Batches that are done stay.
    segkit.device.DeviceError
        If there is no such device.
    """
    began = time.perf_counter()
    if not (pixel_size is None or 0 < pixel_size < inf):
        raise ValueError(f"pixel size {pixel_size}: give a positive number of micrometres")
    client = _active_client()
    if client is None:  # a cluster's workers say it themselves
        require(device, method=method)
    else:  # whose workers need not be in this folder
        out = Path(out).absolute()
    folder, names = store.relative(files)
    files = [Path(folder, name) for name in names]
    like = stack.common_format(files)
    work = {"method": method, "labels": labels, "device": device}
    settings = {"folder": writing.printable(folder), "batch": batch, **work}
    settings |= {"segkit": segkit.__version__}
    if labels and pixel_size:
        settings["pixel_size"] = pixel_size
    with store.lock(out):
        todo = pending(names, out, batch=batch)
        numbers = {number for number, _, _ in todo}
        store.begin(out, settings, store.state(folder, names), pending=numbers)
        if labels:
            shape, size = (len(files), *like[0]), pixel_size or _pixel_size(files)
            store.create_labels(out, shape, shard=min(batch, len(files)), pixel_size=size)
        lazy = tasks(todo, folder, out, like=like, skip=skip, **work)
        done = len(files) - sum(len(some) for _, some, _ in todo)
        bar = tqdm(total=len(files), initial=done, unit=" frames", disable=not progress, delay=1)
        with _explained(files, out, batch), bar:
            _compute(lazy, client, bar)
        notes = [store.read_note(store.part_path(out, n)) for n, _, _ in _batches(names, batch)]
        skipped = [tuple(entry) for note in notes for entry in note["skipped"]]
        store.write_skipped(out, skipped)
        store.refuse_other_frames(out, store.state(folder, names), batch=batch)
    _refuse_mostly_skipped(skipped, files, out)
    return {
        "frames": len(files) - len(skipped),
        "nuclei": sum(note["nuclei"] for note in notes),
        "seconds": time.perf_counter() - began,
        "skipped": skipped,
        "batches": len(notes),
        "there": len(notes) - len(todo),
    }


def _active_client():
    """Return the active distributed.Client, or None."""
    if "distributed" not in sys.modules:
        return None
    from distributed import default_client

    try:
        return default_client()
    except ValueError:
        return None


def _compute(lazy, client, bar):
    if client is None:
        with schedulers.threads("threads", bar) as compute:
            compute(*lazy)
        return
    for _, frames in cluster.results(client, lazy):
        bar.update(frames)


@contextmanager
def _explained(files, out, batch):
    """Say of a lost cluster what is on disk, and of dead workers on which frames they died."""
    try:
        yield
    except cluster.SchedulerGoneError as error:
        count = len(_batches(files, batch))
        there = count - len(pending(files, out, batch=batch))
        raise RunError(
            f"{error}; {there} of {count} batches are on disk; the same command goes on from there"
        ) from error
    except cluster.WorkersDiedError as error:
        some = next(some for n, some, _ in _batches(files, batch) if error.key == _key(n))
        raise RunError(
            f"{error.workers} workers died, one after the other, on the {len(some)} frames from "
            f"{some[0]} to {Path(some[-1]).name}; look at these files, or give a worker more memory"
        ) from error


def _pixel_size(files):
    """Return the pixel size in micrometres that a sample of the frames agrees on, or None."""
    sizes = set()
    for path in files[:: -(-len(files) // 10)]:
        with suppress(reading.FrameError):
            sizes.add(reading.pixel_size(path))
    return sizes.pop() if len(sizes) == 1 else None


def _refuse_mostly_skipped(skipped, files, out):
    """Raise RunError if more frames were skipped than kept."""
    if 2 * len(skipped) > len(files):
        (reason, count), *_ = Counter(reason for _, reason in skipped).most_common(1)
        raise RunError(
            f"{len(skipped)} of {len(files)} frames were skipped, {count} of them because: "
            f"{reason}; see {Path(out) / 'skipped.csv'}"
        )
