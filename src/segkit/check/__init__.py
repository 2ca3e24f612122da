"""Checks for the exercises: one module per notebook, each check a function of the answer.

``from segkit.check import morphology as check`` and then ``check.clean(answer)`` prints "Right."
or a hint. A check never raises, whatever it is given. What several checks need is here.
"""

import glob
import io
from collections import Counter
from contextlib import contextmanager
from functools import wraps
from numbers import Real
from pathlib import Path

import cloudpickle
import dask.array as da
import numpy as np
import pandas as pd
import tifffile
from dask.array.image import imread
from dask.delayed import Delayed, DelayedLeaf

from segkit import data

PIXEL_SIZE = data.DATASET.pixel_size  # micrometres

# Added where a result has the size of the notebook's data and not of what the check passed in.
GLOBALS = "Does the function use its arguments, or variables of the notebook?"

# How hints end where dask.delayed came too late.
WRAP = "wrap the function, not its result."


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


def counted(frames):
    """Return frames as a Dask array, one frame per chunk, and how often each chunk is made.

    Parameters
    ----------
    frames : (frames, rows, columns) ndarray

    Returns
    -------
    lazy : dask.array.Array
    made : collections.Counter
        Frame by frame; empty until something is computed.
    """
    made = Counter()

    def make(chunk, block_info=None):
        made[block_info[0]["chunk-location"][0]] += 1
        return chunk

    lazy = da.from_array(frames, chunks=(1, -1, -1))
    return lazy.map_blocks(make, meta=frames[:0, :0, :0]), made


def its_type(answer):
    """Return what a hint says of an answer of another type than was asked for.

    Examples
    --------
    >>> its_type("seven")
    'this is of type str'
    """
    return f"this is of type {type(answer).__name__}"


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
    value = np.asarray(answer, dtype=object)  # computed, if it is lazy
    if value.ndim == 0 and isinstance(value.item(), Real) and not isinstance(value.item(), bool):
        return float(value.item())
    name = f"{name}: " if name else ""
    count = f" of {value.size} values" if value.size > 1 else ""
    raise NotYetError(f"{name}one number is asked for, and {its_type(answer)}{count}.")


def numbers(answer, count):
    """Return a list of numbers, or a dictionary of them in the order of its keys, as floats.

    Parameters
    ----------
    answer : object
    count : str
        How many are asked for, in words.

    Raises
    ------
    NotYetError
        If the answer is one thing only, or one of its parts is not a number.

    Examples
    --------
    >>> numbers({1: 8, 0: 7}, "two")
    [7.0, 8.0]
    >>> numbers(None, "two")
    Traceback (most recent call last):
    segkit.check.NotYetError: two numbers are asked for, and this is of type NoneType.
    """
    if isinstance(answer, dict):
        answer = [answer[key] for key in sorted(answer)]
    if np.ndim(answer) == 0:
        raise NotYetError(f"{count} numbers are asked for, and {its_type(answer)}.")
    return [number(one) for one in answer]


@contextmanager
def _errors_reported(what, hint):
    """Turn an exception into a hint: what a learner wrote can raise anything."""
    try:
        yield
    except Exception as error:
        message = f"{what} stops with an error ({type(error).__name__}: {error}). {hint}"
        raise NotYetError(message.rstrip()) from error


def called(function, *arguments, hint="", returns=True):
    """Return what a learner's function returns.

    Parameters
    ----------
    function : callable
    *arguments : object
    hint : str, optional
        Added to the message where the function raises an exception.
    returns : bool, optional
        False for a function that does not have to return anything.

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
    with _errors_reported("the function", hint):
        result = function(*arguments)
    if returns and result is None:
        raise NotYetError("the function returns nothing: is there a return at its end?")
    return result


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
        If computing raises an exception, or the answer does not consist of numbers.
    """
    with _errors_reported("computing it", hint):
        values = np.asarray(answer.compute() if hasattr(answer, "compute") else answer)
    if values.dtype.kind not in "buif":
        raise NotYetError(f"an array of numbers is asked for, and {its_type(answer)}.")
    return values


