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
    ("Right.", TABLE.groupby("frame").size(), TABLE["frame"].value_counts(), [3, 2]),
    ("Right.", TABLE.groupby("frame").size().to_frame()),
    ("Right.", TABLE.groupby("frame").size().reset_index(name="n")),
    ("Right.", TABLE.groupby("frame").agg(n=("area", "size"))),
    ("Right.", TABLE.assign(label=1).groupby("frame").count(), {0: 3, 2: 2}),
    ("the one column of counts", TABLE.groupby("frame")["area"].describe()),
    ("in another order", [2, 3]),
    ("one value per object", TABLE["frame"]),
    ("summed areas", TABLE.groupby("frame")["area"].sum()),
    ("differ", TABLE.groupby("area").size()[:2]),
    ("the counts differ", TABLE.groupby("frame")["area"].apply(list), [3, "two"]),
    ("number of values is 3; the number of frames is 2", [1, 1, 1]),
    ("not a single value", 2.5, None),
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
    ("Right.", lambda path: np.mean(labels(path) > 0)),
    ("number of objects", lambda path: labels(path).max()),
    ("number of pixels", lambda path: np.count_nonzero(labels(path))),
    ("background", lambda path: np.mean(labels(path) == 0)),
    ("its mean", lambda path: np.mean(tifffile.imread(path) > tifffile.imread(path).mean())),
    ("in percent", lambda path: 100 * np.mean(labels(path) > 0)),
    ("not the covered share", lambda path: 0.5),
    ("mean of the labels", lambda path: labels(path).mean()),
    ("before the opening", lambda path: unopened(path).mean()),
    ("read the file first", lambda path: frame.segment(path)),
    ("read the file first", lambda path: np.zeros(path.shape).mean()),
    ("one number is asked for, and this is of type ndarray", lambda path: labels(path) > 0),
)
def test_foreground(capsys, answer, hint):
    """The covered share passes; counts and other shares get their own hints."""
    assert hint in said(capsys, check.foreground, answer)


@tried(
    ("Right.", 7),
    ("180 frames", 6),
    ("one task per frame", 200),
    ("round up", 6.67),
)
def test_tasks(capsys, answer, hint):
    """Seven tasks; rounding down and one per frame get their own hints."""
    assert hint in said(capsys, check.tasks, answer)
