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


NOTEBOOKS = pd.DataFrame({"plate": ["20630"] * 9, "count": range(9)})


def away(fields):
    """Return how far the count of each field is from the median of its plate."""
    return fields["count"] - fields.groupby("plate")["count"].transform("median")


def nan(fields):
    """Return the distances of learners who forget transform: all NaN."""
    return fields["count"] - fields.groupby("plate")["count"].median()


def top(score, fields, count=5):
    """Return the rows with the largest scores."""
    return fields.loc[score.sort_values(ascending=False).index[:count]]


@tried(
    ("Right.", lambda f: top(away(f).abs(), f)),
    ("Right.", lambda f: f.assign(d=away(f).abs()).nlargest(5, "d").reset_index(drop=True)),
    ("Right.", lambda f: f.sort_values("count", key=lambda _: -away(f).abs()).head()),
    ("others are farther", lambda f: top(-away(f).abs(), f), lambda f: f.tail()),
    ("distances all NaN", lambda f: f.assign(d=nan(f)).nlargest(5, "d")),
    ("distances all NaN", lambda f: f.loc[nan(f).dropna().nlargest(5).index]),
    ("in all, not per plate", lambda f: f.groupby("plate").head(5)),
    ("those are the highest", lambda f: top(away(f), f)),
    ("those are the lowest", lambda f: top(-away(f), f)),
    ("each plate has its own", lambda f: top((f["count"] - f["count"].median()).abs(), f)),
    ("largest counts", lambda f: f.nlargest(5, "count")),
    ("smallest counts", lambda f: f.nsmallest(5, "count")),
    ("in another order", lambda f: top(away(f).abs(), f)[::-1]),
    ("the number of rows is 6", lambda f: top(away(f).abs(), f, 6)),
    ("variables of the notebook", lambda f: top(away(NOTEBOOKS).abs(), NOTEBOOKS)),
    ("with all columns", lambda f: top(away(f).abs(), f)[["count"]]),
    ("this is of type Series", lambda f: away(f).abs().nlargest(5)),
    ("Run suspects(fields)", lambda f: f["distance"]),
)
def test_suspects(capsys, answer, hint):
    """The five farthest from their plates pass; each usual mistake gets its own hint."""
    assert hint in said(capsys, check.suspects, answer)


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
