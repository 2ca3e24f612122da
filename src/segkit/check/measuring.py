"""Checks for the exercises of notebook 05."""

from collections import Counter

import dask.array as da
import numpy as np
import tifffile
from dask import is_dask_collection
from scipy import ndimage

from segkit import data, frame
from segkit.check import array_fault, exercise

PIXEL_SIZE = 0.645  # micrometres, BBBC039
LARGE = 100  # pixels


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


@exercise
def measure(function):
    """Areas and means of all nuclei, as NumPy arrays, every chunk made once."""
    if not callable(function):
        return "give the function itself, not its result: measure, without brackets."
    images, labels, n, arrays, made = _made()
    answer = function(images, labels, n)
    if answer is None:
        return "the function returns nothing: is there a return at its end?"
    area, mean = answer
    if is_dask_collection(area) or is_dask_collection(mean):
        return "the results are still lazy: compute both, together."
    sizes = np.bincount(arrays["labels"].ravel())
    area = np.asarray(area)
    if len(area) and area[0] == sizes[0]:
        return "the first area is that of the background: label 0 is no nucleus."
    if len(area) == len(sizes) - 2 and (area == sizes[1:-1]).all():
        return "the last nucleus is missing: where must the index end?"
    fault = array_fault(area, sizes[1:])
    if fault:
        return f"areas: {fault}"
    index = np.arange(1, len(sizes))
    fault = array_fault(mean, ndimage.mean(arrays["images"], arrays["labels"], index))
    if fault:
        return f"mean intensities: {fault}"
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
    usual = [
        (across, "these are pixels: how many micrometres is a pixel wide?"),
        (across * PIXEL_SIZE / 2, "these are radii."),
        (across / 2, "these are radii, and in pixels."),
        (across * PIXEL_SIZE**2, "0.645 came in squared: a diameter is a length."),
        (area * PIXEL_SIZE**2, "these are areas, in square micrometres."),
        (across / PIXEL_SIZE, "divided by 0.645: is a pixel larger or smaller than 1 micrometre?"),
        (np.sqrt(area) * PIXEL_SIZE, "these are the sides of squares of the same area."),
    ]
    for wrong, hint in usual:
        if np.allclose(answer, wrong, rtol=1e-3):
            return hint
    return fault


@exercise
def counts(answer):
    """Nuclei of 100 pixels or more in each of the first three frames."""
    areas = [table["area"].to_numpy() for table in _tables()]
    expected = [int((area >= LARGE).sum()) for area in areas]
    if np.ndim(answer) == 0:
        if answer == sum(expected):
            return "that is the number in all three frames: one number for each frame."
        return "one number for each frame is asked for, three in all."
    answer = [int(number) for number in answer]
    if answer == expected:
        return None
    if answer == [len(area) for area in areas]:
        return "these are all objects, debris included."
    if answer == [int((area < LARGE).sum()) for area in areas]:
        return "these are the objects below 100 pixels: the debris itself."
    if answer == [int((area > LARGE).sum()) for area in areas]:
        return "at least 100 pixels: those of exactly 100 belong to it."
    if len(answer) != len(expected):
        return f"{len(answer)} numbers, and there are three frames."
    return "count the rows of one frame whose area is at least 100, then the next frame's."
