"""Checks for the exercises of notebook 05."""

from collections import Counter

import dask.array as da
import numpy as np
import pandas as pd
import tifffile
from dask import is_dask_collection
from scipy import ndimage

from segkit import data, frame
from segkit.check import GLOBALS, array_fault, called, exercise, number

PIXEL_SIZE = 0.645  # micrometres, BBBC039
LEAST = 32  # pixels: some objects of the first three frames have just that many


def _made():
    """Return lazy images, labels and their number, and a count of the chunks made of each."""
    rng = np.random.default_rng(3)
    mask = ndimage.gaussian_filter(rng.standard_normal((3, 24, 30)), (0, 2, 2)) > 0.1
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    arrays = {
        "images": rng.integers(100, 900, mask.shape).astype(np.uint16),
        "labels": ndimage.label(mask, structure)[0],
    }
    made = Counter()

    def take(number, which):
        made[which, int(number.flat[0])] += 1
        return arrays[which][number.ravel()]

    number = da.arange(3, chunks=1)[:, None, None]
    images, labels = (
        number.map_blocks(
            take, which=which, chunks=(1, 24, 30), dtype=array.dtype, meta=array[:0, :0, :0]
        )
        for which, array in arrays.items()
    )
    return images, labels, labels.max(), arrays, made


def _lazy(part):
    """Tell whether a result, or anything in it, has not been computed yet."""
    inside = part if isinstance(part, (list, tuple)) else []
    if isinstance(part, np.ndarray) and part.dtype == object:
        inside = part.flat
    return is_dask_collection(part) or any(is_dask_collection(one) for one in inside)


def _no_pair(answer):
    """Say what is wrong if the answer is not two results."""
    if isinstance(answer, (tuple, list, np.ndarray)) and len(answer) == 2:
        return None
    if not isinstance(answer, (tuple, list, np.ndarray)):
        return f"two arrays are asked for, areas and means; this is a {type(answer).__name__}."
    return f"two results are asked for, areas and means; {len(answer)} came back."


def _mean_fault(mean, sizes, expected):
    """Say what is wrong with the mean intensities, or return None."""
    fault = array_fault(mean, expected)
    if fault and np.shape(mean) == expected.shape and np.allclose(mean, expected * sizes):
        fault = "these are sums over the pixels of each nucleus."
    return f"mean intensities: {fault}" if fault else None


@exercise
def measure(function):
    """Areas and means of all nuclei, as NumPy arrays, every chunk made once."""
    images, labels, n, arrays, made = _made()
    answer = called(function, images, labels, n)
    lazy = "the results are still lazy: compute both, together."
    if _lazy(answer):
        return lazy
    if fault := _no_pair(answer):
        return fault
    area, mean = answer
    if _lazy(area) or _lazy(mean):
        return lazy
    sizes = np.bincount(arrays["labels"].ravel())
    index = np.arange(1, len(sizes))
    expected = ndimage.mean(arrays["images"], arrays["labels"], index)
    area = np.asarray(area)
    if not array_fault(area, expected) and not array_fault(mean, sizes[1:]):
        return "the two are swapped: areas first, then mean intensities."
    if len(area) and area[0] == sizes[0]:
        return "the first area is that of the background: label 0 is no nucleus."
    if len(area) == len(sizes) - 2 and (area == sizes[1:-1]).all():
        return "the last nucleus is missing: where must the index end?"
    fault = array_fault(area, sizes[1:])
    if fault:
        return f"areas: {fault}" + (f" {GLOBALS}" if area.shape != index.shape else "")
    if fault := _mean_fault(mean, sizes[1:], expected):
        return fault
    most = {name: max(made[name, i] for i in range(3)) for name in arrays}
    if most["labels"] > len(index):
        return (
            f"the numbers are right, but a chunk of the labels was made {most['labels']} times: "
            "keep images and labels in memory before you measure."
        )
    for name, times in most.items():
        if times > 1:
            return (
                f"the numbers are right, but a chunk of the {name} was made {times} times: what "
                "was computed before, or beside, what you keep in memory?"
            )
    return None


def _tables():
    """Return the table of each of the first three frames in use."""
    frames = [tifffile.imread(path) for path in data.images(data.locate())[:3]]
    return [frame.measure(image, frame.segment(image)) for image in frames]


@exercise
def diameter(answer):
    """Diameter, in micrometres, of a circle of the same area, for each nucleus of three frames."""
    area = np.concatenate([table["area"] for table in _tables()])
    across = 2 * np.sqrt(area / np.pi)
    answer = np.asarray(answer, dtype=float)
    fault = array_fault(answer, across * PIXEL_SIZE, rtol=1e-3)
    if fault is None or answer.shape != area.shape:
        return fault
    if np.abs(answer - across * PIXEL_SIZE).max() < 0.051:  # rounded to one decimal
        return None
    if np.array_equal(answer, np.round(across * PIXEL_SIZE)):
        return "these are whole micrometres: keep one decimal at least."
    usual = [
        (across, "these are pixels: how many micrometres is a pixel wide?"),
        (across * PIXEL_SIZE / 2, "these are radii."),
        (across / 2, "these are radii, and in pixels."),
        (across * PIXEL_SIZE**2, "0.645 came in squared: a diameter is a length."),
        (area, "these are the areas as they are in the table."),
        (area * PIXEL_SIZE**2, "these are areas, in square micrometres."),
        (across / PIXEL_SIZE, "divided by 0.645: is a pixel larger or smaller than 1 micrometre?"),
        (np.sqrt(area) * PIXEL_SIZE, "these are the sides of squares of the same area."),
    ]
    for wrong, hint in usual:
        if np.allclose(answer, wrong, rtol=1e-3, atol=0.0051):
            return hint
    return f"{fault} Start from area = pi (d / 2)^2, both in micrometres, and solve for d."


@exercise
def counts(answer):
    """Nuclei of at least 32 pixels in each of the first three frames."""
    areas = [table["area"].to_numpy() for table in _tables()]
    expected = [int((area >= LEAST).sum()) for area in areas]
    if isinstance(answer, pd.DataFrame):
        return "this is a table: one number for each frame is asked for, so take one column."
    if isinstance(answer, dict):
        answer = [answer[place] for place in sorted(answer)]
    if np.ndim(answer) == 0:
        if answer == sum(expected):
            return "that is the number in all three frames: one number for each frame."
        return "one number for each frame is asked for, three in all."
    answer = [number(one) for one in answer]
    if not all(one.is_integer() for one in answer):
        return "these are counts: whole numbers."
    if answer == expected:
        return None
    if answer == [len(area) for area in areas]:
        return "these are all objects, the smallest included."
    if answer == [int((area < LEAST).sum()) for area in areas]:
        return f"these are the objects below {LEAST} pixels: the others are asked for."
    if answer == [int((area > LEAST).sum()) for area in areas]:
        return f"at least {LEAST} pixels: those of exactly {LEAST} belong to it."
    if len(answer) != len(expected):
        return f"{len(answer)} numbers, and there are three frames."
    if sorted(answer) == sorted(expected):
        return "these are the right numbers in another order: frame 0 comes first."
    return f"count the rows of one frame whose area is at least {LEAST}, then the next frame's."
