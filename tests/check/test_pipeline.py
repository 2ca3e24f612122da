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


def away(fields, middle="median"):
    """Return how far the count of each field is from the middle of its plate."""
    return fields["count"] - fields.groupby("plate")["count"].transform(middle)


def spread(fields):
    """Return the standard deviation of each field's plate."""
    return fields.groupby("plate")["count"].transform("std")


def top(score, fields, count=5):
    """Return the rows with the largest scores."""
    return fields.loc[score.sort_values(ascending=False).index[:count]]


NOTEBOOKS = pd.DataFrame({"plate": ["20630"] * 9, "count": range(9)})


@tried(
    (lambda f: top(away(f).abs(), f), "Right."),
    (lambda f: f.assign(d=away(f).abs()).nlargest(5, "d").reset_index(drop=True), "Right."),
    (lambda f: f.sort_values("count", key=lambda _: -away(f).abs()).head(), "Right."),
    (lambda f: top(-away(f).abs(), f), "others are farther"),
    (lambda f: top(away(f), f), "those are the highest"),
    (lambda f: top(-away(f), f), "those are the lowest"),
    (lambda f: top((f["count"] - f["count"].median()).abs(), f), "each plate has its own"),
    (lambda f: f.nlargest(5, "count"), "largest counts"),
    (lambda f: f.nsmallest(5, "count"), "smallest counts"),
    (lambda f: top(away(f, "mean").abs(), f), "that is the mean"),
    (lambda f: top((away(f) / (f["count"] - away(f))).abs(), f), "not ratios"),
    (lambda f: top((away(f) / spread(f)).abs(), f), "not in SD"),
    (lambda f: top(away(f).abs(), f)[::-1], "in another order"),
    (lambda f: top(away(f).abs(), f, 6), "the number of rows is 6"),
    (lambda f: f.head(), "others are farther"),
    (lambda f: top(away(NOTEBOOKS).abs(), NOTEBOOKS), "variables of the notebook"),
    (lambda f: top(away(f).abs(), f)[["count"]], "with all columns"),
    (lambda f: away(f).abs().nlargest(5), "this is of type Series"),
    (lambda f: list(away(f).abs().nlargest(5).index), "this is of type list"),
    (lambda f: print(f), "is there a return at its end"),
    (lambda f: f["difference"], "Run suspects(fields)"),
    (NOTEBOOKS, "give the function itself"),
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
    (lambda path: np.mean(labels(path) > 0), "Right."),
    (0.2, "give the function itself"),
    (lambda path: labels(path).max(), "number of objects"),
    (lambda path: np.count_nonzero(labels(path)), "number of pixels"),
    (lambda path: np.mean(labels(path) == 0), "background"),
    (lambda path: 100 * np.mean(labels(path) > 0), "in percent"),
    (lambda path: 0.5, "not the covered share"),
    (lambda path: labels(path).mean(), "mean of the labels"),
    (lambda path: unopened(path).mean(), "before the opening"),
    (lambda path: print(labels(path).max()), "is there a return at its end"),
    (lambda path: frame.segment(path), "read the file first"),
    (lambda path: labels(path) > 0, "this is of type ndarray"),
)
def test_foreground(capsys, answer, hint):
    """The covered share passes; counts and other shares get their own hints."""
    assert hint in said(capsys, check.foreground, answer)
