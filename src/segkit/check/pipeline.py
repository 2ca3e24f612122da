"""Checks for notebook 06: one function per frame, all frames, batches."""

import numpy as np
import pandas as pd

from segkit import check, frame
from segkit.reading import read_frame


@check.exercise
def nuclei_per_frame(answer, table):
    """Check the count of objects for each frame number of the table."""
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
    if np.array_equal(answer.to_numpy(), expected.to_numpy()):
        return None
    if np.array_equal(answer.to_numpy(), table.groupby("frame")["area"].sum().to_numpy()):
        return "those are the summed areas; count the rows of each group."
    if sorted(map(str, answer)) == sorted(map(str, expected)):
        return "the right numbers in another order: frame after frame is asked for."
    return "the counts differ from the rows of the table; which column makes the groups?"


@check.exercise
def foreground(function):
    """Check a function that returns the share of a frame covered by objects."""
    advice = (
        "Does it read the file first, with tifffile.imread, and segment the image? "
        "Run covered(files[0]) to see the error."
    )
    for position, path in enumerate(check.paths(2)):
        image = read_frame(path)
        labels, smoothed = frame.segment(image), frame.smooth(image)
        covered, mask = np.count_nonzero(labels), smoothed > frame.local_threshold(smoothed)
        right = covered / labels.size
        by_mean = (image > image.mean()).mean()
        mistakes = [
            (labels.max(), "that is the number of objects; count the pixels that they cover."),
            (covered, "that is the number of pixels; divide by the pixels of the whole frame."),
            (1 - right, "that is the share of the background."),
            (by_mean, "that thresholds the frame by its mean; segment it first."),
            (100 * right, "that is in percent; a number between 0 and 1 is asked for."),
            (labels.mean(), "that is the mean of the labels; count pixels whose label is not 0."),
            (mask.mean(), "that is the mask before the opening; count pixels of the label image."),
        ]
        share = check.number(check.called(function, path, hint=advice), "the result")
        otherwise = f"frame {position} gives {share:.4g}, which is not the covered share."
        if position:
            otherwise = f"{otherwise} {check.GLOBALS}"
        if hint := check.recognise(share, right, mistakes, otherwise):
            return hint
    return None


@check.exercise
def tasks(answer):
    """Check the number of tasks for 200 frames in batches of 30."""
    mistakes = [
        (6, "6 batches of 30 are 180 frames; the rest needs a task too."),
        (200, "that is one task per frame; a batch is one task."),
        (30, "that is the number of frames in a batch."),
        (6000, "200 frames are shared among the batches, not multiplied by them."),
    ]
    otherwise = "divide the frames among batches of 30, and round up."
    return check.recognise(answer, 7, mistakes, otherwise)
