"""Checks for notebook 05: areas and means, diameters, counts."""

from collections import Counter

import dask
import dask.array as da
import numpy as np
import pandas as pd
from dask.base import unpack_collections
from scipy import ndimage

from segkit import check, frame

LEAST = 32  # pixels: some objects of the first three frames have just that many


def _made():
    """Return images and labels, both also lazy, and a count of the chunks made of each."""
    rng = np.random.default_rng(3)
    mask = ndimage.gaussian_filter(rng.standard_normal((3, 24, 30)), (0, 2, 2)) > 0.1
    structure = np.pad([ndimage.generate_binary_structure(2, 1)], ((1, 1), (0, 0), (0, 0)))
    images = rng.integers(100, 900, mask.shape).astype(np.uint16)
    arrays = {"images": images, "labels": ndimage.label(mask, structure)[0]}
    made = Counter()

    def take(name, position):
        made[name, position] += 1
        return arrays[name][[position]]

    def lazy(name):
        chunks = [dask.delayed(take)(name, position) for position in range(3)]
        form = (1, *mask.shape[1:]), arrays[name].dtype
        return da.concatenate([da.from_delayed(chunk, *form) for chunk in chunks])

    return arrays, lazy("images"), lazy("labels"), made


def _lazy(part):
    """Tell whether a result, or anything in it, has not been computed yet."""
    if isinstance(part, np.ndarray):
        part = part.tolist()
    return bool(unpack_collections(part)[0])


def _areas_hint(area, sizes):
    """Return what is wrong with the areas, or None; sizes begin with the background's."""
    if len(area) and area[0] == sizes[0]:
        return "the first area is that of the background: label 0 is not a nucleus."
    if len(area) == len(sizes) - 2 and (area == sizes[1:-1]).all():
        return "the last nucleus is missing: where must the index end?"
    hint = check.difference(area, sizes[1:])
    if hint and area.shape != sizes[1:].shape:
        hint = f"{hint} {check.GLOBALS}"
    return f"areas: {hint}" if hint else None


def _means_hint(mean, sizes, expected):
    """Return what is wrong with the mean intensities, or None."""
    hint = check.difference(mean, expected)
    if hint and np.shape(mean) == expected.shape and np.allclose(mean, expected * sizes):
        hint = "these are sums over the pixels of each nucleus."
    return f"mean intensities: {hint}" if hint else None


@check.exercise
def measure(function):
    """Check a function that returns areas and means of all nuclei and makes every chunk once."""
    arrays, images, labels, made = _made()
    answer = check.called(function, images, labels, labels.max())
    lazy = "the results are still lazy: compute both, together."
    if _lazy(answer):
        return lazy
    if not isinstance(answer, (tuple, list, np.ndarray)):
        kind = type(answer).__name__
        return f"two arrays are asked for, areas and means, and this is of type {kind}."
    if len(answer) != 2:
        return f"two results are asked for, areas and means; {len(answer)} came back."
    area, mean = answer
    if _lazy(area) or _lazy(mean):
        return lazy
    area, sizes = np.asarray(area), np.bincount(arrays["labels"].ravel())
    expected = ndimage.mean(arrays["images"], arrays["labels"], np.arange(1, len(sizes)))
    if not check.difference(area, expected) and not check.difference(mean, sizes[1:]):
        return "the two are swapped: areas first, then mean intensities."
    if hint := _areas_hint(area, sizes) or _means_hint(mean, sizes[1:], expected):
        return hint
    for name in ("labels", "images"):
        times = max(made[name, position] for position in range(3))
        if name == "labels" and times > len(expected):
            cue = "keep images and labels in memory before you measure."
        else:
            cue = "what was computed before, or beside, what you keep in memory?"
        if times > 1:
            return f"the numbers are right, but a chunk of the {name} was made {times} times: {cue}"
    return None


def _tables():
    """Return the table of each of the first three frames in use."""
    return [frame.measure(image, frame.segment(image)) for image in check.frames(3)]


@check.exercise
def diameter(answer):
    """Check the diameter, in micrometres, of a circle of the same area, for each nucleus."""
    area = np.concatenate([table["area"] for table in _tables()])
    across = 2 * np.sqrt(area / np.pi)
    expected = across * check.PIXEL_SIZE
    answer = np.asarray(answer, dtype=float)
    hint = check.difference(answer, expected, rtol=1e-3)
    if hint is None or answer.shape != area.shape:
        return hint
    if np.abs(answer - expected).max() < 0.051:  # rounded to one decimal
        return None
    inverse = "divided by 0.645: is a pixel larger or smaller than 1 micrometre?"
    known = [
        (np.round(expected), "these are whole micrometres: keep one decimal at least."),
        (across, "these are pixels: how many micrometres is a pixel wide?"),
        (expected / 2, "these are radii."),
        (across / 2, "these are radii, and in pixels."),
        (across * check.PIXEL_SIZE**2, "0.645 came in squared: a diameter is a length."),
        (area, "these are the areas as they are in the table."),
        (area * check.PIXEL_SIZE**2, "these are areas, in square micrometres."),
        (across / check.PIXEL_SIZE, inverse),
        (np.sqrt(area) * check.PIXEL_SIZE, "these are the sides of squares of the same area."),
    ]
    otherwise = f"{hint} Start from area = pi (d / 2)^2, both in micrometres, and solve for d."
    return check.recognise(answer, known, otherwise, rtol=1e-3, atol=0.0051)


@check.exercise
def counts(answer):
    """Check the nuclei of at least 32 pixels in each of the first three frames."""
    areas = [table["area"].to_numpy() for table in _tables()]
    expected = [(area >= LEAST).sum() for area in areas]
    if isinstance(answer, pd.DataFrame):
        return "this is a table: one number for each frame is asked for, so take one column."
    if isinstance(answer, dict):
        answer = [answer[place] for place in sorted(answer)]
    if np.ndim(answer) == 0:
        if answer == sum(expected):
            return "that is the number in all three frames: one number for each frame."
        return "one number for each frame is asked for, three in all."
    answer = [check.number(one) for one in answer]
    if not all(one.is_integer() for one in answer):
        return "these are counts: whole numbers."
    if len(answer) != len(expected):
        return f"{len(answer)} numbers, and there are three frames."
    below = [(area < LEAST).sum() for area in areas]
    above = [(area > LEAST).sum() for area in areas]
    known = [
        (expected, None),
        ([len(area) for area in areas], "these are all objects, the smallest included."),
        (below, f"these are the objects below {LEAST} pixels: the others are asked for."),
        (above, f"at least {LEAST} pixels: those of exactly {LEAST} belong to it."),
    ]
    other = f"count the rows of one frame whose area is at least {LEAST}, then the next frame's."
    if sorted(answer) == sorted(expected):
        other = "these are the right numbers in another order: frame 0 comes first."
    return check.recognise(answer, known, other, rtol=0)
