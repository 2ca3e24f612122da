"""The checks of notebook 06 tell right answers from the usual wrong ones."""

import numpy as np
import pandas as pd
import pytest
import tifffile
from answers import said, tried

from segkit import frame, simulate
from segkit.check import pipeline as check


@pytest.fixture(autouse=True)
def two_frames(tmp_path, monkeypatch):
    """Put two simulated frames in use."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    simulate.write(tmp_path / "BBBC039", frames=2, seed=1)


TABLE = pd.DataFrame({"frame": [0, 0, 0, 2, 2], "area": [5, 6, 7, 8, 9]})


@tried(
    (TABLE.groupby("frame").size(), "Right."),
    (TABLE["frame"].value_counts(), "Right."),
    ([3, 2], "Right."),
    (TABLE.groupby("frame").size().to_frame(), "Right."),
    (TABLE.groupby("frame").size().reset_index(name="n"), "Right."),
    (TABLE.groupby("frame").agg(n=("area", "size")), "Right."),
    (TABLE.assign(label=1).groupby("frame").count(), "Right."),
    (TABLE.groupby("frame")["area"].describe(), "the one column of counts"),
    ([2, 3], "in another order"),
    (TABLE["frame"], "one value per object"),
    (TABLE.groupby("frame")["area"].sum(), "summed areas"),
    (TABLE.groupby("area").size()[:2], "differ"),
    (TABLE.groupby("frame")["area"].apply(list), "the counts differ"),
    ([3, "two"], "the counts differ"),
    ([1, 1, 1], "number of values is 3; the number of frames is 2"),
    (2.5, "not a single value"),
    (None, "not a single value"),
    ({0: 3, 2: 2}, "Right."),
)
def test_nuclei_per_frame(capsys, answer, hint):
    """Right counts pass in any order; each wrong answer gets its own hint."""
    assert hint in said(capsys, check.nuclei_per_frame, answer, TABLE)


def labels(path):
    """Return the labels of a frame."""
    return frame.segment(tifffile.imread(path))


def unopened(path):
    """Return the mask of a frame before the opening."""
    smoothed = frame.smooth(tifffile.imread(path))
    return smoothed > frame.local_threshold(smoothed)


@tried(
    (lambda path: np.mean(labels(path) > 0), "Right."),
    (lambda path: labels(path).max(), "number of objects"),
    (lambda path: np.count_nonzero(labels(path)), "number of pixels"),
    (lambda path: np.mean(labels(path) == 0), "background"),
    (lambda path: np.mean(tifffile.imread(path) > tifffile.imread(path).mean()), "its mean"),
    (lambda path: 100 * np.mean(labels(path) > 0), "in percent"),
    (lambda path: 0.5, "not the covered share"),
    (lambda path: labels(path).mean(), "mean of the labels"),
    (lambda path: unopened(path).mean(), "before the opening"),
    (lambda path: frame.segment(path), "read the file first"),
    (lambda path: np.zeros(path.shape).mean(), "read the file first"),
    (lambda path: labels(path) > 0, "one number is asked for, and this is of type ndarray"),
)
def test_foreground(capsys, answer, hint):
    """The covered share passes; counts and other shares get their own hints."""
    assert hint in said(capsys, check.foreground, answer)


@tried(
    (7, "Right."),
    (6, "180 frames"),
    (200, "one task per frame"),
    (6.67, "round up"),
)
def test_tasks(capsys, answer, hint):
    """Seven tasks; rounding down and one per frame get their own hints."""
    assert hint in said(capsys, check.tasks, answer)
