"""Results on disk, written so that a run can stop at any moment and go on.

A run's folder holds

* ``run.json``: the settings; a run with other settings is refused,
* ``files.parquet``: the frames, with size and time of change; other frames are refused,
* ``nuclei.parquet/part-00000.parquet`` ...: the table, one file a batch,
* ``labels.ome.zarr``: the label images (OME-Zarr 0.5), one chunk a frame, one shard a batch,
* ``skipped.csv``: the frames that were left out, with the reason,
* ``.lock``: held, while a run goes on, by the process that started it.

Every file is written under another name and renamed when it is complete. A part is written after
the labels of its batch, so a part that is there says that its batch is done.
"""

import csv
import functools
import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from segkit import writing

CHOOSE = "choose another --out, or delete {}"
SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("frame", pa.int32()),
        ("label", pa.int32()),
        ("area", pa.int64()),
        ("mean_intensity", pa.float64()),
        ("centroid_row", pa.float64()),
        ("centroid_col", pa.float64()),
    ]
)


class RunError(ValueError):
    """A run that cannot go on: its folder holds another run, or its frames have changed."""


def _told(write):
    """Let a function that writes to the folder of a run say what to do where it cannot."""

    @functools.wraps(write)
    def told(out, *args, **options):
        try:
            return write(out, *args, **options)
        except OSError as error:
            msg = writing.unwritable(error, out, choose="--out")
            raise RunError(f"{msg} What is written stays, and the same command goes on.") from error

    return told


def relative(files):
    """Split paths into the deepest folder that holds all of them and their names below it.

    Parameters
    ----------
    files : sequence of path-like

    Returns
    -------
    folder : str
        Absolute.
    names : list of str
        With forward slashes.
    """
    paths = [os.path.abspath(path) for path in files]  # noqa: PTH100  links are not followed
    if not paths:
        raise ValueError("no frames were given")
    folder = os.path.commonpath({Path(path).parent for path in paths})
    return folder, [path[len(folder) :].lstrip(os.sep).replace(os.sep, "/") for path in paths]


def state(folder, names):
    """Look up what tells one state of a file from another.

    Parameters
    ----------
    folder, names
        As `relative` returns them.

    Returns
    -------
    pyarrow.Table
        One row per frame: file, size in bytes, and changed, in ns since 1970. Both are -1 where
        there is no such file.
    """
    rows = []
    for name in names:
        try:
            found = Path(folder, name).stat()
        except OSError:  # reading the frame will say what is wrong
            rows.append((-1, -1))
        else:
            rows.append((found.st_size, found.st_mtime_ns))
    sizes, times = np.array(rows, np.int64).reshape(-1, 2).T
    files = [writing.printable(name) for name in names]
    return pa.table({"file": files, "size": sizes, "changed": times})


def _read_settings(path):
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        found = error
    if not isinstance(found, dict):
        raise RunError(f"{path} is damaged: {CHOOSE.format(path.parent)}")
    return found


def _refuse_other_settings(out, settings):
    """Raise RunError unless the run in a folder has these settings."""
    known, cure = _read_settings(out / "run.json"), CHOOSE.format(out)
    there, here = known.get("folder", "another folder"), settings["folder"]
    if there != here:
        raise RunError(f"{out} holds results of the frames in {there}, not in {here}: {cure}")
    differ = [k for k in sorted(known.keys() | settings.keys()) if known.get(k) != settings.get(k)]
    if differ:
        said = " and ".join(f"{k}={known.get(k)} (not {settings.get(k)})" for k in differ)
        raise RunError(f"{out} holds a run with {said}: {cure}")


