"""Arrays that are used again for each frame.

A fresh array of 3 MB is handed out by the system page by page as it is first written, which takes
longer than the arithmetic of this package (5 times for a subtraction, on Linux). So arrays
that never leave a function are kept between calls: one set a thread, because threads work on
frames at the same time.
"""

import threading

import numpy as np


class _Kept(threading.local):
    def __init__(self):
        self.arrays = {}


_kept = _Kept()


def get(name, shape, dtype):
    """Return this thread's array of that name; its content is what the last user left there.

    Parameters
    ----------
    name : str
        What the array is for. Two arrays in use at the same time need two names.
    shape : tuple of int
    dtype : dtype-like
        An array of another shape or dtype than last time is a new one.

    Returns
    -------
    ndarray

    Examples
    --------
    >>> get("threshold", (2, 3), float) is get("threshold", (2, 3), float)
    True
    """
    array = _kept.arrays.get(name)
    if array is None or array.shape != tuple(shape) or array.dtype != dtype:
        array = _kept.arrays[name] = np.empty(shape, dtype)
    return array
