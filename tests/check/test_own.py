"""The checks of notebook 14 tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
import pytest
from answers import said

from segkit.check import own as check


@pytest.fixture
def files():
    """Return the array of the first exercise."""
    return da.from_array(check.mixed(), chunks=-1)


def test_the_stack_is_right(files):
    """The last channel, one frame a chunk, however it was got."""
    assert check.stack(files[..., -1].rechunk((1, -1, -1)))
    assert check.stack(files.rechunk((1, -1, -1, -1))[:, :, :, 2])


def test_usual_faults_of_the_stack(files, capsys):
    """Each usual mistake gets its own hint."""
    assert "Not answered yet" in said(capsys, check.stack, ...)
    assert "a Dask array" in said(capsys, check.stack, check.mixed()[..., -1])
    assert "four axes" in said(capsys, check.stack, files[..., -1:])
    assert "another axis" in said(capsys, check.stack, files[-1])
    assert "the last channel" in said(capsys, check.stack, files[..., 0].rechunk((1, -1, -1)))
    assert "one frame each" in said(capsys, check.stack, files[..., -1])


@pytest.mark.parametrize("answer", [0.325 / 0.645, 0.504, 0.505, np.float32(0.504)])
def test_the_factor_is_right(answer):
    """The quotient of the pixel sizes, rounded or not."""
    assert check.factor(answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (0.645 / 0.325, "other way round"),
        (0.2539, "factor of areas"),
        (3.939, "factor of areas, and"),
        (2, "near the inverse"),
        (0.5, "not the names of the objectives"),
        (28, "how wide is a nucleus"),
        ("half", "one number"),
        ((0.504, 0.504), "one number"),
        (None, "one number"),
    ],
)
def test_usual_faults_of_the_factor(answer, hint, capsys):
    """Inverse, square and objectives get their own hints."""
    assert hint in said(capsys, check.factor, answer)


def test_the_marked_frames_are_right():
    """In any order, and in whatever form NumPy and pandas give them."""
    assert check.marked([8, 4])
    assert check.marked({4, 8})
    mask = np.isin(np.arange(12), [4, 8])
    for answer in (np.where(mask), mask.nonzero(), np.flatnonzero(mask), np.argwhere(mask), (4, 8)):
        assert check.marked(answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ([5, 9], "counted from 1"),
        ([0, 240], "numbers of nuclei"),
        ([8], "one more"),
        ([], "some are marked"),
        (np.isin(np.arange(12), [4, 8]), "the mask itself"),
        ("48", "whole numbers"),
        ([4.5, 8], "whole numbers"),
        ([4, 8, 10], "too many"),
        ([1, 2], "apply unusual"),
    ],
)
def test_usual_faults_of_the_marked_frames(answer, hint, capsys):
    """Each usual mistake gets its own hint."""
    assert hint in said(capsys, check.marked, answer)
