"""Checks for notebook 00: the first frame in use, segmented and measured."""

import numpy as np
import tifffile

from segkit import data, frame
from segkit.check import exercise, number
from segkit.score import read_truth

PIXEL = 0.645


def _first_frame():
    """Return the labels of the first frame in use, and the table of its objects."""
    image = tifffile.imread(data.images(data.locate())[0])
    labels = frame.segment(image)
    return labels, frame.measure(image, labels)


def _outlined():
    """Return the number of true nuclei in the first frame in use, or None without a mask."""
    folder = data.locate()
    mask = folder / "masks" / f"{data.images(folder)[0].stem}.png"
    return read_truth(mask).max() if mask.is_file() else None


@exercise
def nuclei(answer):
    """Check the number of objects in the first frame."""
    answer = number(answer)
    labels, table = _first_frame()
    right = len(table)
    if answer == right:
        return None
    if answer == _outlined():
        return "that is the true number of nuclei: how many objects did the pipeline find?"
    if answer == right + 1:
        return "one too many: 0 occurs among the labels too, and stands for the background."
    if answer == np.count_nonzero(labels):
        return "that is the number of pixels in all objects: count rows of the table instead."
    if answer == table.size:
        return "that is the number of cells of the table, rows times columns."
    side = "more" if answer > right else "less"
    return f"{answer:g} is {side} than the number of rows in the table."


@exercise
def median_area(answer):
    """Check the median area of the objects in the first frame, in square micrometres."""
    answer = number(answer)
    _, table = _first_frame()
    pixels = table["area"].median()
    if np.isclose(answer, pixels * PIXEL**2, rtol=1e-3):
        return None
    if np.isclose(answer, pixels):
        return "that is in pixels: how many square micrometres does one pixel cover?"
    if np.isclose(answer, pixels * PIXEL):
        return "an area has two sides: the pixel size was used for one of them."
    if np.isclose(answer, (pixels * PIXEL) ** 2, rtol=1e-3):
        return "square the pixel size only: the median is an area already."
    if np.isclose(answer, pixels / PIXEL**2) or np.isclose(answer, pixels / PIXEL):
        return "the result is larger than the number of pixels, but a pixel is smaller than 1 µm."
    if np.isclose(answer, table["area"].mean() * PIXEL**2, rtol=1e-3):
        return "that is the mean: the median is the value in the middle of the sorted areas."
    return "start from the column 'area' of the table, which counts pixels."
