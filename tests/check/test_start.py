"""The checks of notebook 00 tell right answers from the usual wrong ones."""

import numpy as np
import pandas as pd
import pytest
from answers import in_use, said, tried
from PIL import Image

from segkit import frame
from segkit.check import start as check


@pytest.fixture
def table(tmp_path, monkeypatch):
    """Return the table of the first three frames of a made data set: five squares in each."""
    image = np.full((90, 120), 100, np.uint16)
    for number, size in enumerate((6, 8, 10, 12, 20)):
        image[20 : 20 + size, 4 + 23 * number : 4 + 23 * number + size] = 900
    images = [image, image[::-1], image[:, ::-1]]
    in_use(monkeypatch, tmp_path, [*images, image])
    tables = [frame.measure(one, frame.segment(one)) for one in images]
    return pd.concat(tables, ignore_index=True)[["area", "mean_intensity"]]


@tried(
    ("Right.", len, lambda table: np.int32(15)),
    ("background", lambda table: 16),
    ("number of pixels", lambda table: table["area"].sum()),
    ("rows times columns", lambda table: table.size),
    ("one frame", lambda table: 5),
    ("less than", lambda table: 7),
    ("more than", lambda table: 17),
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


def test_outlined_nuclei_are_not_objects(table, capsys, tmp_path):
    """The number of outlined nuclei gets a hint that objects are asked for."""
    outlines = np.zeros((90, 120, 4), np.uint8)
    outlines[2:80:12, 10:20, 0] = 1  # seven
    masks = tmp_path / "BBBC039" / "masks"
    masks.mkdir()
    for number in range(3):
        Image.fromarray(outlines).save(masks / f"{number:02}.png")
    assert "true number of nuclei" in said(capsys, check.objects, 21)
    (masks / "01.png").unlink()
    assert "more than" in said(capsys, check.objects, 21)
