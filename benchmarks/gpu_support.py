"""Run every function of dask-image on CuPy chunks, and say what came of it.

``gpu.py`` writes the table; notebook 13 shows it beside what dask-image documents.
"""

import warnings

import dask
import dask.array as da
import numpy as np
from dask_image import ndfilters, ndfourier, ndinterp, ndmeasure, ndmorph
from dask_image.dispatch._dispatch_ndfilters import dispatch_threshold_local_mean

from segkit import device

# "dask-image GPU support" in docs/coverage.rst of dask-image 2026.5.0
DOCUMENTED = (
    "affine_transform binary_closing binary_dilation binary_erosion binary_opening convolve "
    "correlate gaussian_filter gaussian_gradient_magnitude gaussian_laplace generic_filter "
    "laplace maximum_filter median_filter minimum_filter percentile_filter prewitt rank_filter "
    "sobel spline_filter spline_filter1d threshold_local uniform_filter"
)
SIZED = ("minimum_filter", "median_filter", "maximum_filter", "uniform_filter")
WITH_SIGMA = ("gaussian", "gaussian_filter", "gaussian_gradient_magnitude", "gaussian_laplace")
MORPHOLOGY = ("binary_closing", "binary_dilation", "binary_erosion", "binary_opening")
OF_LABELS = (
    "area center_of_mass extrema maximum maximum_position mean median minimum minimum_position "
    "standard_deviation sum_labels variance"
)


def calls(xp):
    """Return (package, function name, call without arguments) for arrays of one module."""
    rng = np.random.default_rng(6)
    values = rng.random((2, 24, 30))
    numbers = np.repeat(np.arange(1, 5), 360).reshape(2, 24, 30).astype(np.int32)

    def lazy(array):
        chunks = [xp.asarray(one) for one in array]
        whole = [da.from_array(chunk[None], asarray=False) for chunk in chunks]
        return da.concatenate(whole)

    image, labels, index = lazy(values), lazy(numbers), np.arange(1, 5)
    mask, weights = image > 0.5, xp.ones((1, 3, 3)) / 9
    block, mean = (1, 5, 5), dispatch_threshold_local_mean(image)
    filters = {name: ((image, 3), {}) for name in SIZED}
    filters |= {name: ((image, [0, 1, 1]), {}) for name in WITH_SIGMA}
    filters |= {name: ((image,), {}) for name in ("laplace", "prewitt", "sobel")}
    filters |= {name: ((image, weights), {}) for name in ("convolve", "correlate")}
    filters |= {
        "generic_filter": ((image, mean, block), {}),
        "percentile_filter": ((image, 50, block), {}),
        "rank_filter": ((image, 1, block), {}),
        "threshold_local": ((image, block), {}),
    }
    fourier = {"fourier_gaussian": 1.0, "fourier_shift": 1.0, "fourier_uniform": 3}
    places = np.array([[3.5, 7], [2, 9.25]])
    interpolation = {
        "affine_transform": (image, np.eye(3)),  # it asks for NumPy's, and moves it
        "map_coordinates": (image[0], xp.asarray(places)),
        "rotate": (image, 30.0),
        "spline_filter": (image[0],),
        "spline_filter1d": (image[0],),
    }
    measures = {name: ((image, labels, index), {}) for name in OF_LABELS.split()}
    measures |= {
        "find_objects": ((labels,), {}),
        "histogram": ((image, 0, 1, 4, labels, index), {}),
        "label": ((mask,), {}),
        "labeled_comprehension": ((image, labels, index, np.ptp, float, 0.0), {}),
    }
    table = {
        ndfilters: filters,
        ndfourier: {name: ((image.astype(complex), v), {}) for name, v in fourier.items()},
        ndinterp: {name: (given, {}) for name, given in interpolation.items()},
        ndmeasure: measures,
        ndmorph: {name: ((mask,), {}) for name in MORPHOLOGY},
    }
    for package, functions in table.items():
        for name, (given, options) in sorted(functions.items()):
            yield package.__name__.split(".")[-1], name, getattr(package, name), given, options


def _computed(function, given, options):
    """Call and compute; return the arrays of the result."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a warning is no failure
        (result,) = dask.compute(function(*given, **options), scheduler="synchronous")
    parts = result if isinstance(result, tuple) else (result,)
    return [part for part in parts if hasattr(part, "dtype") and hasattr(part, "ndim")]


def _outcome(expected, function, given, options):
    """Say in a few words what became of one call on CuPy chunks."""
    import cupy

    try:
        found = _computed(function, given, options)
        same = len(found) == len(expected) and all(
            np.allclose(device.to_host(ours), theirs, rtol=1e-6, atol=1e-9)
            if isinstance(ours, (cupy.ndarray, np.ndarray))
            else ours == theirs
            for ours, theirs in zip(found, expected, strict=True)
        )
    except Exception as error:  # whatever it is, the table is to say so
        return f"fails: {type(error).__name__}: {str(error).strip().splitlines()[0][:90]}"
    if not same:
        return "differs from the result on NumPy chunks"
    there = [isinstance(array, cupy.ndarray) for array in found]
    return "works" if all(there) and there else "works, with the result in NumPy arrays"


def table():
    """Return one row a function: package, function, documented, outcome."""
    import cupy

    rows = []
    for here, there in zip(calls(np), calls(cupy), strict=True):
        package, name, *call = here
        try:
            expected = [np.asarray(part) for part in _computed(*call)]
        except Exception as error:  # then there is nothing to compare with
            outcome = f"fails on NumPy chunks too: {type(error).__name__}"
        else:
            outcome = _outcome(expected, *there[2:])
        documented = name in DOCUMENTED.split()
        row = {"package": package, "function": name, "documented": documented, "outcome": outcome}
        rows.append(row)
    return rows
