"""SciPy's filters for the stand-in's arrays; each refuses NumPy's."""

import functools

import cupy
import numpy as np
from scipy import ndimage

NAMES = (
    "convolve correlate laplace prewitt sobel gaussian_filter gaussian_gradient_magnitude "
    "gaussian_laplace minimum_filter median_filter maximum_filter rank_filter percentile_filter "
    "uniform_filter affine_transform spline_filter spline_filter1d binary_dilation "
    "binary_erosion binary_opening binary_closing sum_labels mean"
)


def _strict(name):
    lifted = cupy.lift(getattr(ndimage, name))

    @functools.wraps(lifted)
    def function(input, *args, **options):
        if not isinstance(input, cupy.ndarray):
            raise TypeError("input must be cupy.ndarray")
        if isinstance(options.get("footprint"), np.ndarray):  # of either kind
            options["footprint"] = cupy.ndarray(options["footprint"])
        return lifted(input, *args, **options)

    return function


for _name in NAMES.split():
    globals()[_name] = _strict(_name)


def label(input, structure=None, output=None):
    """Label; CuPy takes the structuring element of either kind, 3 pixels along each axis."""
    if not isinstance(input, cupy.ndarray):
        raise TypeError("input must be cupy.ndarray")
    if isinstance(structure, cupy.ndarray):
        structure = structure._values
    if structure is not None and set(np.shape(structure)) != {3}:
        raise ValueError("structure dimensions must be equal to 3")
    labels, count = ndimage.label(input._values, structure)
    return cupy.ndarray(labels), count


def generate_binary_structure(rank, connectivity):
    """Structuring element, as an array of this package."""
    return cupy.ndarray(ndimage.generate_binary_structure(rank, connectivity))


def generic_filter(input, function, *args, **options):
    """Filter with a reduction."""
    return _generic(input, function.function, *args, **options)


_generic = _strict("generic_filter")
