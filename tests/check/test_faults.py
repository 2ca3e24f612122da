"""The checks of notebook 12 tell right answers from the usual wrong ones."""

import uuid
from pathlib import Path

import pandas as pd
import pytest
from answers import said

from segkit.check import faults as check


def test_the_dots_are_no_answer(capsys):
    """A stub that was left as it is gets told so."""
    assert "Not answered yet" in said(capsys, check.lifetime, ...)
    assert "Not answered yet" in said(capsys, check.again, 13, ..., 10)
    assert "Not answered yet" in said(capsys, check.save, ...)


def test_lifetime_is_right():
    """240 less start, stagger and the handing over."""
    assert check.lifetime(240 - 2 - 10 - 8)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (240, "Slurm ends the job"),
        (238, "2 minutes later"),
        (232, "by how much may a worker leave late"),
        (230, "what else takes time"),
        (228, "with others"),
        (222, "when is the worker up"),
        (210, "earlier than they have to"),
        (235, "add up everything"),
        ("220m", "a number of minutes"),
        (None, "could not use this answer"),
    ],
)
def test_lifetime_hints(capsys, answer, hint):
    """Each usual mistake about the lifetime has a hint of its own."""
    assert hint in said(capsys, check.lifetime, answer)


def test_again_is_right():
    """What was in A's memory; what it was doing; what is not on disk."""
    assert check.again(13, 1, 10)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((12, 1, 10), "a: and the one"),
        ((1, 1, 10), "a: where are the results"),
        ((14, 1, 10), "a: B goes on"),
        ((21, 1, 10), "a: B and its results"),
        ((5, 1, 10), "a: count what was only"),
        ((13, 0, 10), "b: what was A doing"),
        ((13, 13, 10), "b: who has the 12"),
        ((13, 7, 10), "b: count what"),
        ((13, 1, 30), "c: what is on disk"),
        ((13, 1, 12), "c: two batches"),
        ((13, 1, 8), "c: have the two"),
        ((13, 1, 2), "c: not only"),
        ((13, 1, 19), "c: how many of the 30"),
    ],
)
def test_again_hints(capsys, answer, hint):
    """Each usual mistake about what runs again has a hint of its own."""
    assert hint in said(capsys, check.again, *answer)


def aside(table, path):
    """Write aside, then rename."""
    other = Path(path).with_name(f".{uuid.uuid4()}.tmp")
    table.to_parquet(other)
    other.replace(path)


def tidy(table, path):
    """Write aside, rename, and clear up whatever happens."""
    other = Path(path).with_suffix(".tmp")
    try:
        table.to_parquet(other)
        other.replace(path)
    finally:
        other.unlink(missing_ok=True)


@pytest.mark.parametrize("function", [aside, tidy])
def test_save_is_right(function):
    """Write under another name, then rename."""
    assert check.save(function)


def straight(table, path):
    """Write where it belongs."""
    table.to_parquet(path)


def careful(table, path):
    """Catch errors, which a kill is not."""
    try:
        table.to_parquet(path)
    except Exception:
        Path(path).unlink()


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


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (straight, "half a file"),
        (careful, "half a file"),
        (once, "does not hold the second table"),
        (added, "holds both tables"),
        (early, "the older table is gone"),
        (copied, "this is left in the folder"),
        (lambda table, path: None, "there is no file"),
        (lambda table, path: pd.DataFrame(table).to_parquet(path), "own to_parquet"),
        ("part.parquet", "no function"),
    ],
)
def test_save_hints(capsys, answer, hint):
    """Each usual mistake about writing has a hint of its own."""
    assert hint in said(capsys, check.save, answer)
