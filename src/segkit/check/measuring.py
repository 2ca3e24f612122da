"""Checks for notebook 05: integrated intensities, areas and means, diameters, counts."""

import numpy as np
import pandas as pd
from dask.base import unpack_collections
from scipy import ndimage

from segkit import check, frame

LEAST = 32  # pixels: some objects of the first three frames have just that many

ZERO = "the first value is that of the background: label 0 is not a nucleus."
LAST = "the last nucleus is missing: where must the index end?"


@check.exercise
def integrated(function):
    """Check a function that sums the grey levels of each nucleus above the background."""
    rng = np.random.default_rng(3)
    labels, count = ndimage.label(ndimage.gaussian_filter(rng.random((40, 52)), 2) > 0.5)
    image = rng.integers(140, 160, labels.shape, dtype=np.uint16)
    image[labels > 0] += rng.integers(100, 900, (labels > 0).sum(), dtype=np.uint16)
    answer = check.called(function, image, labels, count)
    pixels, sums = (np.bincount(labels.flat, weights=w) for w in (None, image.ravel()))
    background = np.median(image[labels == 0])
    right = sums - background * pixels
    mistakes = [
        (right, ZERO),
        (right[:-1], ZERO),
        (right[1:-1], LAST),
        (sums[1:], "the background is still in these sums."),
        ((sums - pixels)[1:], "take the grey levels where the label is 0: image[labels == 0]."),
        (sums[1:] - background, "subtract the background from every pixel, not once per nucleus."),
        ((sums / pixels)[1:], "these are means, with the background in them."),
        ((right / pixels)[1:], "these are means over each nucleus: sums are asked for."),
        ((sums - np.median(image) * pixels)[1:], "the median is that of label 0 only."),
        ((sums - sums[0] / pixels[0] * pixels)[1:], "the median of label 0 is asked for."),
        (right[1:].sum(), "this is one sum over all nuclei: one for each is asked for."),
    ]
    return check.recognise(answer, right[1:], mistakes, other_shape=check.GLOBALS, atol=0.51)


@check.exercise
def measure(function):
    """Check a function that returns areas and means of all nuclei and makes every chunk once."""
    rng = np.random.default_rng(3)
    mask = ndimage.gaussian_filter(rng.standard_normal((3, 24, 30)), (0, 2, 2)) > 0.1
    flat = np.pad([ndimage.generate_binary_structure(2, 1)], ((1, 1), (0, 0), (0, 0)))
    labels = ndimage.label(mask, flat)[0]
    images = rng.integers(100, 900, mask.shape).astype(np.uint16)
    lazy_images, images_made = check.counted(images)
    lazy_labels, labels_made = check.counted(labels)
    answer = check.called(function, lazy_images, lazy_labels, lazy_labels.max())
    if unpack_collections(answer)[0]:
        return "the results are still lazy: compute both, together."
    if not isinstance(answer, (tuple, list, np.ndarray)):
        return f"two arrays are asked for, areas and means, and {check.its_type(answer)}."
    if len(answer) != 2:
        return f"two results are asked for, areas and means; {len(answer)} came back."
    area, mean = answer
    sizes = np.bincount(labels.ravel())
    right = ndimage.mean(images, labels, np.arange(1, len(sizes)))
    if np.array_equal(mean, sizes[1:]):
        return "the two are swapped: areas first, then mean intensities."
    areas = [(sizes, ZERO), (sizes[:-1], ZERO), (sizes[1:-1], LAST)]
    means = [(right * sizes[1:], "these are sums over the pixels of each nucleus.")]
    hint = check.recognise(area, sizes[1:], areas, name="areas", other_shape=check.GLOBALS)
    if hint := hint or check.recognise(mean, right, means, name="mean intensities"):
        return hint
    for name, made in (("labels", labels_made), ("images", images_made)):
        times = max(made.values())
        cue = "what was computed before, or apart from, what you keep in memory?"
        if name == "labels" and times > len(right):
            cue = "keep images and labels in memory before you measure."
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
    answer = check.computed(answer)
    check.expect_shape(answer, area.shape)
    if np.allclose(answer, expected, rtol=0, atol=0.051):  # rounded to one decimal
        return None
    inverse = "divided by 0.645: is a pixel larger or smaller than 1 micrometre?"
    mistakes = [
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
    hint = check.difference(answer, expected, rtol=1e-3)
    otherwise = f"{hint} Start from area = pi (d / 2)^2, both in micrometres, and solve for d."
    return check.recognise(answer, expected, mistakes, otherwise, rtol=1e-3, atol=0.0051)


@check.exercise
def counts(answer):
    """Check the nuclei of at least 32 pixels in each of the first three frames."""
    areas = [table["area"].to_numpy() for table in _tables()]
    expected = [(area >= LEAST).sum() for area in areas]
    if isinstance(answer, pd.DataFrame):
        return "this is a table: one number for each frame is asked for, so take one column."
    if np.ndim(answer) == 0 and answer == sum(expected):
        return "that is the number in all three frames: one number for each frame."
    answer = check.numbers(answer, "three")
    if not all(one.is_integer() for one in answer):
        return "these are counts: whole numbers."
    if len(answer) != len(expected):
        return f"{len(answer)} numbers, and there are three frames."
    below = [(area < LEAST).sum() for area in areas]
    above = [(area > LEAST).sum() for area in areas]
    mistakes = [
        ([len(area) for area in areas], "these are all objects, the smallest included."),
        (below, f"these are the objects below {LEAST} pixels: the others are asked for."),
        (above, f"at least {LEAST} pixels: those of exactly {LEAST} belong to it."),
    ]
    other = f"count the rows of one frame whose area is at least {LEAST}, then the next frame's."
    if sorted(answer) == sorted(expected):
        other = "these are the right numbers in another order: frame 0 comes first."
    return check.recognise(answer, expected, mistakes, other)
