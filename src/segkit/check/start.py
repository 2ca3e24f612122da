"""Checks for notebook 00: the first frame in use, segmented and measured."""

import numpy as np

from segkit import check, data, frame
from segkit.score import read_truth


def _first_frame():
    """Return the labels of the first frame in use, and the table of its objects."""
    (image,) = check.frames(1)
    labels = frame.segment(image)
    return labels, frame.measure(image, labels)


def _true_nuclei():
    """Return the number of true nuclei in the first frame in use, or NaN without a mask."""
    folder = data.locate()
    mask = folder / "masks" / f"{data.images(folder)[0].stem}.png"
    return read_truth(mask).max() if mask.is_file() else np.nan


@check.exercise
def nuclei(answer):
    """Check the number of objects in the first frame."""
    answer = check.number(answer)
    labels, table = _first_frame()
    right, true, area = len(table), _true_nuclei(), np.count_nonzero(labels)
    side = "more" if answer > right else "less"
    mistakes = [
        (true, "that is the true number of nuclei: how many objects did the pipeline find?"),
        (right + 1, "one too many: 0 occurs among the labels too, and stands for the background."),
        (area, "that is the number of pixels in all objects: count rows of the table instead."),
        (table.size, "that is the number of cells of the table, rows times columns."),
    ]
    otherwise = f"{answer:g} is {side} than the number of rows in the table."
    return check.recognise(answer, right, mistakes, otherwise)


@check.exercise
def median_area(answer):
    """Check the median area of the objects in the first frame, in square micrometres."""
    _, table = _first_frame()
    pixels, side = table["area"].median(), check.PIXEL_SIZE
    mean = table["area"].mean() * side**2
    too_large = "the result is larger than the number of pixels, but a pixel is smaller than 1 µm."
    mistakes = [
        (pixels, "that is in pixels: how many square micrometres does one pixel cover?"),
        (pixels * side, "an area has two sides: the pixel size was used for one of them."),
        ((pixels * side) ** 2, "square the pixel size only: the median is an area already."),
        (pixels / side**2, too_large),
        (pixels / side, too_large),
        (mean, "that is the mean: the median is the value in the middle of the sorted areas."),
    ]
    otherwise = "start from the column 'area' of the table, which counts pixels."
    return check.recognise(answer, pixels * side**2, mistakes, otherwise, rtol=1e-3)
