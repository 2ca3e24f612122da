"""The checks of notebook 00 tell right answers from the usual wrong ones."""

import numpy as np
import pandas as pd
import pytest
from answers import discs_in_use, said, tried

from segkit import simulate
from segkit.check import start as check


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Put three small frames in use; return their table."""
    return pd.concat(discs_in_use(monkeypatch, tmp_path))[["area", "mean_intensity"]]


@tried(
    ("Right.", len, lambda table: np.int32(25)),
    ("background", lambda table: 26),
    ("number of pixels", lambda table: table["area"].sum()),
    ("rows times columns", lambda table: table.size),
    ("one frame", lambda table: 11),
    ("less than", lambda table: 8),
    ("more than", lambda table: 27),
    ("one number is asked for", lambda table: table, lambda table: "fifteen"),
)
def test_objects(table, capsys, answer, hint):
    """The number of rows is right, of whatever type; each usual miscount has its own hint."""
    assert hint in said(capsys, check.objects, answer(table))


@tried(
    ("Right.", lambda area: area.median() * 0.645**2),
    ("Right.", lambda area: round(area.median() * 0.645**2, 1)),
    ("in pixels", lambda area: area.median()),
    ("pixel size only", lambda area: (area.median() * 0.645) ** 2),
    ("two sides", lambda area: area.median() * 0.645),
    ("smaller than 1", lambda area: area.median() / 0.645**2),
    ("the mean", lambda area: area.mean() * 0.645**2),
    ("column 'area'", lambda area: 1e6),
)
def test_median_area(table, capsys, answer, hint):
    """The median in square micrometres is right; each usual slip with units has its own hint."""
    assert hint in said(capsys, check.median_area, answer(table["area"]))


def test_true_nuclei_are_not_objects(capsys, simulated_frames, monkeypatch):
    """The number of true nuclei gets a hint that objects are asked for."""
    monkeypatch.setenv("SEGKIT_DATA", str(simulated_frames.parent))
    true = sum(simulate.frame(39, number)[1].max() for number in range(3))
    assert "true number of nuclei" in said(capsys, check.objects, true)