def expect_lazy(answer):
    """Raise NotYetError unless an answer is a Dask array."""
    if not isinstance(answer, da.Array):
        raise NotYetError(f"a Dask array is asked for, not computed yet; {its_type(answer)}.")


def expect_shape(answer, shape, hint=""):
    """Raise NotYetError, the hint added, if an array has another shape."""
    if answer.shape != shape:
        message = f"the shape is {answer.shape}, and {shape} was expected. {hint}"
        raise NotYetError(message.rstrip())


def expect_dtype(lazy):
    """Raise NotYetError if a Dask array promises another dtype than its values have."""
    values = computed(lazy)
    if values.dtype != lazy.dtype:
        raise NotYetError(f"the array promises {lazy.dtype}, and {values.dtype} comes out.")


def delayed_calls(answer):
    """Return an answer, a list of lazy calls of functions.

    Parameters
    ----------
    answer : object

    Raises
    ------
    NotYetError
        If it is not a list, or one of its parts was not made by `dask.delayed`, is a result, or a
        function that nobody called.

    Examples
    --------
    >>> from dask import delayed
    >>> calls = delayed_calls([delayed(sum)([1, 2])])
    >>> delayed_calls([delayed(sum([1, 2]))])
    Traceback (most recent call last):
    segkit.check.NotYetError: the results are there already: wrap the function, not its result.
    >>> delayed_calls([delayed(sum)])
    Traceback (most recent call last):
    segkit.check.NotYetError: the function is wrapped, and not called yet: give it its arguments.
    """
    if isinstance(answer, Delayed):
        raise NotYetError("this is one Delayed: make a list of several.")
    if not isinstance(answer, (list, tuple)):
        raise NotYetError(f"a list of Delayed is asked for, and {its_type(answer)}.")
    for part in answer:
        if isinstance(part, da.Array):
            hint = "that is lazy too, but not a Delayed: wrap a function with dask.delayed."
        elif not isinstance(part, Delayed):
            hint = f"a Delayed is asked for, not computed yet; {its_type(part)}: {WRAP}"
        elif not isinstance(part, DelayedLeaf):
            continue
        elif callable(part.compute(scheduler="sync")):
            hint = "the function is wrapped, and not called yet: give it its arguments."
        else:
            hint = f"the results are there already: {WRAP}"
        raise NotYetError(hint)
    return answer


class _TableFinder(cloudpickle.Pickler):
    """Pickle a graph except for its tables, and note whether there are any."""

    found = False

    def persistent_id(self, thing):
        """Write a word in place of a table."""
        if isinstance(thing, (pd.DataFrame, pd.Series)):
            self.found = True
            return "table"
        return None


def expect_files(answer, count, cure):
    """Raise NotYetError if the first frames in use were read before an answer was made.

    Parameters
    ----------
    answer : Dask collection, or list of Delayed
        Its graph must name the files and hold no table. A graph that cannot be searched is let
        pass.
    count : int
        How many frames.
    cure : str
        What to do, the end of the hint.
    """
    graph = io.BytesIO()
    finder = _TableFinder(graph)
    try:
        parts = answer if isinstance(answer, (list, tuple)) else [answer]
        finder.dump([dict(part.__dask_graph__()) for part in parts])
    except Exception:  # something in it that only this process can hold
        return
    if finder.found or any(path.name.encode() not in graph.getvalue() for path in paths(count)):
        raise NotYetError(f"the files were read before the graph was made: {cure}")


def difference(values, expected, *, rtol=1e-9):
    """Say in how many values an array differs from the expected one of the same shape.

    Parameters
    ----------
    values, expected : array-like
    rtol : float, optional
        Relative difference that is let pass.

    Returns
    -------
    str

    Examples
    --------
    >>> difference([1, 5], [1, 2])
    '1 of 2 values differ (50 %).'
    """
    differ = ~np.isclose(values, expected, rtol=rtol, atol=0)
    return f"{differ.sum()} of {differ.size} values differ ({100 * differ.mean():.3g} %)."


