"""The checks of notebook 00 tell right answers from the usual wrong ones."""

import numpy as np
import pytest
import tifffile
from answers import said
from PIL import Image

from segkit import frame
from segkit.check import start as check


@pytest.fixture
def first(tmp_path, monkeypatch):
    """Return labels and table of the first frame of a made data set: five squares of five sizes."""
    image = np.full((90, 120), 100, np.uint16)
    for number, size in enumerate((6, 8, 10, 12, 20)):
        image[20 : 20 + size, 4 + 23 * number : 4 + 23 * number + size] = 900
    folder = tmp_path / "BBBC039" / "images"
    folder.mkdir(parents=True)
    tifffile.imwrite(folder / "a.tif", image)
    tifffile.imwrite(folder / "b.tif", image[::-1])
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    labels = frame.segment(image)
    return labels, frame.measure(image, labels)


def test_right_answers(first, capsys):
    """The number of rows and the median in square micrometres are right, of whatever type."""
    labels, table = first
    assert len(table) == 5
    for answer in (5, np.int32(5), 5.0, labels.max()):
        assert check.nuclei(answer)
    assert check.median_area(table["area"].median() * 0.645**2)
    assert check.median_area(round(table["area"].median() * 0.645**2, 1))
    assert set(capsys.readouterr().out.splitlines()) == {"Right."}


def test_wrong_numbers_of_nuclei_get_hints_of_their_own(first, capsys):
    """Background counted, pixels counted, cells counted, or just another number."""
    labels, table = first
    assert "background" in said(capsys, check.nuclei, len(np.unique(labels)))
    assert "number of pixels" in said(capsys, check.nuclei, (labels > 0).sum())
    assert "rows times columns" in said(capsys, check.nuclei, table.size)
    assert "less than" in said(capsys, check.nuclei, 4)
    assert "more than" in said(capsys, check.nuclei, 7)


def test_wrong_areas_get_hints_of_their_own(first, capsys):
    """Pixels, one side only, divided, the mean, or something else."""
    area = first[1]["area"]
    assert "in pixels" in said(capsys, check.median_area, area.median())
    assert "pixel size only" in said(capsys, check.median_area, (area.median() * 0.645) ** 2)
    assert "two sides" in said(capsys, check.median_area, area.median() * 0.645)
    assert "smaller than 1" in said(capsys, check.median_area, area.median() / 0.645**2)
    assert "the mean" in said(capsys, check.median_area, area.mean() * 0.645**2)
    assert "column 'area'" in said(capsys, check.median_area, 1e6)


def test_true_number_of_nuclei_is_not_the_number_of_objects(first, capsys, tmp_path):
    """Whoever puts the number of outlined nuclei is told that the objects are asked for."""
    outlines = np.zeros((90, 120, 4), np.uint8)
    outlines[2:80:12, 10:20, 0] = 1  # seven
    (tmp_path / "BBBC039" / "masks").mkdir()
    Image.fromarray(outlines).save(tmp_path / "BBBC039" / "masks" / "a.png")
    assert "true number of nuclei" in said(capsys, check.nuclei, 7)
    assert "more than" in said(capsys, check.nuclei, 8)


@pytest.mark.parametrize("answer", ["five", None, [1, 2], {}, np.zeros((2, 2)), True])
@pytest.mark.parametrize("check_it", [check.nuclei, check.median_area])
def test_anything_else_is_refused_without_an_error(first, capsys, check_it, answer):
    """An answer that is no number is named, and the dots are told from it."""
    assert "one number is asked for" in said(capsys, check_it, answer)
    assert "Not answered yet" in said(capsys, check_it, ...)
