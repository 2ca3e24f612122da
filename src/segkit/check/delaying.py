"""Checks for notebook 08: what dask.delayed wraps, and what it reads."""

import dask
import pandas as pd
import tifffile
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import check

COLUMNS = ("label", "area", "mean_intensity")


def _counts(files):
    """Return how many nuclei each of the first files holds, by the notebook's own function."""
    counts = []
    for path in check.paths(files):
        smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
        counts.append(ndimage.label(smoothed > threshold_otsu(smoothed))[1])
    return counts


@check.exercise
def opened(a, b, c):
    """Check how many files the programs a, b and c open."""
    three_calls = [
        (3, "each call wants one frame, but what is handed to it?"),
        (8, "do the calls share what they read?"),
        (64, "there are three calls here, not eight."),
    ]
    other_calls = "count the calls, and the frames that each of them is handed."
    one_compute = "within one compute, how often does one task run?"
    two_computes = "what is left of the image when the first compute has ended?"
    return (
        check.recognise(a, 3 * 8, three_calls, other_calls, name="a")
        or check.recognise(b, 1, [], one_compute, name="b")
        or check.recognise(c, 2, [], two_computes, name="c")
    )


@check.exercise
def batches(answer):
    """Check the list of three Delayed: tables of five, five and two files."""
    parts = check.delayed_calls(answer)
    if len(parts) == 12:
        return "that is one file per task: give five to each."
    if len(parts) != 3:
        return f"{len(parts)} tasks: twelve files, five per task, and a last one for the rest."
    check.expect_files(parts, 12, check.WRAP)
    tables = dask.compute(*parts)
    if other := [part for part in tables if not isinstance(part, pd.DataFrame)]:
        return f"a task gives a table, and {check.its_type(other[0])}: put its tables together."
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
    if isinstance(answer, (list, tuple)):
        return f"{check.its_type(answer)}: one more delayed call puts its parts together."
    check.delayed_calls([answer])
    check.expect_files(answer, 6, check.WRAP)
    counts = _counts(6)
    value = check.number(answer.compute(), "the result")
    if value != sum(counts):
        return f"{value:g} comes out, and the six files hold {sum(counts)} nuclei."
    if len(answer.__dask_graph__()) < len(counts):
        return "the number is right, but where are the tasks for the single files?"
    return None
