import numpy as np
import pandas as pd
import pytest
import tifffile

from segkit import frame, simulate
from segkit.check import pipeline as check


@pytest.fixture(autouse=True)
def two_frames(tmp_path, monkeypatch):
    """Put two simulated frames in use."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    simulate.write(tmp_path / "BBBC039", frames=2, seed=1)


TABLE = pd.DataFrame({"frame": [0, 0, 0, 2, 2], "area": [5, 6, 7, 8, 9]})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (TABLE.groupby("frame").size(), "Right."),
        (TABLE["frame"].value_counts(), "Right."),
        ([3, 2], "Right."),
        (TABLE.groupby("frame").size().to_frame(), "Right."),
        (TABLE.groupby("frame").size().reset_index(name="n"), "Right."),
        (TABLE.groupby("frame").agg(n=("area", "size")), "Right."),
        (TABLE.assign(label=1).groupby("frame").count(), "Right."),
        (TABLE.groupby("frame")["area"].describe(), "the one column of counts"),
        ([2, 3], "in another order"),
        (..., "Not answered yet"),
        (TABLE["frame"], "one value per object"),
        (TABLE.groupby("frame")["area"].sum(), "summed areas"),
        (TABLE.groupby("area").size()[:2], "differ"),
        (TABLE.groupby("frame")["area"].apply(list), "the counts differ"),
        ([3, "two"], "the counts differ"),
        ([1, 1, 1], "number of values is 3; the number of frames is 2"),
        (2.5, "not a single value"),
        ("3, 2", "not a single value"),
        (None, "not a single value"),
        ({0: 3, 2: 2}, "Right."),
    ],
)
def test_nuclei_per_frame(answer, says, capsys):
    """Right counts pass in any order; each wrong answer gets its own hint."""
    passed = check.nuclei_per_frame(answer, TABLE)
    assert says in capsys.readouterr().out
    assert passed == (says == "Right.")


def labels(path):
    return frame.segment(tifffile.imread(path))


def unopened(path):
    """Return the mask of a frame before the opening."""
    smoothed = frame.smooth(tifffile.imread(path))
    return smoothed > frame.local_threshold(smoothed)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda path: np.mean(labels(path) > 0), "Right."),
        (..., "Not answered yet"),
        (0.2, "a function is asked for"),
        (lambda path: labels(path).max(), "number of objects"),
        (lambda path: np.count_nonzero(labels(path)), "number of pixels"),
        (lambda path: np.mean(labels(path) == 0), "background"),
        (lambda path: np.mean(tifffile.imread(path) > tifffile.imread(path).mean()), "its mean"),
        (lambda path: 100 * np.mean(labels(path) > 0), "in percent"),
        (lambda path: 0.5, "not the covered share"),
        (lambda path: labels(path).mean(), "mean of the labels"),
        (lambda path: unopened(path).mean(), "before the opening"),
        (lambda path: print(labels(path).max()), "end the function with return"),
        (lambda path: frame.segment(path), "read the file first"),
        (lambda path: np.zeros(path.shape).mean(), "read the file first"),
        (lambda: None, "covered(files[0])"),
        (lambda path: labels(path) > 0, "returns a ndarray"),
        (lambda path: "0.2", "returns a str"),
    ],
)
def test_foreground(answer, says, capsys):
    """The covered share passes; counts and other shares get their own hints."""
    passed = check.foreground(answer)
    assert says in capsys.readouterr().out
    assert passed == (says == "Right.")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (7, "Right."),
        (..., "Not answered yet"),
        (6, "180 frames"),
        (200, "one task per frame"),
        (7.0, "Right."),
        (np.int64(7), "Right."),
        (6.67, "round up"),
        ("7", "this is a str"),
        ([7], "this is a list"),
        (None, "this is a NoneType"),
    ],
)
def test_tasks(answer, says, capsys):
    """Seven tasks; rounding down and one a frame get their own hints."""
    passed = check.tasks(answer)
    assert says in capsys.readouterr().out
    assert passed == (says == "Right.")
