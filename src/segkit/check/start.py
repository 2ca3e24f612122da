"""Checks for notebook 00: the first three frames in use, segmented and measured."""

import numpy as np
import pandas as pd

from segkit import check, data, frame
from segkit.score import read_truth


def _tables():
    """Return a table of the objects of each of the first three frames in use."""
    return [frame.measure(image, frame.segment(image)) for image in check.frames(3)]


def _true_nuclei():
    """Return the number of true nuclei in those frames, or NaN if a mask is missing."""
    masks = [data.locate() / "masks" / f"{path.stem}.png" for path in check.paths(3)]
    return sum(read_truth(mask).max() if mask.is_file() else np.nan for mask in masks)


@check.exercise
def objects(answer):
    """Check the number of objects in the first three frames."""
    answer, tables = check.number(answer), _tables()
    table = pd.concat(tables)
    right = len(table)
    side = "more" if answer > right else "less"
    mistakes = [
        (_true_nuclei(), "that is the true number of nuclei: how many objects were found?"),
        (right + 1, "one too many: 0 occurs among the labels too, and stands for the background."),
        (table["area"].sum(), "that is the number of pixels in all objects: count the rows."),
        (2 * right, "that is the number of cells of the table, rows times columns."),
        *((len(one), "that is one frame: count the objects of all three.") for one in tables),
    ]
    otherwise = f"{answer:g} is {side} than the number of rows in the table."
    return check.recognise(answer, right, mistakes, otherwise)


@check.exercise
def median_area(answer):
    """Check the median area of the objects in three frames, in square micrometres."""
    areas = pd.concat(_tables())["area"]
    pixels, side = areas.median(), check.PIXEL_SIZE
    mean = areas.mean() * side**2
    too_large = "the result is larger than the number of pixels, but a pixel is smaller than 1 µm."
    mistakes = [
        (pixels, "that is in pixels: how many square micrometres does one pixel cover?"),
        (pixels * side, "an area has two sides: the pixel size was used for one of them."),
        ((pixels * side) ** 2, "square the pixel size only: the median is an area already."),
        (pixels / side**2, too_large),
        (pixels / side, too_large),
        (mean, "that is the mean: the median is the value in the middle of the sorted areas."),
    ]
    otherwise = "the median of the column 'area' counts pixels: multiply, and do not round."
    return check.recognise(answer, pixels * side**2, mistakes, otherwise, rtol=1e-3)
