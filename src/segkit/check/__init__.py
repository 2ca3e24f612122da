"""Checks for the exercises: one module per notebook, each check a function of the answer.

``from segkit.check import morphology as check`` and then ``check.clean(answer)`` prints "Right."
or a hint. A check never raises, whatever it is given. What several checks need is here.
"""

import glob
import io
from functools import wraps
from numbers import Real
from pathlib import Path

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread
from dask.delayed import DelayedLeaf

from segkit import data

PIXEL_SIZE = 0.645  # micrometres, of BBBC039

# Appended where a result has the size of the notebook's data and not of what the check passed in.
GLOBALS = "Does the function use its arguments, or variables of the notebook?"

# How hints end where pixels differ from those of an image filtered in one piece.
RIM, BOTH = "what does boundary say?", "depth and boundary."


class NotYetError(Exception):
    """A hint, raised by what checks share; `exercise` prints it."""


def exercise(find_hint):
    """Turn a function that looks for what is wrong with an answer into a check.

    Parameters
    ----------
    find_hint : callable
        Takes the answer; returns None if it is right, else a hint: one sentence that says what to
        look at. It may raise NotYetError with a hint. Any other exception is reported as an
        answer that the check could not use.

    Returns
    -------
    callable
        Takes the answer, prints one line, returns True or False; with ``quiet=True``, as for a
        solution, it prints nothing.
    """

    @wraps(find_hint)
    def check(*answer, quiet=False):
        if any(part is ... for part in answer):
            print("Not answered yet: put your answer in place of the dots.")
            return False
        try:
            hint = find_hint(*answer)
        except NotYetError as error:
            hint = str(error)
        except Exception as error:  # an answer can be anything, and a check must not raise
            hint = f"the check could not use this answer ({type(error).__name__}: {error})."
        if not quiet:
            print("Right." if hint is None else f"Not yet: {hint}")
        return hint is None

    return check


def paths(count):
    """Return the paths of the first frames in use."""
    return data.images(data.locate())[:count]


def frames(count):
    """Return the first frames in use: (count, rows, columns) ndarray."""
    return np.stack([tifffile.imread(path) for path in paths(count)])


def lazy_frames(read=tifffile.imread):
    """Return all frames in use as a Dask array, one frame per chunk, each read by `read`."""
    pattern = Path(glob.escape(str(data.locate())), "images", "*.tif")
    return imread(str(pattern), imread=read)


def reads(programs):
    """Return how many files each of several programs reads.

    Parameters
    ----------
    programs : callable
        Takes a function that reads a file; returns the programs, each a list of what it computes,
        one after the other: Dask collections, or lists of them.

    Returns
    -------
    list of int
    """
    opened, counts = [], []

    def read(path):
        opened.append(path)
        return tifffile.imread(path)

    for program in programs(read):
        opened.clear()
        for step in program:
            dask.compute(step)
        counts.append(len(opened))
    return counts


def number(answer, name=""):
    """Return an answer as a float.

    Parameters
    ----------
    answer : object
    name : str, optional
        Named in the hint, for an exercise with several answers.

    Raises
    ------
    NotYetError
        Unless the answer is exactly one number.

    Examples
    --------
    >>> number(np.int32(7))
    7.0
    >>> number("7", "steps")
    Traceback (most recent call last):
    segkit.check.NotYetError: steps: one number is asked for, and this is of type str.
    """
    try:
        value = np.asarray(answer)
    except ValueError:  # a ragged list
        value = np.empty(0)
    if value.size == 1 and value.dtype.kind in "uif":
        return float(value.reshape(()))
    name = f"{name}: " if name else ""
    kind = type(answer).__name__
    count = f" of {value.size} values" if value.size > 1 else ""
    raise NotYetError(f"{name}one number is asked for, and this is of type {kind}{count}.")


def whole_number(answer):
    """Return an answer as an int, or None if it is not one whole number.

    Examples
    --------
    >>> whole_number(7.0), whole_number("7"), whole_number([7]), whole_number(6.7)
    (7, None, None, None)
    """
    if isinstance(answer, bool) or not isinstance(answer, Real) or answer % 1:
        return None
    return int(answer)


def called(function, *arguments, hint=""):
    """Return what a learner's function returns.

    Parameters
    ----------
    function : callable
    *arguments : object
    hint : str, optional
        Added to the message where the function raises an exception.

    Raises
    ------
    NotYetError
        If it is not a function, raises an exception or returns nothing.

    Examples
    --------
    >>> called(len, "abc")
    3
    """
    if not callable(function):
        raise NotYetError("give the function itself, not its result: its name, without brackets.")
    try:
        result = function(*arguments)
    except Exception as error:  # a learner's function can raise anything
        message = f"the function stops with an error ({type(error).__name__}: {error}). {hint}"
        raise NotYetError(message.rstrip()) from error
    if result is None:
        raise NotYetError("the function returns nothing: is there a return at its end?")
    return result


def expect_lazy(answer):
    """Raise NotYetError unless an answer is a Dask array."""
    if not isinstance(answer, da.Array):
        kind = type(answer).__name__
        raise NotYetError(f"a Dask array is asked for, not computed yet; this is of type {kind}.")


def expect_dtype(lazy, values):
    """Raise NotYetError if a Dask array promises another dtype than its values have."""
    if values.dtype != lazy.dtype:
        raise NotYetError(f"the array promises {lazy.dtype}, and {values.dtype} comes out.")


