"""Checks for notebook 06, the whole pipeline."""

from numbers import Real

import numpy as np
import pandas as pd

from segkit import data, frame, reading
from segkit.check import exercise


def whole_number(answer):
    """Return an answer as an int, or None if it is not one whole number.

    Examples
    --------
    >>> whole_number(7.0), whole_number("7"), whole_number([7]), whole_number(6.7)
    (7, None, None, None)
    """
    if isinstance(answer, bool) or not isinstance(answer, Real) or answer % 1:
        return None
    return int(answer)


@exercise
def nuclei_per_frame(answer, table):
    """Find the fault in a count of objects for each frame number of the table."""
    expected = table["frame"].value_counts().sort_index()
    if answer is None or pd.api.types.is_scalar(answer):
        return f"one number for each of {len(expected)} frames is asked for, not a single value."
    if isinstance(answer, pd.DataFrame):
        answer = answer.set_index("frame") if "frame" in answer else answer
        columns = answer.T.drop_duplicates().T
        if columns.shape[1] != 1:
            return "this is a table: give the one column of counts."
        answer = columns.iloc[:, 0]
    answer = pd.Series(answer)
    if len(answer) == len(table):
        return "that is one value per object; group the rows by frame and count each group."
    if len(answer) != len(expected):
        return f"the number of values is {len(answer)}; the number of frames is {len(expected)}."
    if not answer.index.equals(expected.index) and set(answer.index) == set(expected.index):
        answer = answer.sort_index()
    if not np.array_equal(answer.to_numpy(), expected.to_numpy()):
        by_label = table.groupby("frame")["area"].sum()
        if np.array_equal(answer.to_numpy(), by_label.to_numpy()):
            return "those are the summed areas; count the rows of each group."
        if sorted(map(str, answer)) == sorted(map(str, expected)):
            return "the right numbers in another order: frame after frame is asked for."
        return "the counts differ from the rows of the table; which column makes the groups?"
    return None


def _shares(image, labels):
    """Yield the usual wrong answers for the covered share of a frame, each with its hint."""
    covered = np.count_nonzero(labels)
    smoothed = frame.smooth(image)
    mask = smoothed > frame.local_threshold(smoothed)
    yield labels.max(), "that is the number of objects; count the pixels that they cover."
    yield covered, "that is the number of pixels; divide by the pixels of the whole frame."
    yield 1 - covered / labels.size, "that is the share of the background."
    yield (image > image.mean()).mean(), "that thresholds the frame by its mean; segment it first."
    yield 100 * covered / labels.size, "that is in percent; a number between 0 and 1 is asked for."
    yield labels.mean(), "that is the mean of the labels; count the pixels whose label is not 0."
    yield mask.mean(), "that is the mask before the opening; count the pixels of the label image."


@exercise
def foreground(function):
    """Find the fault in a function that returns the share of a frame covered by objects."""
    if not callable(function):
        return "a function is asked for, which takes the path of a frame and returns a number."
    for number, path in enumerate(data.images(data.locate())[:2]):
        try:
            share = function(path)
        except Exception:  # the learner's own, whatever it is
            return (
                "it fails on the path of a frame. Does it read the file first, with "
                "tifffile.imread, and segment the image? Run covered(files[0]) to see the error."
            )
        if share is None:
            return "it returns None: end the function with return."
        if not isinstance(share, Real):
            return f"it returns a {type(share).__name__}, and one number is asked for."
        image = reading.read_frame(path)
        labels = frame.segment(image)
        if not np.isclose(share, np.count_nonzero(labels) / labels.size):
            otherwise = f"frame {number} gives {share:.4g}, which is not the covered share."
            hints = (hint for wrong, hint in _shares(image, labels) if np.isclose(share, wrong))
            return next(hints, otherwise)
    return None


@exercise
def tasks(answer):
    """Find the fault in the number of tasks for 200 frames in batches of 30."""
    hints = {
        6: "6 batches of 30 are 180 frames; the rest needs a task too.",
        200: "that is one task per frame; a batch is one task.",
        30: "that is the number of frames in a batch.",
        6000: "200 frames are shared among the batches, not multiplied by them.",
    }
    if answer == 7:
        return None
    if not isinstance(answer, Real):
        return f"one whole number is asked for; this is a {type(answer).__name__}."
    return hints.get(answer, "divide the frames among batches of 30, and round up.")
