"""The checks of notebook 14 tell right answers from the usual wrong ones."""

import contextlib
import os
import shutil
import tempfile
import uuid
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow.parquet
from answers import said, tried

from segkit.check import faults as check


@tried(
    ("Right.", 240 - 2 - 10 - 8),
    ("Slurm ends the job", 240),
    ("2 minutes later", 238),
    ("by how much may a worker leave late", 232),
    ("what else takes time", 230),
    ("with others", 228),
    ("when is the worker up", 222),
    ("earlier than they have to", 210),
    ("add up everything", 235),
    ("one number is asked for", "220m"),
)
def test_lifetime(capsys, answer, hint):
    """240 less start, stagger and handing over; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.lifetime, answer)


@tried(
    ("Right.", (13, 1, 10)),
    ("a: and the one", (12, 1, 10)),
    ("a: where are the results", (1, 1, 10)),
    ("a: B goes on", (14, 1, 10)),
    ("a: B and its results", (21, 1, 10), (20, 1, 10)),
    ("a: count what was only", (5, 1, 10)),
    ("b: what was A doing", (13, 0, 10)),
    ("b: who has the 12", (13, 13, 10)),
    ("b: count what", (13, 7, 10)),
    ("c: what is on disk", (13, 1, 30)),
    ("c: two batches", (13, 1, 12)),
    ("c: have the two", (13, 1, 8)),
    ("c: not only", (13, 1, 2)),
    ("c: how many of the 30", (13, 1, 19)),
)
def test_again(capsys, answer, hint):
    """What was in A's memory; what it was doing; what is not on disk: each mistake is named."""
    assert hint in said(capsys, check.again, *answer)


def other(table, path, name=None):
    """Write a table beside its path, under a name of its own unless one is given."""
    other = Path(path).with_name(name or f".{uuid.uuid4()}.tmp")
    table.to_parquet(other)
    return other


def aside(table, path):
    """Write aside, then rename."""
    other(table, path).replace(path)


def numbered(table, path):
    """Let tempfile find the name and open the file; synchronise it late."""
    number, found = tempfile.mkstemp(dir=Path(path).parent)
    with os.fdopen(number, "wb") as file:
        file.write(table.to_parquet())
    Path(found).replace(path)
    with Path(path).open("rb+") as file:
        os.fsync(file.fileno())


def native(table, path):
    """Leave the writing to Arrow, which Python does not see."""
    other = Path(path).with_name(f".{uuid.uuid4()}")
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(table), other)
    other.replace(path)


def in_place(table, path):
    """Let Arrow write where it belongs."""
    pyarrow.parquet.write_table(pyarrow.Table.from_pandas(table), path)


def once(table, path):
    """Let the first call win."""
    with contextlib.suppress(FileExistsError):
        os.link(other(table, path, ".a"), path)
    Path(path).with_name(".a").unlink()


def added(table, path):
    """Append to what is there."""
    if Path(path).exists():
        table = pd.concat([pd.read_parquet(path), table])
    aside(table, path)


def emptied(table, path):
    """Put an empty table there first."""
    aside(table.head(0), path)
    aside(table, path)


def at_first(table, path):
    """Write where it belongs, if nothing is there."""
    (aside if Path(path).exists() else pd.DataFrame.to_parquet)(table, path)


def elsewhere(table, path, carry):
    """Write to another folder, and carry the file to its path."""
    with tempfile.TemporaryDirectory() as folder:
        carry(other(table, Path(folder) / "x"), path)


def gap(table, path):
    """Delete the older file between writing and renaming."""
    new = other(table, path)
    Path(path).unlink(missing_ok=True)
    new.rename(path)


@tried(
    ("Right.", aside, numbered, native),
    ("half a file", pd.DataFrame.to_parquet, in_place, at_first),
    ("copying is not renaming", partial(elsewhere, carry=shutil.copy)),
    ("from another disk", partial(elsewhere, carry=shutil.move)),
    ("at the same time", lambda table, path: other(table, path, "a.tmp").replace(path)),
    ("the older table is gone", gap),
    ("the older table is not what it was", emptied),
    ("does not hold the second table", once),
    ("holds both tables", added),
    ("this is left in the folder", lambda table, path: shutil.copy(other(table, path), path)),
    ("there is no file", lambda table, path: None),
    ("stops with an error (TypeError", lambda table: None),
)
def test_save(capsys, answer, hint):
    """Another name, then a rename, is right by whatever way; each usual mistake has its hint."""
    assert hint in said(capsys, check.save, answer)
