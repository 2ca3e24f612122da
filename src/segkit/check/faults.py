"""Checks for notebook 14: leaving in time, what runs again, complete or not at all."""

import os
import sys
import tempfile
from contextvars import ContextVar
from pathlib import Path

import pandas as pd

from segkit import check


@check.exercise
def lifetime(answer):
    """Check the minutes after which a worker should leave its job."""
    mistakes = [
        (240, "then Slurm ends the job with everything that is on it."),
        (238, "it is up 2 minutes later and leaves 2 minutes later: with what in its memory?"),
        (230, "the stagger is there, but what else takes time between start and end?"),
        (232, "the time to hand over is there; by how much may a worker leave late?"),
        (222, "count from the start of the job: when is the worker up?"),
        (228, "how long may it take until its results are with others?"),
    ]
    otherwise = "that worker may be ended by Slurm: add up everything that comes after the start."
    if check.number(answer) < 220:
        otherwise = "all workers leave in time, but some of them earlier than they have to."
    return check.recognise(answer, 240 - 2 - 10 - 8, mistakes, otherwise)


@check.exercise
def again(a, b, c):
    """Check the numbers of tasks that are started after a worker or the scheduler was killed."""
    b_is_there = "B and its results are still there."
    of_a = [
        (1, "where are the results of A's 12 batches now?"),
        (12, "and the one that A was working on?"),
        (21, b_is_there),
        (14, "B goes on with its own."),
        (20, b_is_there),
    ]
    of_b = [(0, "what was A doing when it was killed?"), (13, "who has the 12 results by then?")]
    of_c = [
        (30, "what is on disk when the second run begins?"),
        (12, "two batches were being worked on; are they not among the missing ones?"),
        (2, "not only what was being worked on is missing."),
        (8, "have the two that were being worked on written anything?"),
    ]
    in_memory = "count what was only in the memory of A."
    return (
        check.recognise(a, 12 + 1, of_a, in_memory, name="a")
        or check.recognise(b, 1, of_b, in_memory, name="b")
        or check.recognise(c, 30 - 20, of_c, "how many of the 30 parts are on disk?", name="c")
    )


_watching = ContextVar("_watching", default=None)  # called with what this thread is about to do


def _hook(event, arguments):
    """Pass on what Python is about to do. It keeps such a hook for good: there is only one."""
    if see := _watching.get():
        see(event, arguments)


sys.addaudithook(_hook)


def _steps(function, table, path):
    """Call a function of a table and a path; return the steps on disk that Python sees.

    A step makes a file or empties it, copies to one, or renames one: event, source, target, and the
    bytes at the path before (None: no file), which are what a kill at this moment would leave.
    Arrow writes unseen: a path that changes without a rename was written in place.
    """
    steps = []

    def see(event, arguments):
        if event in ("os.rename", "shutil.copyfile"):
            names = arguments[:2]
        elif event == "open" and arguments[2] & (os.O_CREAT | os.O_TRUNC):
            names = arguments[:1] * 2
        else:
            return
        if isinstance(names[0], int):  # a file that is open already
            return
        source, target = (Path(os.fsdecode(name)).resolve() for name in names)
        steps.append((event, source, target, path.read_bytes() if path.is_file() else None))

    token = _watching.set(see)
    try:
        check.called(function, table, path, returns=False)
    finally:
        _watching.reset(token)
    return steps


@check.exercise
def save(function):
    """Check a function that writes a complete table or none."""
    old, new = pd.DataFrame({"label": [1, 2]}), pd.DataFrame({"label": [3, 4, 5]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder).resolve() / "part-00000.parquet"
        first = _steps(function, old, path)
        if not path.is_file():
            return f"after a call there is no file {path.name}."
        before = path.read_bytes()
        second = _steps(function, new, path)
        found, after = pd.read_parquet(path), path.read_bytes()
        if len(found) == len(old) + len(new):
            return "called twice, the file holds both tables; a task that runs twice doubles them."
        if not found.equals(new):
            return "called twice, the file does not hold the second table."
        left = sorted(file.name for file in Path(folder).iterdir())
        if left != [path.name]:
            return f"besides the file, this is left in the folder: {set(left) - {path.name}}."
    at_path = [
        [(event, source) for event, source, target, _ in steps if target == path]
        for steps in (first, second)
    ]
    events = [{event for event, _ in steps} for steps in at_path]
    if any("shutil.copyfile" in some for some in events):
        return "killed half way, half a copy is at the path: copying is not renaming."
    if any(some != {"os.rename"} for some in events):
        return "killed while it writes, it leaves half a file at the path."
    states = [there for *_, there in second]
    if None in states:
        return "killed in a second call, the older table is gone before the new one is complete."
    if states[0] != before or not {*states} <= {before, after}:
        return "killed in a second call, the older table is not what it was."
    sources = [source for steps in at_path for _, source in steps]
    if any(path.parent not in source.parents for source in sources):
        return "the file is first written elsewhere: from another disk, would renaming be one step?"
    if len(set(sources)) < len(sources):
        return "a task may run twice at the same time: would both write to the same file?"
    return None
