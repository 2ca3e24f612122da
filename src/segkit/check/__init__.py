"""Checks for the exercises: one module a notebook, each check a function of the answer.

``from segkit.check import morphology as check`` and then ``check.opened_mask(answer)`` prints
"Right." or what to look at. A check never raises, whatever it is given.
"""

from functools import wraps

import numpy as np
from dask.delayed import DelayedLeaf

# Appended where a result has the size of the notebook's data and not of what the check passed in.
GLOBALS = "Does the function use its arguments, or variables of the notebook?"


class NotYetError(Exception):
    """What is wrong with an answer, in one sentence that `exercise` prints."""


def exercise(find_fault):
    """Turn a function that finds the fault of an answer into a check that learners call.

    Parameters
    ----------
    find_fault : callable
        Takes the answer; returns None if it is right, else one sentence that says what to look
        at. It may raise NotYetError with such a sentence. Any other exception is reported as an
        answer that the check could not use.

    Returns
    -------
    callable
        Takes the answer, prints one line, returns True or False.
    """

    @wraps(find_fault)
    def check(*answer):
        if any(part is ... for part in answer):
            print("Not answered yet: put your answer in place of the dots.")
            return False
        try:
            fault = find_fault(*answer)
        except NotYetError as error:
            fault = str(error)
        except Exception as error:  # an answer can be anything, and a check must not raise
            fault = f"the check could not use this answer ({type(error).__name__}: {error})."
        print("Right." if fault is None else f"Not yet: {fault}")
        return fault is None

    return check


def number(answer):
    """Return an answer as a float; raise NotYetError unless it is exactly one number.

    Examples
    --------
    >>> number(np.int32(7))
    7.0
    >>> number("7")
    Traceback (most recent call last):
    segkit.check.NotYetError: one number is asked for, and this is of type str.
    """
    try:
        value = np.asarray(answer)
    except ValueError:  # a ragged list
        value = np.empty(0)
    if value.size == 1 and value.dtype.kind in "uif":
        return float(value.reshape(()))
    kind = type(answer).__name__
    count = f" of {value.size} values" if value.size > 1 else ""
    raise NotYetError(f"one number is asked for, and this is of type {kind}{count}.")


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


def called(function, *arguments):
    """Return what a learner's function returns.

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
        message = f"the function stops with an error ({type(error).__name__}: {error})."
        raise NotYetError(message) from error
    if result is None:
        raise NotYetError("the function returns nothing: is there a return at its end?")
    return result


def wrapped_fault(parts):
    """Say where `dask.delayed` got a finished result, or a function that nobody called.

    Parameters
    ----------
    parts : iterable of Delayed

    Returns
    -------
    str or None

    Examples
    --------
    >>> from dask import delayed
    >>> wrapped_fault([delayed(sum)([1, 2])])
    >>> wrapped_fault([delayed(sum([1, 2]))])
    'the results are there already: wrap the function, not its result.'
    >>> wrapped_fault([delayed(sum)])
    'the function is wrapped, and not called yet: give it its arguments.'
    """
    for part in parts:
        if isinstance(part, DelayedLeaf):
            if callable(part.compute(scheduler="sync")):
                return "the function is wrapped, and not called yet: give it its arguments."
            return "the results are there already: wrap the function, not its result."
    return None


def array_fault(answer, expected, *, rtol=1e-9):
    """Say how an array differs from the expected one, or return None where it does not.

    Parameters
    ----------
    answer : array-like
        NumPy or Dask array; a Dask array is computed.
    expected : ndarray
    rtol : float, optional
        Relative difference that is let pass.

    Returns
    -------
    str or None

    Examples
    --------
    >>> array_fault(np.zeros((2, 3)), np.zeros((3, 2)))
    'the shape is (2, 3), and (3, 2) was expected.'
    >>> array_fault([1, 5], np.array([1, 2]))
    '1 of 2 values differ (50 %).'
    """
    if hasattr(answer, "compute"):
        answer = answer.compute()
    answer = np.asarray(answer)
    if answer.shape != expected.shape:
        return f"the shape is {answer.shape}, and {expected.shape} was expected."
    differ = int((~np.isclose(answer, expected, rtol=rtol, atol=0)).sum())
    if differ:
        percent = 100 * differ / expected.size
        return f"{differ} of {expected.size} values differ ({percent:.3g} %)."
    return None