def expect_calls(parts):
    """Raise NotYetError if `dask.delayed` got a result, or a function that nobody called.

    Parameters
    ----------
    parts : iterable of Delayed

    Examples
    --------
    >>> from dask import delayed
    >>> expect_calls([delayed(sum)([1, 2])])
    >>> expect_calls([delayed(sum([1, 2]))])
    Traceback (most recent call last):
    segkit.check.NotYetError: the results are there already: wrap the function, not its result.
    >>> expect_calls([delayed(sum)])
    Traceback (most recent call last):
    segkit.check.NotYetError: the function is wrapped, and not called yet: give it its arguments.
    """
    for part in parts:
        if isinstance(part, DelayedLeaf):
            if callable(part.compute(scheduler="sync")):
                hint = "the function is wrapped, and not called yet: give it its arguments."
            else:
                hint = "the results are there already: wrap the function, not its result."
            raise NotYetError(hint)


class _WithoutTables(cloudpickle.Pickler):
    """Pickle a graph, but none of the tables in it: they can hold the names of files."""

    def persistent_id(self, thing):
        """Write a word in place of a table."""
        return "table" if isinstance(thing, (pd.DataFrame, pd.Series)) else None


def expect_files(answer, count, cure):
    """Raise NotYetError if the first frames in use were read before an answer was made.

    Parameters
    ----------
    answer : Dask collection, or list of Delayed
        Its graph must name the files. A graph that cannot be searched is let pass.
    count : int
        How many frames.
    cure : str
        What to do, the end of the hint.
    """
    graph = io.BytesIO()
    try:
        parts = answer if isinstance(answer, (list, tuple)) else [answer]
        _WithoutTables(graph).dump([dict(part.__dask_graph__()) for part in parts])
    except Exception:  # something in it that only this process can hold
        return
    if any(path.name.encode() not in graph.getvalue() for path in paths(count)):
        raise NotYetError(f"the files were read before the graph was made: {cure}")


def computed(answer, *, hint=""):
    """Return an answer as a NumPy array, computed if it is lazy.

    Parameters
    ----------
    answer : array-like or Dask collection
    hint : str, optional
        Added to the message where computing raises an exception.

    Raises
    ------
    NotYetError
        If computing raises an exception, or the answer is not an array.
    """
    try:
        return np.asarray(answer.compute() if hasattr(answer, "compute") else answer)
    except Exception as error:  # of the learner's functions, which run only now
        message = f"computing it stops with an error ({type(error).__name__}: {error}). {hint}"
        raise NotYetError(message.rstrip()) from error


def recognise(answer, known, otherwise=None, *, rtol=1e-5, atol=1e-8):
    """Return the hint of the first known answer that an answer equals.

    Parameters
    ----------
    answer : number or ndarray
    known : iterable of (number or ndarray, str or None)
        Known answers, each of the answer's shape, with their hints: None for the right one.
    otherwise : str, optional
        The hint for any other answer.
    rtol, atol : float, optional
        Tolerance, as in `numpy.allclose`.

    Returns
    -------
    str or None

    Examples
    --------
    >>> recognise(5, [(2.5, None), (5, "that is the diameter.")])
    'that is the diameter.'
    """
    for value, hint in known:
        if np.allclose(answer, value, rtol=rtol, atol=atol):
            return hint
    return otherwise


def difference(answer, expected, *, rtol=1e-9):
    """Say how an array differs from the expected one, or return None where it does not.

    Parameters
    ----------
    answer : array-like
    expected : ndarray
    rtol : float, optional
        Relative difference that is let pass.

    Returns
    -------
    str or None

    Examples
    --------
    >>> difference(np.zeros((2, 3)), np.zeros((3, 2)))
    'the shape is (2, 3), and (3, 2) was expected.'
    >>> difference([1, 5], np.array([1, 2]))
    '1 of 2 values differ (50 %).'
    """
    answer = np.asarray(answer)
    if answer.shape != expected.shape:
        return f"the shape is {answer.shape}, and {expected.shape} was expected."
    differ = int((~np.isclose(answer, expected, rtol=rtol, atol=0)).sum())
    if differ:
        percent = 100 * differ / expected.size
        return f"{differ} of {expected.size} values differ ({percent:.3g} %)."
    return None


def located(answer, expected, chunks, *, reach, itself, rim=RIM, both=BOTH, rtol=1e-9):
    """Say how an image made in chunks differs from the expected one, and where.

    Parameters
    ----------
    answer, expected : (rows, columns) ndarray
    chunks : tuple of tuple of int
        Of the Dask array that the answer was computed from.
    reach : int
        How many pixels the filter looks to each side.
    itself : str
        End of the hint for pixels that differ everywhere.
    rim, both : str, optional
        Ends of the hints for pixels at the rim, and at the rim and beside cuts.
    rtol : float, optional
        Relative difference that is let pass.

    Returns
    -------
    str or None
        Where the shapes differ, only that is said.
    """
    hint = difference(answer, expected, rtol=rtol)
    if hint is None or answer.shape != expected.shape:
        return hint
    differ = ~np.isclose(answer, expected, rtol=rtol, atol=0)
    at_rim, at_cut = np.zeros((2, *differ.shape), bool)
    for axis, sizes in enumerate(chunks):
        borders = np.cumsum((0, *sizes))
        pixels = np.arange(borders[-1])[:, None] + 0.5
        near = np.abs(pixels - borders) < reach
        at_rim.swapaxes(0, axis)[near[:, [0, -1]].any(axis=1)] = True
        at_cut.swapaxes(0, axis)[near[:, 1:-1].any(axis=1)] = True
    if not (differ & ~at_cut).any():
        return f"{hint} All lie beside a cut between chunks: what does depth say?"
    if not (differ & ~at_rim).any():
        return f"{hint} All lie at the rim of the image: {rim}"
    if not (differ & ~at_cut & ~at_rim).any():
        return f"{hint} They lie at the rim and beside the cuts: {both}"
    return f"{hint} They are everywhere: is it {itself}"
