"""Checks for notebook 08: what dask.delayed wraps, and what it reads."""

import dask
import numpy as np
import pandas as pd
import tifffile
from dask.delayed import Delayed
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import check

COLUMNS = ("label", "area", "mean_intensity")
WRAP = "wrap the function, not its result."


def _counts(files):
    """Return how many nuclei each of the first files holds, by the notebook's own function."""
    counts = []
    for path in check.paths(files):
        smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
        counts.append(ndimage.label(smoothed > threshold_otsu(smoothed))[1])
    return counts


def _programs(read):
    """Return the three programs of the exercise."""
    stack = check.lazy_frames(read)[:8]
    image = dask.delayed(read)(*check.paths(1))
    level, mean = dask.delayed(np.max), dask.delayed(np.mean)
    a = [[level(stack) for _ in range(3)]]
    b = [[level(image), mean(image)]]
    c = [level(image), mean(image)]
    return a, b, c


@check.exercise
def opened(a, b, c):
    """Check how many files the programs a, b and c open."""
    a, b, c = map(check.whole_number, (a, b, c))
    if None in (a, b, c):
        return "a, b and c are one whole number each: how many files are opened."
    right_a, right_b, right_c = check.reads(_programs)
    if a != right_a:
        hints = {
            3: "a: each call wants one frame, but what is handed to it?",
            8: "a: do the calls share what they read?",
            64: "a: there are three calls here, not eight.",
        }
        return hints.get(a, "a: count the calls, and the frames that each of them is handed.")
    if b != right_b:
        return "b: within one compute, how often does one task run?"
    if c != right_c:
        return "c: what is left of the image when the first compute has ended?"
    return None


@check.exercise
def batches(answer):
    """Check the list of three Delayed: tables of five, five and two files."""
    if isinstance(answer, Delayed):
        return "this is one Delayed: make a list of several."
    if not isinstance(answer, (list, tuple)):
        return f"a list of Delayed is asked for, and this is of type {type(answer).__name__}."
    if any(isinstance(part, pd.DataFrame) for part in answer):
        return "the tables are there already: was the function called before delayed got it?"
    if other := [type(part).__name__ for part in answer if not isinstance(part, Delayed)]:
        return f"the list holds a part of type {other[0]}: make each part a Delayed."
    if len(answer) == 12:
        return "that is one file per task: give five to each."
    if len(answer) != 3:
        return f"{len(answer)} tasks: twelve files, five per task, and a last one for the rest."
    check.expect_calls(answer)
    check.expect_files(answer, 12, WRAP)
    tables = dask.compute(*answer)
    if other := [type(part).__name__ for part in tables if not isinstance(part, pd.DataFrame)]:
        return f"the result of a task is of type {other[0]}: put its tables together into one."
    if lacking := [name for name in COLUMNS if any(name not in table for table in tables)]:
        return f"the column {lacking[0]!r} is missing: use nuclei from above, as it is."
    counts, rows = _counts(12), [len(table) for table in tables]
    expected = [sum(counts[start : start + 5]) for start in (0, 5, 10)]
    if rows != expected:
        return f"the tables have {rows} rows, and {expected} were expected."
    return None


@check.exercise
def total(answer):
    """Check one Delayed: the number of nuclei in the first six files."""
    kind = type(answer).__name__
    if isinstance(answer, (list, tuple)):
        return f"this is of type {kind}: one more delayed call puts its parts together."
    if not isinstance(answer, Delayed):
        return f"a Delayed is asked for, not computed yet; this is of type {kind}."
    check.expect_calls([answer])
    check.expect_files(answer, 6, WRAP)
    counts, value = _counts(6), check.number(answer.compute(), "the result")
    if value != sum(counts):
        return f"{value:g} comes out, and the six files hold {sum(counts)} nuclei."
    if len(answer.__dask_graph__()) < len(counts):
        return "the number is right, but where are the tasks for the single files?"
    return None
