"""The checks of notebook 14 tell right answers from the usual wrong ones."""

import contextlib
import io
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pandas as pd
import pyarrow.parquet
from answers import said, tried

from segkit import writing
from segkit.check import faults as check


@tried(
    (240 - 2 - 10 - 8, "Right."),
    (240, "Slurm ends the job"),
    (238, "2 minutes later"),
    (232, "by how much may a worker leave late"),
    (230, "what else takes time"),
    (228, "with others"),
    (222, "when is the worker up"),
    (210, "earlier than they have to"),
    (235, "add up everything"),
    ("220m", "one number is asked for"),
)
def test_lifetime(capsys, answer, hint):
    """240 less start, stagger and handing over; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.lifetime, answer)


@tried(
    ((13, 1, 10), "Right."),
    ((12, 1, 10), "a: and the one"),
    ((1, 1, 10), "a: where are the results"),
    ((14, 1, 10), "a: B goes on"),
    ((21, 1, 10), "a: B and its results"),
    ((20, 1, 10), "a: B and its results"),
    ((5, 1, 10), "a: count what was only"),
    ((13, 0, 10), "b: what was A doing"),
    ((13, 13, 10), "b: who has the 12"),
    ((13, 7, 10), "b: count what"),
    ((13, 1, 30), "c: what is on disk"),
    ((13, 1, 12), "c: two batches"),
    ((13, 1, 8), "c: have the two"),
    ((13, 1, 2), "c: not only"),
    ((13, 1, 19), "c: how many of the 30"),
)
def test_again(capsys, answer, hint):
    """What was in A's memory; what it was doing; what is not on disk: each mistake is named."""
    assert hint in said(capsys, check.again, *answer)


def aside(table, path):
    """Write aside, then rename."""
    other = Path(path).with_name(f".{uuid.uuid4()}.tmp")
    table.to_parquet(other)
    other.replace(path)


def tidy(table, path):
    """Write aside, rename, and clear up whatever happens."""
    other = Path(path).with_suffix(f".{uuid.uuid4()}.tmp")
    try:
        table.to_parquet(other, index=False)
        os.replace(other, path)  # noqa: PTH105
    finally:
        other.unlink(missing_ok=True)


def from_memory(table, path):
    """Write into memory first."""
    buffer = io.BytesIO()
    table.to_parquet(buffer)
    other = f"{path}.{uuid.uuid4()}"
    with open(other, "wb") as file:  # noqa: PTH123
        file.write(buffer.getvalue())
    shutil.move(other, path)


def named(table, path):
    """Let tempfile find the name, in the same folder."""
    with tempfile.NamedTemporaryFile(dir=Path(path).parent, delete=False) as file:
        table.to_parquet(file)
    os.replace(file.name, path)  # noqa: PTH105


def numbered(table, path):
    """Let tempfile open the file, too."""
    number, other = tempfile.mkstemp(dir=Path(path).parent)
    with os.fdopen(number, "wb") as file:
        file.write(table.to_parquet())
    Path(other).replace(path)


def near(table, path):
    """Write elsewhere, copy to the folder, and rename there."""
    other = Path(path).with_name(f".{uuid.uuid4()}")
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(Path(folder) / "table")
        shutil.copy(Path(folder) / "table", other)
    other.replace(path)


def native(table, path):
    """Leave the writing to Arrow, which Python does not see."""
    other = Path(path).with_name(f".{uuid.uuid4()}")
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(table), other)
    other.replace(path)


def kit(table, path):
    """Write as the package itself does."""
    writing.whole(Path(path), lambda part: table.to_parquet(part))


def straight(table, path):
    """Write where it belongs."""
    table.to_parquet(path)


def once(table, path):
    """Never write again."""
    if not Path(path).exists():
        aside(table, path)


def added(table, path):
    """Append to what is there."""
    if Path(path).exists():
        table = pd.concat([pd.read_parquet(path), table])
    aside(table, path)


def early(table, path):
    """Delete the older file first."""
    Path(path).unlink(missing_ok=True)
    aside(table, path)


def copied(table, path):
    """Leave the other file there."""
    other = Path(path).with_suffix(".tmp")
    table.to_parquet(other)
    Path(path).write_bytes(other.read_bytes())


def emptied(table, path):
    """Put an empty table there first."""
    aside(table.head(0), path)
    aside(table, path)


def twice(table, path):
    """Write where it belongs, then the same by renaming."""
    table.to_parquet(path)
    aside(table, path)


def at_first(table, path):
    """Write where it belongs, if nothing is there."""
    if Path(path).exists():
        aside(table, path)
    else:
        table.to_parquet(path)


def by_another_name(table, path):
    """Write where it belongs, under another name of the folder."""
    with contextlib.chdir(Path(path).parent):
        table.to_parquet(Path(path).name)


def from_tmp(table, path):
    """Write elsewhere, and copy: half a copy may be at the path."""
    with tempfile.TemporaryDirectory() as folder:
        table.to_parquet(Path(folder) / "table")
        shutil.copy(Path(folder) / "table", path)


def moved(table, path):
    """Write elsewhere, and move: from another disk that is a copy."""
    other = Path(tempfile.gettempdir()) / f"{uuid.uuid4()}.parquet"
    try:
        table.to_parquet(other)
        shutil.move(other, path)
    finally:
        other.unlink(missing_ok=True)


def one_name(table, path):
    """Write aside, under a name that is always the same."""
    other = Path(path).with_suffix(".tmp")
    table.to_parquet(other)
    other.replace(path)


def gap(table, path):
    """Delete the older file between writing and renaming."""
    other = Path(path).with_name(f".{uuid.uuid4()}")
    table.to_parquet(other)
    Path(path).unlink(missing_ok=True)
    other.rename(path)


def bytes_straight(table, path):
    """Write the bytes where they belong."""
    Path(path).write_bytes(table.to_parquet())


@tried(
    (aside, "Right."),
    (tidy, "Right."),
    (from_memory, "Right."),
    (named, "Right."),
    (numbered, "Right."),
    (near, "Right."),
    (native, "Right."),
    (kit, "Right."),
    (straight, "half a file"),
    (bytes_straight, "half a file"),
    (from_tmp, "copying is not renaming"),
    (moved, "on another disk"),
    (one_name, "at the same time"),
    (gap, "the older table is gone"),
    (by_another_name, "half a file"),
    (emptied, "not what it was"),
    (once, "does not hold the second table"),
    (added, "holds both tables"),
    (early, "the older table is gone"),
    (copied, "this is left in the folder"),
    (lambda table, path: None, "there is no file"),
    (lambda table: None, "stops with an error (TypeError"),
    (twice, "the older table is not what it was"),
    (at_first, "half a file"),
)
def test_save(capsys, answer, hint):
    """Another name, then a rename, is right by whatever way; each usual mistake has its hint."""
    assert hint in said(capsys, check.save, answer)
