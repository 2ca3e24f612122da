"""Segment a folder of frames into a table: the finished pipeline of notebook 06.

A frame takes about 10 ms, far less than a Dask task should last, so a task here is a batch of
frames. It writes its own part of the table and returns only a count: neither the graph nor the
memory grows with the number of nuclei, and a run that was killed continues where it stopped.
Batches are sent in windows, so that a run of a million frames starts at once and stays small.

The folder of a run holds

* ``run.json``: the settings; a run with other settings is refused,
* ``files.parquet``: the frames, with size and time of change; other frames are refused,
* ``nuclei.parquet/part-00000.parquet`` ...: the table, one file per batch,
* ``labels.ome.zarr``: the label images (OME-Zarr 0.5), one chunk per frame, one shard per batch,
* ``skipped.csv``: the frames that were left out, with the reason,
* ``.lock``: held, during a run, by the process that started it.

Every file is written under another name and renamed when it is complete. A part is written after
the labels of its batch, so a part that is there says that its batch is done.
"""

import functools
import inspect
import itertools
import json
import logging
import os
import pkgutil
import signal
import sys
import time
import uuid
from asyncio import CancelledError
from contextlib import contextmanager, suppress
from math import inf
from pathlib import Path

import cloudpickle
import dask
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import threadpoolctl
from dask.callbacks import Callback
from filelock import FileLock, Timeout
from tqdm import tqdm

import segkit
from segkit import frame, reading, writing

BATCH = 25
WINDOW = 2000  # batches that wait or run at a time: for 1,000 workers, and little for a scheduler
CHOOSE = "choose another --out, or delete run.json, files.parquet, nuclei.parquet and labels in {}"
MEASURED = frame.columns(np.zeros((1, 1)), np.zeros((1, 1), np.int32))
PLACE = {"file": pa.array([], pa.string()), "frame": pa.array([], pa.int32())}
NOTHING = pa.table(PLACE | MEASURED)  # the table of a frame without nuclei


class RunError(segkit.SegkitError, ValueError):
    """A run that cannot go on: its folder, frames or function, or the scheduler that it used."""


