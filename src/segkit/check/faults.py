"""Checks for the exercises of notebook 12."""

import contextlib
import io
import os
import shutil
import tempfile
import threading
from pathlib import Path
from unittest import mock

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


class _Disk:
    """Watch what this thread does on the disk; at one of these steps, kill it half way."""

    def __init__(self, path, kill_at=0):
        self.path, self.kill_at = path, kill_at
        self.steps, self.writes, self.step, self.asides = 0, 0, "", []
        self.thread, self.open = threading.get_ident(), open
        self.rename = {name: getattr(os, name) for name in ("rename", "replace")}

    def dies(self, step):
        """Count a step; tell whether it is the one that is not finished."""
        if threading.get_ident() != self.thread:
            return False
        self.steps += 1
        self.writes += step != "rename"
        self.step = step
        return self.steps == self.kill_at

    def put(self, write, content, step="write"):
        """Write all, or half and die."""
        content = content if isinstance(content, str) else bytes(content)
        if self.dies(step):
            write(content[: len(content) // 2])
            raise _Killed
        return write(content)

    def opened(self, *args, **options):
        """Stand for open: what is written to the file counts."""
        file = self.open(*args, **options)
        if file.writable():
            write = file.write
            file.write = lambda content: self.put(write, content)
        return file

    def copied(self, source, target, **options):
        """Stand for shutil.copyfile."""
        with self.open(source, "rb") as one, self.open(target, "wb") as other:
            self.put(other.write, one.read(), "copy")
        return target

    def renamed(self, name):
        """Stand for os.rename or os.replace."""

        def rename(source, target, **options):
            if self.dies("rename"):
                raise _Killed
            if Path(target) == self.path:
                self.asides.append(Path(source).absolute())
            return self.rename[name](source, target, **options)

        return rename

    @contextlib.contextmanager
    def watch(self):
        """Put the watched functions in place of Python's own."""
        with (
            mock.patch("builtins.open", self.opened),
            mock.patch.object(io, "open", self.opened),
            mock.patch.object(shutil, "copyfile", self.copied),
            mock.patch.object(os, "rename", self.renamed("rename")),
            mock.patch.object(os, "replace", self.renamed("replace")),
        ):
            yield self


def _double(table, disk):
    """Return a table of the same content that writes to the watched disk."""
    content = table.to_parquet()

    class Double(pd.DataFrame):
        _constructor = property(lambda self: Double)  # also what is made of it writes there

        def to_parquet(self, path=None, *args, **options):
            """Write to a path or a file, or return the bytes."""
            if path is None:
                return content
            if hasattr(path, "write"):
                path.write(content)
            else:
                with disk.open(path, "wb") as file:
                    disk.put(file.write, content)
            return None

    return Double(table)


def _after_a_kill(function, path, old, new):
    """Kill the second call at each of its steps; return what is wrong with what is left."""
    for kill_at in range(1, 100):
        old.to_parquet(path)
        disk = _Disk(path, kill_at)
        try:
            table = _double(new, disk)
            with disk.watch():
                function(table, path)
        except _Killed:
            if not path.is_file():
                return "killed in a second call, the older table is gone before the new is whole."
            try:
                found = pd.read_parquet(path)
            except Exception:  # half a file: readers raise several kinds
                if disk.step == "copy":
                    return "killed half way, half a copy is at the path: copying is not renaming."
                return "killed while it writes, it leaves half a file at the path."
            if not (found.equals(old) or found.equals(new)):
                return "killed in a second call, the older table is not what it was."
        else:
            if disk.writes == 0:
                return "write the file with the table's own to_parquet, so that this can be tested."
            return None
    return None


@exercise
def save(function):
    """Find the fault in a function that writes a table whole or not at all."""
    if not callable(function):
        return "this is no function; it should take a table and a path."
    old, new = pd.DataFrame({"label": [1, 2]}), pd.DataFrame({"label": [3, 4, 5]})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "part-00000.parquet"
        with _Disk(path).watch() as disk:
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
        fault = _after_a_kill(function, path, old, new)
        if fault:
            return fault
        if any(path.parent not in aside.parents for aside in disk.asides):
            return "the file lies elsewhere before: on another disk, what would renaming be?"
        if len(set(disk.asides)) < len(disk.asides):
            return "a task may run twice at the same time: do both write to one file meanwhile?"
    return None
