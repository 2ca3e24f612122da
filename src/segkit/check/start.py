"""Checks for notebook 00: the first frame in use, segmented and measured."""

import numpy as np
import tifffile

from segkit import data, frame
from segkit.check import exercise

PIXEL = 0.645


def _first_frame():
    """Return the labels of the first frame in use, and the table of its nuclei."""
    image = tifffile.imread(data.images(data.locate())[0])
    labels = frame.segment(image)
    return labels, frame.measure(image, labels)


def _number(answer):
    """Return the answer as a float; for anything but one number, raise TypeError."""
    values = np.asarray(answer)
    if values.size != 1 or values.dtype.kind not in "uif":
        raise TypeError("one number was expected")
    return float(values.reshape(()))


@exercise
def nuclei(answer):
    """Check the number of nuclei in the first frame."""
    labels, table = _first_frame()
    number, right = _number(answer), len(table)
    if number == right:
        return None
    if number == right + 1:
        return "one too many: 0 occurs among the labels too, and stands for the background."
    if number == np.count_nonzero(labels):
        return "that is the number of pixels in all nuclei: count rows of the table instead."
    if number == table.size:
        return "that is the number of cells of the table, rows times columns."
    side = "more" if number > right else "less"
    return f"{number:g} is {side} than the number of rows in the table."


@exercise
def median_area(answer):
    """Check the median area of the nuclei in the first frame, in square micrometres."""
    _, table = _first_frame()
    number, pixels = _number(answer), table["area"].median()
    if np.isclose(number, pixels * PIXEL**2, rtol=1e-3):
        return None
    if np.isclose(number, pixels):
        return "that is in pixels: how many square micrometres does one pixel cover?"
    if np.isclose(number, pixels * PIXEL):
        return "an area has two sides: the pixel size was used for one of them."
    if np.isclose(number, pixels / PIXEL**2) or np.isclose(number, pixels / PIXEL):
        return "the result is larger than the number of pixels, but a pixel is smaller than 1 µm."
    if np.isclose(number, table["area"].mean() * PIXEL**2, rtol=1e-3):
        return "that is the mean: the median is the value in the middle of the sorted areas."
    return "start from the column 'area' of the table, which counts pixels."
