"""Checks for notebook 06, the whole pipeline."""

import numpy as np
import pandas as pd

from segkit import data, frame, stack
from segkit.check import exercise


def _first(frames):
    """Yield the number, image and label image of the first frames in use."""
    for number, path in enumerate(data.images(data.locate())[:frames]):
        image = stack.read_frame(path)
        yield number, image, frame.segment(image)


@exercise
def nuclei_per_frame(answer, table):
    """Find the fault in a count of nuclei for each frame number of the table."""
    if isinstance(answer, pd.DataFrame):
        answer = answer.set_index("frame") if "frame" in answer else answer
        columns = answer.T.drop_duplicates().T
        if columns.shape[1] != 1:
            return "this is a table: give the one column of counts."
        answer = columns.iloc[:, 0]
    answer = pd.Series(answer)
    expected = table["frame"].value_counts().sort_index()
    if len(answer) == len(table):
        return "that is one value a nucleus; group the rows by frame and count each group."
    if len(answer) != len(expected):
        return f"there are {len(answer)} values for {len(expected)} frames with nuclei."
    if not answer.index.equals(expected.index) and set(answer.index) == set(expected.index):
        answer = answer.sort_index()
    if not np.array_equal(answer.to_numpy(), expected.to_numpy()):
        by_label = table.groupby("frame")["area"].sum()
        if np.array_equal(answer.to_numpy(), by_label.to_numpy()):
            return "those are the summed areas; count the rows of each group."
        if sorted(answer) == sorted(expected):
            return "the right numbers in another order: frame after frame is asked for."
        return "the counts differ from the rows of the table; which column makes the groups?"
    return None


@exercise
def foreground(function):
    """Find the fault in a function that returns the share of a frame covered by nuclei."""
    if not callable(function):
        return "this is no function; it should take the path of a frame and return a number."
    for number, image, labels in _first(2):
        share = float(function(data.images(data.locate())[number]))
        expected = np.count_nonzero(labels) / labels.size
        if np.isclose(share, labels.max()):
            return "that is the number of nuclei; count the pixels that belong to any of them."
        if np.isclose(share, np.count_nonzero(labels)):
            return "that is the number of pixels; divide by the pixels of the whole frame."
        if np.isclose(share, 1 - expected):
            return "that is the share of the background."
        if np.isclose(share, np.count_nonzero(image > image.mean()) / image.size, atol=1e-12):
            return "that thresholds the frame by its mean; segment it first."
        if np.isclose(share, 100 * expected):
            return "that is in percent; a number between 0 and 1 is asked for."
        if not np.isclose(share, expected):
            return f"frame {number} gives {share:.4g}, which is not the covered share."
    return None


@exercise
def tasks(answer):
    """Find the fault in the number of tasks for 200 frames in batches of 30."""
    hints = {
        6: "6 batches of 30 are 180 frames; the rest needs a task too.",
        200: "that is one task a frame; a batch is one task.",
        30: "that is the number of frames in a batch.",
        6000: "200 frames are shared among the batches, not multiplied by them.",
    }
    if answer == 7:
        return None
    return hints.get(answer, "divide the frames among batches of 30, and round up.")