def refuse_other_frames(out, frames, *, batch, pending=()):
    """Raise RunError unless the frames are those of the run, in the same order and unchanged.

    Parameters
    ----------
    out : path-like
    frames : pyarrow.Table
        As `state` returns it.
    batch : int
        Frames per task.
    pending : collection of int, optional
        Batches whose frames may have changed, since they will be read again.
    """
    path, cure = Path(out) / "files.parquet", CHOOSE.format(out)
    try:
        known = pq.read_table(path).select(frames.column_names)
    except (OSError, KeyError, pa.ArrowException) as error:
        raise RunError(f"{path} is missing or damaged: {cure}") from error
    if not known["file"].equals(frames["file"]):
        old, new = (set(table["file"].to_pylist()) for table in (known, frames))
        sides = {"added": new - old, "missing": old - new}
        said = [f"files {k}: {len(s)}, such as {min(s)}" for k, s in sides.items() if s]
        said = "; ".join(said) or "the same files in another order"
        raise RunError(f"{out} holds a run of other frames ({said}): {cure}")
    size, time = (known[k].to_numpy() != frames[k].to_numpy() for k in ("size", "changed"))
    rows = [row for row in np.flatnonzero(size | time) if row // batch not in pending]
    if rows:
        parts = list(dict.fromkeys(part_path("", row // batch).name for row in rows))
        raise RunError(
            f"{frames['file'][rows[0]]} has changed since the run in {out} began "
            f"({'size' if size[rows[0]] else 'time of change'}; files like it: {len(rows)} of "
            f"{len(frames)}): {cure}; or, to segment only these again, delete "
            f"{', '.join(parts[:3])}{' and so on' if parts[3:] else ''} in its nuclei.parquet"
        )


@_told
def lock(out):
    """Make a folder and reserve it for one run, as a context.

    The lock is the operating system's, so it ends with its process, even with kill -9.

    Raises
    ------
    RunError
        If another process holds it, or the folder cannot be written to.
    """
    if writing.printable(out) != str(out):  # Arrow would refuse it
        raise RunError(f"{writing.printable(out)} is not a UTF-8 name: choose another --out")
    Path(out).mkdir(parents=True, exist_ok=True)
    try:
        return FileLock(Path(out) / ".lock").acquire(timeout=0)
    except Timeout:
        raise RunError(
            f"another run is filling {out}: wait until it has ended, or choose another --out"
        ) from None


@_told
def begin(out, settings, frames, *, pending=()):
    """Open a folder for a run, or to resume the same run.

    Parameters
    ----------
    out : path-like
        Made if missing. The caller holds its `lock`.
    settings : dict
        What decides the result besides the frames: folder (of the frames), batch, method and so
        on. Must be JSON.
    frames : pyarrow.Table
        As `state` returns it.
    pending : collection of int, optional
        Batches that are not done: their frames may have changed.

    Raises
    ------
    RunError
        If the folder holds a run with other settings or of other frames; the message says what
        differs. As for all that is written here: if the folder cannot be written to.
    """
    out = Path(out)
    parts = out / "nuclei.parquet"
    resumed = (out / "run.json").exists()
    if resumed:
        _refuse_other_settings(out, settings)
        refuse_other_frames(out, frames, batch=settings["batch"], pending=pending)
    elif parts.exists():
        raise RunError(f"{parts} is there without run.json: {CHOOSE.format(out)}")
    parts.mkdir(parents=True, exist_ok=True)
    for stale in [*out.glob(writing.ASIDE), *parts.glob(writing.ASIDE)]:
        stale.unlink(missing_ok=True)  # of a run that was killed
    writing.whole(out / "files.parquet", lambda aside: pq.write_table(frames, aside))
    if not resumed:
        writing.put(out / "run.json", json.dumps(settings, indent=1, ensure_ascii=False).encode())


def part_path(out, number):
    """Path of the part that batch `number` writes."""
    return Path(out) / "nuclei.parquet" / f"part-{number:05d}.parquet"


@_told
def write_part(out, number, table, *, frames, skipped=()):
    """Write the table of one batch.

    Parameters
    ----------
    out : path-like
    number : int
        Of the batch.
    table : dict of ndarray
        As `segkit.stack.batch` returns it.
    frames : int
        Frames in the batch, skipped ones included.
    skipped : sequence of (str, str)
        File name and reason.
    """
    note = {"segkit": json.dumps({"frames": frames, "skipped": list(skipped)})}
    arrow = pa.table(table, schema=SCHEMA.with_metadata(note))
    writing.whole(part_path(out, number), lambda aside: pq.write_table(arrow, aside))


def read_note(path):
    """Return what a part says of itself: frames, nuclei, skipped; None if it is not complete."""
    try:
        footer = pq.read_metadata(path)
        note = json.loads(footer.metadata[b"segkit"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError):
        return None
    return {**note, "nuclei": footer.num_rows}


def is_done(out, number):
    """Tell whether batch `number` is on disk with all its frames."""
    note = read_note(part_path(out, number))
    return note is not None and not note["skipped"]


@_told
def create_labels(out, shape, *, shard, pixel_size=None):
    """Make the label store ``labels.ome.zarr``, or leave the one that is there.

    Parameters
    ----------
    out : path-like
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
    image = {
        "name": "nuclei",
        "axes": axes,
        "datasets": [{"path": "0", "coordinateTransformations": [scale]}],
    }
    ome = {"version": "0.5", "multiscales": [image], "image-label": {"version": "0.5"}}
    group = zarr.open_group(path, mode="w", attributes={"ome": ome}, zarr_format=3)
    group.create_array(
        "0",
        shape=shape,
        dtype=np.int32,
        chunks=(1, *shape[1:]),
        shards=(shard, *shape[1:]),
        dimension_names=["t", "y", "x"],
    )


@_told
def write_labels(out, first, label_images):
    """Write the label images of one batch, from frame `first` on."""
    import zarr

    array = zarr.open_array(Path(out) / "labels.ome.zarr" / "0", mode="r+")
    array[first : first + len(label_images)] = label_images


@_told
def write_skipped(out, skipped):
    """Write ``skipped.csv`` (file, reason), or remove an old one if nothing was skipped."""
    path = Path(out) / "skipped.csv"
    if not skipped:
        path.unlink(missing_ok=True)
        return

    def write(aside):
        with aside.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows([("file", "reason"), *skipped])

    writing.whole(path, write)
