"""Checks for the exercises of notebook 12."""

import tempfile
from pathlib import Path

import pandas as pd

from segkit.check import exercise


@exercise
def lifetime(answer):
    """Minutes after which a worker should leave its job."""
    hints = {
        240: "then Slurm ends the job with everything that is on it.",
        238: "up 2 minutes later, it leaves 2 minutes later; and with what in its memory?",
        230: "the stagger is there, but what else takes time between start and end?",
        232: "the time to hand over is there; by how much may a worker leave late?",
        222: "count from the start of the job: when is the worker up?",
        228: "how long may it take until its results are with others?",
    }
    if answer == 220:
        return None
    if answer in hints:
        return hints[answer]
    if isinstance(answer, str):
        return "a number of minutes is asked for."
    if answer < 220:
        return "all workers leave in time, but some of them earlier than they have to."
    return "that worker may be ended by Slurm: add up everything that comes after the start."


@exercise
def again(a, b, c):
    """Tasks that are started after three faults."""
    hints = {
        1: "a: where are the results of A's 12 batches now?",
        12: "a: and the one that A was working on?",
        21: "a: B and its results are still there.",
        14: "a: B goes on with its own.",
        20: "a: B and its results are still there.",
    }
    if a != 13:
        return hints.get(a, "a: count what was only in the memory of A.")
    if b != 1:
        if b == 0:
            return "b: what was A doing when it was killed?"
        if b == 13:
            return "b: who has the 12 results by then?"
        return "b: count what was only in the memory of A."
    if c != 10:
        hints = {
            30: "c: what is on disk when the second run begins?",
            12: "c: two batches were being worked on; are they not among the missing ones?",
            2: "c: not only what was being worked on is missing.",
            8: "c: have the two that were being worked on written anything?",
        }
        return hints.get(c, "c: how many of the 30 parts are on disk?")
    return None


class _Killed(BaseException):
    """Stand for a kill: no handler of an ordinary error may catch it."""


class _Dying(pd.DataFrame):
    """A table whose writer is killed when half of the file is there."""

    def to_parquet(self, path=None, **options):
        """Write nonsense, then end."""
        Path(path).write_bytes(b"half a file")
        raise _Killed


def _killed(function, path):
    try:
        function(_Dying({"label": [1]}), path)
    except _Killed:
        return True
    return False


@exercise
def save(function):
    """Find the fault in a function that writes a table whole or not at all."""
    if not callable(function):
        return "this is no function; it should take a table and a path."
    old, new = pd.DataFrame({"label": [1, 2]}), pd.DataFrame({"label": [3, 4, 5]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part-00000.parquet"
        function(old, path)
        if not path.is_file():
            return f"after a call there is no file {path.name}."
        function(new, path)
        found = pd.read_parquet(path)
        if len(found) == len(old) + len(new):
            return "called twice, the file holds both tables; a task that runs twice doubles them."
        if not found.equals(new):
            return "called twice, the file does not hold the second table."
        left = sorted(file.name for file in Path(folder).iterdir())
        if left != [path.name]:
            return f"besides the file, this is left in the folder: {set(left) - {path.name}}."
        if not _killed(function, path):
            return "write the file with the table's own to_parquet, so that this can be tested."
        if not path.is_file():
            return "killed in the second call, the older table is gone before the new one is whole."
        if path.read_bytes() == b"half a file":
            return "killed while it writes, it leaves half a file at the path."
        if not pd.read_parquet(path).equals(new):
            return "killed in the second call, the older table is not what it was."
    return None
