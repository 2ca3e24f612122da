"""A stand-in with CuPy's module layout, on NumPy: it computes nothing on a GPU.

It serves to test that array types are told apart. Its arrays are of a type of their own, which
refuses to be taken for NumPy's and to be mixed with it, as CuPy's arrays do, and it counts what
goes to the "device" and comes back. It offers only functions that CuPy offers.
"""

import functools
from collections import Counter

import numpy as np

from . import cuda

__version__ = "0 (stand-in)"
transfers = Counter()
REFUSED = (
    "Implicit conversion to a NumPy array is not allowed. "
    "Please use `.get()` to construct a NumPy array explicitly."
)


def _open(value):
    """Take the NumPy arrays out of arguments; refuse bare ones, as CuPy does."""
    if isinstance(value, ndarray):
        return value._values
    if isinstance(value, np.ndarray) and value.ndim:
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (list, tuple)):
        return type(value)(map(_open, value))
    if isinstance(value, dict):
        return {key: _open(part) for key, part in value.items()}
    return value


def _wrap(value):
    """Make results arrays of this package; CuPy gives arrays without axes, not scalars."""
    if isinstance(value, (np.ndarray, np.generic)):
        return ndarray(np.asarray(value))
    if isinstance(value, tuple):
        return tuple(map(_wrap, value))
    return value


def lift(function):
    """Turn a function of NumPy arrays into one of this package's arrays."""

    @functools.wraps(function)
    def lifted(*args, out=None, **options):
        options = _open(options)
        if out is not None:
            options["out"] = _open(out)
        result = function(*_open(args), **options)
        return out if out is not None else _wrap(result)

    return lifted


class ndarray:
    """An array that is none of NumPy's."""

    __array_priority__ = 100

    def __init__(self, values):
        self._values = values

    def __array__(self, *args, **options):
        raise TypeError(REFUSED)

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        if out is not None:
            options["out"] = out[0] if len(out) == 1 else out
        return lift(getattr(ufunc, method))(*inputs, **options)

    def __array_function__(self, function, types, args, options):
        return lift(function)(*args, **options)

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)
    itemsize = property(lambda self: self._values.itemsize)
    flags = property(lambda self: self._values.flags)
    T = property(lambda self: _wrap(self._values.T))
    device = property(lambda self: cuda.Device(0))

    def get(self):
        """Copy to the host: a transfer."""
        transfers["to host"] += 1
        return self._values.copy()

    def item(self):
        """Return the only value."""
        return self._values.item()

    def __getitem__(self, place):
        return _wrap(self._values[_open(place)])

    def __setitem__(self, place, values):
        self._values[_open(place)] = _open(values)

    def __len__(self):
        return len(self._values)

    def __iter__(self):
        return map(_wrap, self._values)

    def __bool__(self):
        return bool(self._values)

    def __int__(self):
        return int(self._values)

    def __float__(self):
        return float(self._values)

    def __index__(self):
        return self._values.__index__()

    def __repr__(self):
        return repr(self._values)

    def __reduce__(self):
        return asarray, (self._values,)


def _method(name):
    def method(self, *args, **options):
        return _wrap(getattr(self._values, name)(*_open(args), **_open(options)))

    return method


def _in_place(name):
    def method(self, other):
        getattr(self._values, name)(_open(other))
        return self

    return method


OPERATORS = "add sub mul truediv floordiv mod pow matmul and or xor lshift rshift"
for _name in OPERATORS.split():
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
    setattr(ndarray, f"__r{_name}__", _method(f"__r{_name}__"))
    setattr(ndarray, f"__i{_name}__", _in_place(f"__i{_name}__"))
OTHERS = "lt le eq ne gt ge neg pos abs invert divmod"
for _name in OTHERS.split():
    setattr(ndarray, f"__{_name}__", _method(f"__{_name}__"))
METHODS = "astype reshape ravel max min sum mean copy any all transpose squeeze take cumsum"
for _name in METHODS.split():
    setattr(ndarray, _name, _method(_name))

FUNCTIONS = (
    "pad logical_and logical_or where flatnonzero bincount stack concatenate take tensordot "
    "einsum broadcast_to moveaxis any all count_nonzero abs maximum minimum isclose unique"
)
MAKERS = "zeros ones empty full arange tri eye"  # on the device: no transfer
CONSTANTS = "uint8 uint16 int32 int64 float32 float64 bool_ newaxis pi"
for _name in f"{FUNCTIONS} {MAKERS}".split():
    globals()[_name] = lift(getattr(np, _name))
for _name in CONSTANTS.split():
    globals()[_name] = getattr(np, _name)


def asarray(values, dtype=None):
    """Move a NumPy array to the "device": a transfer, unless it is there."""
    if isinstance(values, ndarray):
        return values if dtype is None else values.astype(dtype)
    transfers["to device"] += 1
    return ndarray(np.array(values, dtype=dtype))


def asanyarray(values, dtype=None):
    """Do as `asarray`."""
    return asarray(values, dtype)


def array(values, dtype=None):
    """Make an array from a list, or copy one."""
    return asarray(values, dtype).copy()


def asnumpy(values):
    """Copy to the host: a transfer, unless it is there."""
    return values.get() if isinstance(values, ndarray) else np.asarray(values)


class ReductionKernel:
    """A reduction written in CUDA's language; here it stands for NumPy's function of that name."""

    def __init__(self, *source):
        self.function = getattr(np, source[-1])


class _Pool:
    """CuPy keeps freed memory; this counts nothing."""

    def used_bytes(self):
        """Return bytes in use."""
        return 0

    def total_bytes(self):
        """Return bytes kept."""
        return 0

    def free_all_blocks(self):
        """Do nothing."""


def get_default_memory_pool():
    """Return the pool."""
    return _Pool()
