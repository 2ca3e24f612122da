"""Checks for the exercises of notebook 08."""

import glob

import dask
import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread
from dask.delayed import Delayed
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import data
from segkit.check import exercise, wrapped_fault
from segkit.check.parallel import opens
from segkit.check.pipeline import whole_number

COLUMNS = ("label", "area", "mean_intensity")
TOO_EARLY = "the files were read before the graph was made: wrap the function, not its result."


def _counts(number):
    """Return how many nuclei each of the first files holds, by the notebook's own function."""
    counts = []
    for path in data.images(data.locate())[:number]:
        smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
        counts.append(ndimage.label(smoothed > threshold_otsu(smoothed))[1])
    return counts


def _opened():
    """Return how many files the three programs of the exercise open."""
    seen = []

    def read(path):
        seen.append(path)
        return tifffile.imread(path)

    def files(*computes):
        seen.clear()
        for together in computes:
            dask.compute(*together)
        return len(seen)

    folder = data.locate()
    stack = imread(f"{glob.escape(str(folder / 'images'))}/*.tif", imread=read)[:8]
    image = dask.delayed(read)(data.images(folder)[0])
    level, mean = dask.delayed(np.max), dask.delayed(np.mean)
    return (
        files([level(stack) for _ in range(3)]),
        files([level(image), mean(image)]),
        files([level(image)], [mean(image)]),
    )


@exercise
def opened(a, b, c):
    """Files that the programs a, b and c open."""
    right_a, right_b, right_c = _opened()
    a, b, c = map(whole_number, (a, b, c))
    if None in (a, b, c):
        return "a, b and c are one whole number each: how many files are opened."
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


@exercise
def batches(answer):
    """List of three Delayed: tables of five, five and two files."""
    if isinstance(answer, Delayed):
        return "this is one Delayed: make a list of several."
    if not isinstance(answer, (list, tuple)):
        return f"a list of Delayed is asked for; this is a {type(answer).__name__}."
    if any(isinstance(part, pd.DataFrame) for part in answer):
        return "the tables are there already: was the function called before delayed got it?"
    if other := [type(part).__name__ for part in answer if not isinstance(part, Delayed)]:
        return f"the list holds a {other[0]}: make each part a Delayed."
    if len(answer) != 3:
        if len(answer) == 12:
            return "that is one file per task: give five to each."
        return f"{len(answer)} tasks: twelve files, five per task, and a last one for the rest."
    if fault := wrapped_fault(answer):
        return fault
    if not opens(answer, data.images(data.locate())[:12]):
        return TOO_EARLY
    tables = dask.compute(*answer)
    if other := [type(part).__name__ for part in tables if not isinstance(part, pd.DataFrame)]:
        return f"a task gives a {other[0]}: put its tables together into one."
    if lacking := [name for name in COLUMNS if any(name not in table for table in tables)]:
        return f"the column {lacking[0]!r} is missing: use nuclei from above, as it is."
    expected = _counts(12)
    rows = [sum(expected[start : start + 5]) for start in (0, 5, 10)]
    if [len(table) for table in tables] != rows:
        return f"the tables have {[len(table) for table in tables]} rows, and {rows} were expected."
    return None


@exercise
def total(answer):
    """One Delayed: the number of nuclei in the first six files."""
    if isinstance(answer, (list, tuple)):
        return f"this is a {type(answer).__name__}: one more delayed call puts its parts together."
    if not isinstance(answer, Delayed):
        return f"a Delayed is asked for, not computed yet; this is a {type(answer).__name__}."
    if fault := wrapped_fault([answer]):
        return fault
    if not opens(answer, data.images(data.locate())[:6]):
        return TOO_EARLY
    counts, value = _counts(6), answer.compute()
    if not np.isscalar(value):
        return f"a {type(value).__name__} comes out, and one number was asked for."
    if value != sum(counts):
        return f"{value} comes out, and the six files hold {sum(counts)} nuclei."
    if len(answer.__dask_graph__()) < len(counts):
        return "the number is right, but where are the tasks for the single files?"
    return None
