"""What a stage of `segkit.frame` does with more than one NumPy frame."""

import numpy as np

from segkit import device


def one_frame(*arrays):
    """Tell whether these are NumPy arrays of two axes, which `segkit.frame` works on itself."""
    return all(isinstance(array, np.ndarray) and array.ndim == 2 for array in arrays)


def each(stage, image, **options):
    """Run a stage on what is not one NumPy frame: a batch, or what lies on a GPU.

    Parameters
    ----------
    stage : callable
        A function of one NumPy frame.
    image : (..., rows, columns) ndarray
        NumPy frames are done one by one; CuPy arrays by the function of that name in
        `segkit.methods.gpu`.
    **options
        For the stage.

    Returns
    -------
    (..., rows, columns) ndarray

    Raises
    ------
    segkit.device.DeviceError
        If there is no such function for CuPy arrays.
    """
    if device.module(image) is np:
        return np.stack([stage(frame, **options) for frame in image])
    from segkit.methods import gpu

    name = stage.__name__
    if not hasattr(gpu, name):
        device.require("gpu", method=name)
    return getattr(gpu, name)(image, **options)
