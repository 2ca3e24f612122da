"""The checks of notebook 00 tell right answers from the usual wrong ones."""

import numpy as np
import pytest
from answers import in_use, said, tried
from PIL import Image

from segkit import frame
from segkit.check import start as check


@pytest.fixture
def first(tmp_path, monkeypatch):
    """Return labels and table of the first frame of a made data set: five squares of five sizes."""
    image = np.full((90, 120), 100, np.uint16)
    for number, size in enumerate((6, 8, 10, 12, 20)):
        image[20 : 20 + size, 4 + 23 * number : 4 + 23 * number + size] = 900
    in_use(monkeypatch, tmp_path, [image, image[::-1]])
    labels = frame.segment(image)
    return labels, frame.measure(image, labels)


@tried(
    ("Right.", lambda labels, table: 5, lambda labels, table: labels.max()),
    ("background", lambda labels, table: len(np.unique(labels))),
    ("number of pixels", lambda labels, table: (labels > 0).sum()),
    ("rows times columns", lambda labels, table: table.size),
    ("less than", lambda labels, table: 4),
    ("more than", lambda labels, table: 7),
)
def test_nuclei(first, capsys, answer, hint):
    """The number of rows is right, of whatever type; each usual miscount has its own hint."""
    assert hint in said(capsys, check.nuclei, answer(*first))


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
def test_median_area(first, capsys, answer, hint):
    """The median in square micrometres is right; each usual slip with units has its own hint."""
    assert hint in said(capsys, check.median_area, answer(first[1]["area"]))


def test_true_number_of_nuclei_is_not_the_number_of_objects(first, capsys, tmp_path):
    """The number of outlined nuclei gets a hint that objects are asked for."""
    outlines = np.zeros((90, 120, 4), np.uint8)
    outlines[2:80:12, 10:20, 0] = 1  # seven
    (tmp_path / "BBBC039" / "masks").mkdir()
    Image.fromarray(outlines).save(tmp_path / "BBBC039" / "masks" / "00.png")
    assert "true number of nuclei" in said(capsys, check.nuclei, 7)
    assert "more than" in said(capsys, check.nuclei, 8)