def segment(
    files,
    out,
    *,
    method="tutorial",
    batch=BATCH,
    labels=False,
    pixel_size=None,
    skip=False,
    progress=True,
):
    """Segment and measure frames into a folder; continue what an earlier run left there.

    The tasks run where `dask.compute` would run them: on the active `distributed.Client` if there
    is one, else in threads of this process, with BLAS at one thread. The workers of a cluster must
    see the frames and `out` under the same paths.

    Parameters
    ----------
    files : sequence of path-like
        The frames, in order. The table names them by their paths below the deepest folder that
        holds them all.
    out : path-like
        Folder for the results; see `segkit.run` for what it holds.
    method : str or callable, optional
        A method of `segkit.frame.segment`, or a function of your own that takes a frame,
        (rows, columns), and returns its labels; also by name, as "module:function". See
        `find_method` for what a cluster needs.
    batch : int, optional
        Frames per task.
    labels : bool, optional
        Write the label images too.
    pixel_size : float, optional
        Micrometres, for the label images. By default what the files say; see
        `segkit.reading.pixel_size`.
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
    segkit.reading.FrameError
        Unless `skip`: for a frame that cannot be used. Batches that are done stay on disk.
    RunError
        If the folder holds another run, is being filled by one, or cannot be written to; if a
        frame changed; if more frames were skipped than kept; if there is no such function; or if
        the cluster was lost. Batches that are done stay.
    ValueError
        If there is no such method; for an impossible batch or pixel size; for an empty list.
    """
    began = time.perf_counter()
    if batch < 1:
        raise ValueError(f"batch {batch}: give at least one frame per task")
    if not (pixel_size is None or 0 < pixel_size < inf):
        raise ValueError(f"pixel size {pixel_size}: give a positive number of micrometres")
    method = method if callable(method) else find_method(method)
    out = Path(out).absolute()  # workers need not be in this folder
    files = list(files)
    like = reading.common_format(files)
    folder, paths = _located(files)
    settings = {"folder": writing.printable(folder), "method": _identity(method), "batch": batch}
    settings |= {"labels": labels, "pixel_size": pixel_size if labels else None}
    settings["segkit"] = segkit.__version__
    # the active client, if `dask.compute` would use it
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    if client is not None and callable(method):
        method = _pickled(method)
    numbers = range(-(-len(paths) // batch))
    with _reserved(out):
        on_disk = _read_notes(out, numbers)  # skipped frames may be usable by now
        notes = {number: note for number, note in on_disk.items() if not note["skipped"]}
        todo = [number for number in numbers if number not in notes]
        _begin(out, settings, folder, paths, pending=set(todo))
        if labels:
            shape, size = (len(files), *like[0]), pixel_size or _pixel_size(files)
            create_labels(out, shape, shard=min(batch, len(files)), pixel_size=size)
        work = {"folder": folder, "out": out, "batch": batch, "method": method, "like": like}
        task = functools.partial(_segment_batch, **work, labels=labels, skip=skip)
        batches = (
            (n, [_name(folder, path) for path in paths[n * batch : (n + 1) * batch]]) for n in todo
        )
        done = sum(note["frames"] for note in notes.values())
        look = {"unit": " frames", "disable": not progress, "delay": client is None}  # 1 s, or 0
        with tqdm(total=len(files), initial=done, **look) as bar:
            if client is None:
                notes |= _compute_in_threads(task, batches, bar)
            else:
                notes |= _compute_on_cluster(client, task, batches, bar, out, numbers)
        skipped = [tuple(entry) for number in numbers for entry in notes[number]["skipped"]]
        _write_skipped(out, skipped)
        _refuse_changed_frames(out, _state(paths), batch=batch)
    if 2 * len(skipped) > len(files):
        name, reason = skipped[0]
        raise RunError(
            f"{len(skipped)} of {len(files)} frames were skipped, such as {name}, because: "
            f"{reason}; see {out / 'skipped.csv'}"
        )
    return {
        "frames": len(files) - len(skipped),
        "nuclei": sum(note["nuclei"] for note in notes.values()),
        "seconds": time.perf_counter() - began,
        "skipped": skipped,
        "batches": len(numbers),
        "there": len(numbers) - len(todo),
    }


# ---- the method


def find_method(name):
    """Return a method of `segkit.frame`, or the function that a name stands for.

    A function in a module of the current folder is sent to the workers of a cluster as it is. What
    it imports must be installed there, or lie in a folder where they look for modules.

    Parameters
    ----------
    name : str
        Such as "otsu", or "module:function" with a module that is installed or lies in the
        current folder.

    Returns
    -------
    str or callable

    Raises
    ------
    ValueError
        If there is no such method.
    RunError
        If the function cannot be imported.
    """
    if name in frame.METHODS:
        return name
    if ":" not in name:
        choices = ", ".join(frame.METHODS)
        raise ValueError(f"unknown method {name!r}: choose {choices} or module:function")
    sys.path.insert(0, os.getcwd())  # noqa: PTH109  as text
    cure = "give module:function, with a module that is installed or lies in the current folder"
    with segkit.explained(RunError, f"method {name!r} cannot be imported", cure):
        found = pkgutil.resolve_name(name)
        if not callable(found):
            raise TypeError("not a function")
    return found


def _origin(method):
    """Return the function or class that a callable comes from, and its name."""
    function = getattr(method, "func", method)  # of functools.partial
    where = function if hasattr(function, "__qualname__") else type(function)
    return where, f"{where.__module__}:{where.__qualname__}"


def _identity(method):
    """Return what tells a method from others in run.json.

    For a function that is its name and a hash: of the text of its module (in a script or notebook
    of the function alone), and of all values that are bound to it.
    """
    if isinstance(method, str):
        return method
    where, name = _origin(method)
    source = where if where.__module__ == "__main__" else inspect.getmodule(where)
    try:
        text = inspect.getsource(source)
    except (OSError, TypeError):  # compiled, or typed at a prompt
        text = where
    bound = [getattr(method, name, None) for name in ("args", "keywords", "__self__", "__dict__")]
    bound += [cell.cell_contents for cell in getattr(where, "__closure__", None) or ()]
    return f"{name}, source {dask.base.tokenize(text, bound)[:12]}"


def _pickled(method):
    """Return a function as bytes, with its module if that lies in the current folder."""
    where, name = _origin(method)
    top = sys.modules.get(where.__module__.partition(".")[0])
    if Path.cwd() in Path(getattr(top, "__file__", None) or "/").absolute().parents[:2]:
        cloudpickle.register_pickle_by_value(top)  # workers may know an older text of it, or none
    cure = "let the function itself open or load what it needs"
    with segkit.explained(RunError, f"method {name} cannot be sent to workers", cure):
        return cloudpickle.dumps(method)


@functools.lru_cache(maxsize=1)
def _unpickled(content):
    """Return the function that was sent; once per process, so that what it keeps is kept."""
    cure = "install what it imports there, or name its folder in PYTHONPATH when you start workers"
    with segkit.explained(RunError, "a worker cannot load the method", cure):
        return cloudpickle.loads(content)


# ---- one task


def _segment_batch(number, names, *, folder, out, batch, method, like, labels, skip):
    """Segment, measure and write one batch; return its number and what its part says of itself."""
    method = _unpickled(method) if isinstance(method, bytes) else method
    parts, skipped = [NOTHING], []
    label_images = np.zeros((len(names), *like[0]), np.int32) if labels else None
    for place, name in enumerate(names):
        known = writing.printable(name)
        try:
            table, found = _segment_file(Path(folder, name), method=method, like=like)
        except reading.FrameError as error:
            if not skip:
                raise
            skipped.append((known, error.reason))
            continue
        count = len(table["label"])
        numbers = np.full(count, number * batch + place, np.int32)
        columns = {"file": [known] * count, "frame": numbers, **table}
        parts.append(pa.table(columns, schema=NOTHING.schema))
        if labels:
            label_images[place] = found
    if labels:
        write_labels(out, number * batch, label_images)
    note = {"frames": len(names), "skipped": skipped}
    table = pa.concat_tables(parts).combine_chunks()
    table = table.replace_schema_metadata({"segkit": json.dumps(note)})
    writing.whole(_part(out, number), lambda aside: pq.write_table(table, aside))
    return number, note | {"nuclei": len(table)}


def _segment_file(path, *, method, like):
    """Return the table and the labels of a frame; whatever goes wrong is a FrameError."""
    image = reading.read_frame(path, like=like)
    try:
        found = frame.segment(image, method=method)
        return frame.columns(image, found), found
    except MemoryError as error:
        raise reading.FrameError(path, reading.no_memory(error)) from error
    except Exception as error:
        name = _origin(method)[1] if callable(method) else method
        reason = f"cannot be segmented with {name} ({type(error).__name__}: {error})"
        raise reading.FrameError(path, f"{reason}; correct or change the method") from error


# ---- where the tasks run


@contextmanager
def scheduler(name, *, workers=None):
    """Let Dask use a scheduler inside a block, as ``segkit segment --scheduler`` does.

    Parameters
    ----------
    name : str
        "threads"; "local", for processes of one thread each on this machine, which listen on
        loopback only; or the address of a scheduler, "tcp://host:8786" or "tls://host:8786", with
        the certificates of Dask's configuration (``distributed.comm.tls``).
    workers : int, optional
        Threads or processes; one per core unless given. Not for an address.

    Raises
    ------
    RunError
        If nothing answers at the address.
    ValueError
        If there is no such scheduler.
    """
    if name == "threads":
        with dask.config.set(scheduler="threads", num_workers=workers):
            yield
        return
    if name != "local" and "://" not in name:
        raise ValueError(f"unknown scheduler {name!r}: choose threads, local or an address")
    from distributed import Client

    settings, problem = {"address": name, "timeout": 5}, f"no scheduler answers at {name}"  # s
    cure = "start one there, or correct the address (for tls:// also Dask's distributed.comm.tls)"
    if name == "local":
        settings = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "preload": __name__}
        settings |= {"n_workers": workers, "threads_per_worker": 1, "silence_logs": logging.ERROR}
        problem, cure = "the local cluster does not start", "use the scheduler threads"
    # a worker gets its next task when it has done one: whoever dies died of that one; and it keeps
    # freed memory for the next frame, which otherwise takes half as long again (scaling.json)
    config = {"distributed.scheduler.worker-saturation": 1.0}
    config["distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_"] = None
    with segkit.explained(RunError, problem, cure), dask.config.set(config):
        client = Client(**settings)
    logging.disable()  # what is lost is said here in one line, not in Dask's tracebacks
    try:
        with client:
            yield
    finally:
        logging.disable(logging.NOTSET)


def dask_setup(worker):
    """Leave Ctrl-C to the process that started this worker; Dask calls this in each (preload)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _compute_in_threads(task, batches, bar):
    """Compute the batches, move a bar on, and return what each says of itself."""
    notes, lazy = {}, dask.delayed(task, pure=False)
    moved = Callback(posttask=lambda key, done, *_: bar.update(done[1]["frames"]))
    with threadpoolctl.threadpool_limits(1), moved:  # BLAS threads would only be in the way
        while window := [lazy(*one) for one in itertools.islice(batches, WINDOW)]:
            notes.update(dask.compute(*window))
    return notes


def _compute_on_cluster(client, task, batches, bar, out, numbers):
    """Do so on a cluster, and say in one line what was lost with a scheduler or with workers."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    run = uuid.uuid4().hex  # no two runs on a cluster may share a key
    notes, sent, queue = {}, {}, as_completed(loop=client.loop, with_results=True)

    def send():
        if window := list(itertools.islice(batches, WINDOW - len(sent))):
            keys = [f"segment_batch-{run}-{number:05d}" for number, _ in window]
            some = max(2, 20_000 // len(window[0][1]))  # names per graph: Dask warns at 10 MB
            columns = zip(*window, strict=True)
            futures = client.map(task, *columns, key=keys, pure=False, batch_size=some)
            sent.update(zip(futures, window, strict=True))
            queue.update(futures)

    bar.set_description(f"waiting for workers of {client.scheduler.address}")
    try:
        send()
        for future, result in queue:
            # the future may not know yet that its result is the loss of the connection
            if future.cancelled() or isinstance(result, CancelledError):
                raise RunError(
                    f"the scheduler at {client.scheduler.address} is gone; "
                    f"{len(_read_notes(out, numbers))} of {len(numbers)} batches are on disk; the "
                    "same command goes on from there"
                )
            future.release()  # else its batch is computed again when the worker that holds it dies
            del sent[future]
            notes.update([result])
            bar.set_description("", refresh=False)
            bar.update(result[1]["frames"])
            if len(sent) <= WINDOW // 2:
                send()
    except KilledWorker as error:
        some = next(names for future, (_, names) in sent.items() if future.key == error.task)
        raise RunError(
            f"{error.allowed_failures + 1} workers died, one after the other, on the {len(some)} "
            f"frames from {some[0]} to {some[-1]}: look at these files, or give workers more memory"
        ) from error
    finally:
        for future in sent:  # what still waits after an error is not to be done
            future.release()
    return notes


# ---- the folder of a run


@contextmanager
def _reserved(out):
    """Make a folder and reserve it for one run; say what to do where it cannot be written to.

    The lock is the operating system's, so it ends with its process, even with kill -9.
    """
    if writing.printable(out) != str(out):  # Arrow would refuse it
        raise RunError(f"{writing.printable(out)} is not a UTF-8 name: choose another --out")
    try:
        out.mkdir(parents=True, exist_ok=True)
        with FileLock(out / ".lock").acquire(timeout=0):
            yield
    except Timeout:
        raise RunError(
            f"another run is filling {out}: wait until it has ended, or choose another --out"
        ) from None
    except OSError as error:
        if error.errno is None:  # from a connection to a scheduler
            raise
        msg = writing.unwritable(error, out, choose="--out")
        raise RunError(f"{msg} What is written stays, and the same command goes on.") from error


def _located(files):
    """Return the deepest folder that holds all files, and their absolute paths as text."""
    # links are not followed; the same text, where it is: a million would be in memory twice
    pairs = ((path, os.path.abspath(path)) for path in map(os.fspath, files))  # noqa: PTH100
    paths = [path if path == absolute else absolute for path, absolute in pairs]
    return os.path.commonpath({os.path.dirname(path) for path in paths}), paths  # noqa: PTH120


def _name(folder, path):
    """Return the name of a file below a folder, with /."""
    return path[len(folder) :].lstrip(os.sep).replace(os.sep, "/")


def _state(paths):
    """Return size and time of change of each file, (2, files) int64: bytes, ns since 1970.

    -1 where there is no such file.
    """
    found = np.full((2, len(paths)), -1)
    for row, path in enumerate(paths):
        with suppress(OSError):  # reading the frame will say what is wrong
            stat = os.stat(path)  # noqa: PTH116
            found[:, row] = stat.st_size, stat.st_mtime_ns
    return found


def _recorded(out, *names):
    """Return columns of the list of frames that a run began with."""
    path, cure = out / "files.parquet", CHOOSE.format(out)
    with segkit.explained(RunError, f"{path} is missing or damaged", cure):
        # without threads it takes half the memory
        return pq.read_table(path, columns=list(names), use_threads=False).columns


def _refuse_other_settings(out, settings):
    """Raise RunError unless the run in a folder has these settings."""
    path, cure = out / "run.json", CHOOSE.format(out)
    with segkit.explained(RunError, f"{path} is damaged", cure):
        known = json.loads(path.read_text(encoding="utf-8"))
        names = sorted(known.keys() | settings.keys())
    differ = [name for name in names if known.get(name) != settings.get(name)]
    if differ:
        said = " and ".join(f"{k}={known.get(k)} (not {settings.get(k)})" for k in differ)
        raise RunError(f"{out} holds a run with {said}: {cure}")


def _refuse_other_frames(out, names):
    """Raise RunError unless the frames of a run have these names, in the same order."""
    (known,) = _recorded(out, "file")
    if not known.equals(names):
        old, new = set(known.to_pylist()), set(names.to_pylist())
        said = "the same files in another order"
        if old != new:
            counts = f"files added: {len(new - old)}, missing: {len(old - new)}"
            said = f"{counts}, such as {min(old ^ new)}"
        raise RunError(f"{out} holds a run of other frames ({said}): {CHOOSE.format(out)}")


def _refuse_changed_frames(out, state, *, batch, pending=()):
    """Raise RunError unless the frames of a run are unchanged.

    Those of pending batches may have changed, since they will be read again.
    """
    differ = (np.array(_recorded(out, "size", "changed")) != state).any(axis=0)
    if rows := [row for row in np.flatnonzero(differ).tolist() if row // batch not in pending]:
        parts = list(dict.fromkeys(_part(out, row // batch).name for row in rows))
        raise RunError(
            f"{_recorded(out, 'file')[0][rows[0]]} has changed since the run in {out} began "
            f"(changed files: {len(rows)} of {state.shape[1]}): {CHOOSE.format(out)}; or, to "
            f"segment only these again, delete {', '.join(parts[:3])}"
            f"{' and so on' if parts[3:] else ''} in its nuclei.parquet"
        )


def _begin(out, settings, folder, paths, *, pending):
    """Open a locked folder for a run, or to resume the same run."""
    some = (paths[start : start + 50_000] for start in range(0, len(paths), 50_000))  # for memory
    names = [pa.array([writing.printable(_name(folder, path)) for path in few]) for few in some]
    names, state = pa.chunked_array(names), _state(paths)
    parts = out / "nuclei.parquet"
    resumed = (out / "run.json").exists()
    if resumed:
        _refuse_other_settings(out, settings)
        _refuse_other_frames(out, names)
        _refuse_changed_frames(out, state, batch=settings["batch"], pending=pending)
    elif parts.exists():
        raise RunError(f"{parts} is there without run.json: {CHOOSE.format(out)}")
    parts.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob(writing.ASIDE), *parts.glob(writing.ASIDE)]:
        stale.unlink(missing_ok=True)  # of a run that was killed
    frames = pa.table({"file": names, "size": state[0], "changed": state[1]})
    writing.whole(out / "files.parquet", lambda aside: pq.write_table(frames, aside))
    if not resumed:
        writing.put(out / "run.json", json.dumps(settings, indent=1, ensure_ascii=False).encode())


def _part(out, number):
    """Return the path of the part that a batch writes."""
    return out / "nuclei.parquet" / f"part-{number:05d}.parquet"


def _read_notes(out, numbers):
    """Return what the complete parts say of themselves: {number: {frames, skipped, nuclei}}."""
    notes = {}
    for number in numbers:
        with suppress(OSError, pa.ArrowInvalid, KeyError, TypeError):
            footer = pq.read_metadata(_part(out, number))
            notes[number] = json.loads(footer.metadata[b"segkit"]) | {"nuclei": footer.num_rows}
    return notes


def _pixel_size(files):
    """Return the pixel size in micrometres that a sample of the frames agrees on, or None."""
    sizes = set()
    for path in files[:: -(-len(files) // 10)]:
        with suppress(reading.FrameError):
            sizes.add(reading.pixel_size(path))
    return sizes.pop() if len(sizes) == 1 else None


def create_labels(out, shape, *, shard, pixel_size=None):
    """Make the label store ``labels.ome.zarr``, or leave the one that is there.

    Parameters
    ----------
    out : path-like
        Folder of the run.
    shape : (frames, rows, columns)
    shard : int
        Frames per shard, which is one file: the batch, so that no two tasks share a file.
    pixel_size : float, optional
        Micrometres. Unless it is given, the axes have no unit, and the scale is 1.
    """
    import zarr

    path = Path(out) / "labels.ome.zarr"
    if (path / "0" / "zarr.json").exists():
        return
    axes = [{"name": "t", "type": "time"}]  # frames: the axis type that viewers give a slider
    unit = {"unit": "micrometer"} if pixel_size else {}
    axes += [{"name": name, "type": "space", **unit} for name in "yx"]
    scale = {"type": "scale", "scale": [1.0, pixel_size or 1.0, pixel_size or 1.0]}
    level = {"path": "0", "coordinateTransformations": [scale]}
    image = {"name": "nuclei", "axes": axes, "datasets": [level]}
    ome = {"version": "0.5", "multiscales": [image], "image-label": {"version": "0.5"}}
    group = zarr.open_group(path, mode="w", attributes={"ome": ome}, zarr_format=3)
    layout = {"chunks": (1, *shape[1:]), "shards": (shard, *shape[1:])}
    names = ["t", "y", "x"]
    group.create_array("0", shape=shape, dtype=np.int32, dimension_names=names, **layout)


def write_labels(out, first, label_images):
    """Write label images, (frames, rows, columns), into the store from frame `first` on."""
    import zarr

    array = zarr.open_array(Path(out) / "labels.ome.zarr" / "0", mode="r+")
    array[first : first + len(label_images)] = label_images


def _write_skipped(out, skipped):
    """Write ``skipped.csv`` (file, reason), or remove an old one if nothing was skipped."""
    path = out / "skipped.csv"
    if skipped:
        table = pa.table(list(zip(*skipped, strict=True)), names=["file", "reason"])
        writing.whole(path, lambda aside: pa.csv.write_csv(table, aside))
    else:
        path.unlink(missing_ok=True)
