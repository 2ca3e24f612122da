"""Results on disk, written so that a run can stop at any moment and go on.

A run's folder holds

* ``run.json``: what was asked for; another question in the same folder is refused,
* ``nuclei.parquet/part-00000.parquet`` ...: the table, one file a batch,
* ``labels.ome.zarr``: the label images (OME-Zarr 0.5), one chunk a frame, one shard a batch,
* ``skipped.csv``: the frames that were left out, with the reason.

Every file is written under another name and renamed when it is whole. A part is written after
the labels of its batch, so a part that is there says that its batch is done.
"""

import csv
import functools
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from segkit import writing

PIXEL_SIZE = 0.645  # um, BBBC039

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
    """The folder holds another run, or something that is no run, or cannot be written to."""


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


def _read_json(path):
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise RunError(f"{path} is damaged ({error}); delete its folder, or mend it") from error


@_told
def begin(out, question):
    """Open a folder for a run, or for going on with the same run.

    Parameters
    ----------
    out : path-like
        Made if missing.
    question : dict
        What decides the result: method, batch, files. Must be JSON.

    Raises
    ------
    RunError
        If the folder holds a run with another question; the message says what differs. As for
        all that is written here: if the folder cannot be written to.
    """
    out = Path(out)
    out.mkdir(parents=True, exist_ok=True)
    path = out / "run.json"
    if path.exists():
        asked = _read_json(path)
        keys = asked.keys() | question.keys()
        differ = [f"{k}={asked.get(k)}" for k in sorted(keys) if asked.get(k) != question.get(k)]
        if differ:
            raise RunError(
                f"{out} holds a run with {', '.join(differ)}; choose another --out, "
                "or delete that folder"
            )
    elif (out / "nuclei.parquet").exists():
        raise RunError(f"{out}/nuclei.parquet is there without run.json; choose another --out")
    else:
        text = json.dumps(question, indent=1, ensure_ascii=False)
        writing.whole(path, lambda aside: aside.write_text(text, encoding="utf-8"))
    for stale in [*out.glob(writing.ASIDE), *(out / "nuclei.parquet").glob(writing.ASIDE)]:
        stale.unlink(missing_ok=True)  # of a run that was killed
    (out / "nuclei.parquet").mkdir(exist_ok=True)


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
    """Return what a part says of itself: frames, nuclei, skipped; None if it is no whole part."""
    try:
        footer = pq.read_metadata(path)
        note = json.loads(footer.metadata[b"segkit"])
    except (OSError, pa.ArrowInvalid, KeyError, TypeError):
        return None
    return {**note, "nuclei": footer.num_rows}


@_told
def create_labels(out, shape, *, shard):
    """Make the label store ``labels.ome.zarr``, or leave the one that is there.

    Parameters
    ----------
    out : path-like
    shape : (frames, rows, columns)
    shard : int
        Frames a shard, which is one file: the batch, so that no two tasks share a file.
    """
    import zarr

    path = Path(out) / "labels.ome.zarr"
    if (path / "0" / "zarr.json").exists():
        return
    axes = [{"name": "t", "type": "time"}]  # frames: the axis type that viewers give a slider
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "yx"]
    scale = {"type": "scale", "scale": [1.0, PIXEL_SIZE, PIXEL_SIZE]}
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