def recognise(
    answer, right, mistakes=(), otherwise=None, *, name="", other_shape="", rtol=1e-5, atol=1e-8
):
    """Return None for the right answer, the hint for a known mistake, or another hint.

    Parameters
    ----------
    answer : number or array-like
    right : number or ndarray
        Where it is a number, the answer has to be one number.
    mistakes : iterable of (number or ndarray, str)
        Known wrong answers with their hints.
    otherwise : str, optional
        The hint for any other answer; without it, the values that differ are counted.
    name : str, optional
        Put before the hint, for an exercise with several answers.
    other_shape : str, optional
        Added to the hint where the answer has another shape than the right one.
    rtol, atol : float, optional
        Tolerance, as in `numpy.allclose`.

    Returns
    -------
    str or None

    Raises
    ------
    NotYetError
        If the answer is not one number or not an array of numbers, or has another shape.

    Examples
    --------
    >>> recognise(2.5, 2.5, [(5, "that is the diameter.")])
    >>> recognise(5, 2.5, [(5, "that is the diameter.")], name="radius")
    'radius: that is the diameter.'
    >>> recognise([2, 5], np.array([2, 4]))
    '1 of 2 values differ (50 %).'
    """
    right = np.asarray(right)
    answer = computed(answer) if right.ndim else np.asarray(number(answer, name))
    name = f"{name}: " if name else ""

    def equals(value):
        return answer.shape == np.shape(value) and np.allclose(answer, value, rtol, atol)

    if equals(right):
        return None
    for value, hint in mistakes:
        if equals(value):
            return f"{name}{hint}"
    expect_shape(answer, right.shape, other_shape)
    return f"{name}{otherwise or difference(answer, right, rtol=rtol)}"


def located(answer, expected, *, reach, itself, option="boundary", rtol=1e-9):
    """Say how an image made lazily in four chunks differs from the expected one, and where.

    Parameters
    ----------
    answer : dask.array.Array
    expected : (rows, columns) ndarray
    reach : int
        How many pixels the filter looks to each side.
    itself : str
        What is asked for, the end of the hint for pixels that differ everywhere.
    option : str, optional
        The argument that says how the image goes on beyond its rim.
    rtol : float, optional
        Relative difference that is let pass.

    Returns
    -------
    str or None

    Raises
    ------
    NotYetError
        If the answer is not lazy, or has another shape, before or after computing.
    """
    expect_lazy(answer)
    expect_shape(answer, expected.shape)
    rows, columns = expected.shape
    chunks = (rows // 2, rows - rows // 2), (columns // 2, columns - columns // 2)
    if answer.chunks != chunks:
        return f"the chunks are {answer.chunks}: keep the four of {chunks}."
    values = computed(answer)
    expect_shape(values, expected.shape, "The overlap was not cut off again: what does trim say?")
    differ = ~np.isclose(values, expected, rtol=rtol, atol=0)
    if not differ.any():
        return None
    hint = difference(values, expected, rtol=rtol)
    row, column = np.ogrid[:rows, :columns]
    from_cut = np.minimum(abs(row + 0.5 - rows // 2), abs(column + 0.5 - columns // 2))
    from_rim = np.minimum(np.minimum(row, rows - 1 - row), np.minimum(column, columns - 1 - column))
    at_cut, at_rim = from_cut < reach, from_rim < reach
    if at_cut[differ].all():
        return f"{hint} All lie beside a cut between chunks: what does depth say?"
    if at_rim[differ].all():
        return f"{hint} All lie at the rim of the image: which {option} does the filter itself use?"
    if (at_cut | at_rim)[differ].all():
        return f"{hint} They lie at the rim and beside the cuts: depth and {option}."
    return f"{hint} They are everywhere: is it {itself}?"
