"""Where arrays are: in the machine's memory (NumPy) or in that of a GPU (CuPy).

What computes on an array is decided by the array's type, as in dask-image. CuPy is imported only
when a CuPy array comes in, or when somebody asks for the GPU.
"""

import numpy as np

DEVICES = ("cpu", "gpu")
INSTALL = "pip install cupy-cuda12x or cupy-cuda13x, as your driver is"


class DeviceError(OSError):
    """There is no GPU to compute on, or it cannot do what was asked for."""


def missing():
    """Say why nothing can be computed on a GPU here.

    Returns
    -------
    str or None
        One line that names what is missing, CuPy or the device, and what to do. None where
        there is a GPU.
    """
    try:
        import cupy
    except ModuleNotFoundError as error:
        if error.name not in ("cupy", "cupy_backends"):
            return f"CuPy needs {error.name}, which is not installed: {INSTALL}"
        return f"CuPy is not installed: {INSTALL}"
    except ImportError as error:
        return f"CuPy cannot be imported ({_first_line(error)}): {INSTALL}"
    try:
        if cupy.cuda.runtime.getDeviceCount() > 0:
            return None
        fault = "the driver lists none"
    except RuntimeError as error:  # CuPy's own errors: no driver, or one that is too old
        fault = _first_line(error)
    return f"CuPy {cupy.__version__} finds no GPU ({fault}): look what nvidia-smi says"


def _first_line(error):
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def require(device, *, method="tutorial"):
    """Raise an error unless there is such a device, and it can do what is asked for.

    Parameters
    ----------
    device : {"cpu", "gpu"}
    method : str, optional
        Of `segkit.frame.segment`.

    Raises
    ------
    ValueError
        If there is no such kind of device.
    DeviceError
        For "gpu": if CuPy or a GPU is missing (it says which), or `method` needs the CPU.
    """
    if device not in DEVICES:
        raise ValueError(f"There is no device {device!r}: choose one of {', '.join(DEVICES)}.")
    if device == "cpu":
        return
    if method != "tutorial":
        raise DeviceError(
            f"method {method!r} runs on the CPU only (CuPy has no watershed, and scikit-image "
            "takes no CuPy arrays): leave the GPU out, or choose the method tutorial"
        )
    if reason := missing():
        raise DeviceError(f"no GPU to compute on: {reason}; or leave the GPU out")


def module(*arrays):
    """Return the package that computes on these arrays: ``numpy`` or ``cupy``.

    Parameters
    ----------
    *arrays : ndarray
        All of NumPy, or all of CuPy.

    Raises
    ------
    ValueError
        If they are not all of one kind, or of another one.

    Examples
    --------
    >>> module(np.zeros(3)).__name__
    'numpy'
    """
    kinds = {"numpy" if isinstance(a, np.ndarray) else type(a).__module__ for a in arrays}
    kinds = {kind.partition(".")[0] for kind in kinds}
    if kinds == {"numpy"}:
        return np
    if kinds == {"cupy"}:
        import cupy

        return cupy
    given = ", ".join(f"{type(a).__module__}.{type(a).__qualname__}" for a in arrays)
    raise ValueError(
        f"Here are arrays of {given}, and all must be NumPy's or all CuPy's: move them first."
    )


def ndimage(*arrays):
    """Return the filters for these arrays: ``scipy.ndimage`` or ``cupyx.scipy.ndimage``."""
    if module(*arrays) is np:
        from scipy import ndimage
    else:
        from cupyx.scipy import ndimage
    return ndimage


def to_gpu(array):
    """Copy a NumPy array into the memory of the current GPU; a CuPy array is left where it is.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    cupy.ndarray
    """
    import cupy

    return cupy.asarray(array)


def to_host(array):
    """Copy a CuPy array into the machine's memory; a NumPy array is left where it is.

    Parameters
    ----------
    array : ndarray

    Returns
    -------
    numpy.ndarray

    Examples
    --------
    >>> to_host(np.arange(3))
    array([0, 1, 2])
    """
    return array if module(array) is np else module(array).asnumpy(array)


def table_to_host(columns):
    """Copy the columns of a table into the machine's memory, in one piece.

    Parameters
    ----------
    columns : dict of (rows,) ndarray
        Numbers that float64 holds exactly: all but integers above 2**53.

    Returns
    -------
    dict of (rows,) numpy.ndarray
        Of the same dtypes. Columns of NumPy are left as they are.
    """
    xp = module(*columns.values())
    if xp is np:
        return columns
    packed = to_host(xp.stack([column.astype(np.float64) for column in columns.values()]))
    return {
        name: values.astype(column.dtype)
        for (name, column), values in zip(columns.items(), packed, strict=True)
    }
