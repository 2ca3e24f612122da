"""The checks of notebook 04 tell right answers from the usual wrong ones."""

import dask
import dask.array as da
import numpy as np
import pytest
from answers import said
from dask_image import ndmorph
from scipy import ndimage
from skimage import morphology

from segkit.check import morphology as check

CROSS = ndimage.generate_binary_structure(2, 1)


def planes(first, middle, last):
    """Return an element of three planes."""
    return np.array([np.broadcast_to(plane, (3, 3)) for plane in (first, middle, last)], bool)


FLAT = planes(0, CROSS, 0)


def test_the_dots_are_no_answer(capsys):
    """A stub that was left as it is gets told so."""
    for check_it in (check.flat_square, check.clean):
        assert "Not answered yet" in said(capsys, check_it, ...)
    assert "Not answered yet" in said(capsys, check.square_of_seven, 25, ...)


def test_square_of_seven_is_right():
    """A 7 x 7 square erodes to 5 x 5 and opens to itself without its corners."""
    assert check.square_of_seven(5 * 5, 7 * 7 - 4)


@pytest.mark.parametrize(
    ("answers", "hint"),
    [
        ((49, 45), "takes something off"),
        ((36, 45), "on every side"),
        ((45, 45), "whole opening"),
        ((40, 45), "all four neighbours"),
        ((25, 49), "reach its corners"),
        ((25, 25), "A dilation follows"),
        ((25, 37), "lay a cross"),
        (("25", 45), "one number is asked for, and this is of type str"),
    ],
)
def test_square_of_seven_hints(capsys, answers, hint):
    """Each usual miscount has a hint of its own."""
    assert hint in said(capsys, check.square_of_seven, *answers)


@pytest.mark.parametrize("answer", [planes(0, 1, 0), planes(0, 1, 0).astype(int).tolist()])
def test_flat_square_is_right(answer):
    """Nine pixels in the middle plane, of any dtype."""
    assert check.flat_square(answer)


def test_flat_square_may_be_one_plane():
    """A single plane of nine pixels does what the three planes do; empty layers change nothing."""
    one = np.ones((1, 3, 3), bool)
    assert check.flat_square(one)
    mask = da.from_array(np.random.default_rng(2).random((3, 40, 50)) < 0.6, chunks=(1, 20, 50))
    assert check.flat_square(np.pad(planes(0, 1, 0), 1))
    assert check.flat_square(np.pad(one, ((0, 0), (2, 2), (1, 1))))
    for run in (ndmorph.binary_erosion, ndmorph.binary_dilation):
        assert (run(mask, one) == run(mask, planes(0, 1, 0))).all().compute()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (np.ones((3, 3)), "2 axes"),
        (np.ones((2, 3, 3)), "(2, 3, 3)"),
        (CROSS[None], "that is the cross"),
        (np.ones((3, 3, 3)), "outer planes"),
        (planes(0, 0, 1), "outer plane"),
        (planes(1, 0, 0), "outer plane"),
        (np.pad(planes(0, 1, 0), ((2, 0), (0, 0), (0, 0))), "outer plane"),
        (np.pad(FLAT, 2), "that is the cross"),
        (planes(0, 1, 0).swapaxes(0, 2), "another axis"),
        (FLAT, "that is the cross"),
        (planes(0, 1 - np.pad([[1]], 1), 0), "the pixel itself"),
        (planes(0, [0, 1, 1], 0), "6 pixels"),
        (planes(0, 0, 0), "the pixel itself"),
        ("square", "axes"),
    ],
)
def test_flat_square_hints(capsys, answer, hint):
    """Each usual mistake about the element has a hint of its own."""
    assert hint in said(capsys, check.flat_square, answer)


def opening_closing(mask, first=FLAT, second=FLAT):
    """Open, then close."""
    return ndmorph.binary_closing(ndmorph.binary_opening(mask, first), second)


def test_clean_is_right():
    """Opening, then closing, both with the cross in the middle plane."""
    assert check.clean(opening_closing)


def with_room(mask, *steps, room=1):
    """Run steps on a mask that has been given room, and cut it off."""
    padded = da.pad(mask, ((0, 0), (room, room), (room, room)))
    for step in steps:
        padded = step(padded, FLAT)
    return padded[:, room:-room, room:-room]


def by_skimage(mask, **mode):
    """Open, then close, with scikit-image."""

    def both(chunk):
        opened = morphology.opening(chunk[0], CROSS)
        return morphology.closing(opened, CROSS, **mode)[None]

    return mask.map_blocks(both, dtype=bool)


@pytest.mark.parametrize("room", [1, 2, 5])
def test_clean_may_give_room(room):
    """Padded as the notebook teaches it, the nuclei at the rim are kept: right as well."""
    opening, closing = ndmorph.binary_opening, ndmorph.binary_closing
    assert check.clean(lambda mask: with_room(mask, opening, closing, room=room))
    assert check.clean(lambda mask: with_room(opening(mask, FLAT), closing, room=room))


def test_clean_may_reflect():
    """The same two steps by scikit-image, which reflects at the rim, are right too."""
    assert check.clean(by_skimage)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (FLAT, "the function itself"),
        (lambda mask: None, "returns nothing"),
        (lambda mask: opening_closing(mask).compute(), "computed"),
        (lambda mask: da.from_array(opening_closing(mask).compute()), "lazy from start to end"),
        (lambda mask: opening_closing(mask.persist()), "lazy from start to end"),
        (
            lambda mask: opening_closing(da.zeros((3, 9, 9), dtype=bool)),
            "variables of the notebook",
        ),
        (lambda mask: list(opening_closing(mask)), "this is a list"),
        (lambda mask: dask.delayed(ndimage.binary_closing)(mask), "this is a Delayed"),
        (lambda mask: by_skimage(mask, mode="max"), "at the rim"),
        (lambda mask: with_room(mask, ndmorph.binary_closing, ndmorph.binary_opening), "order"),
        (lambda mask: with_room(mask, ndmorph.binary_closing), "specks are still there"),
        (lambda mask: opening_closing(mask)[:2], "the shape is"),
        (lambda mask: opening_closing(mask, None, None), "outer planes"),
        (lambda mask: opening_closing(mask, None, FLAT), "outer planes"),
        (lambda mask: opening_closing(mask, FLAT, None), "outer planes"),
        (lambda mask: opening_closing(mask, planes(0, 1, 0), planes(0, 1, 0)), "a square"),
        (lambda mask: ndmorph.binary_opening(ndmorph.binary_closing(mask, FLAT), FLAT), "order"),
        (lambda mask: ndmorph.binary_opening(mask, FLAT), "cracks are still there"),
        (lambda mask: ndmorph.binary_closing(mask, FLAT), "specks are still there"),
        (lambda mask: mask, "as it was"),
        (lambda mask: ndmorph.binary_erosion(mask, FLAT), "values differ"),
        (lambda mask: ndmorph.binary_opening(mask, CROSS), "RuntimeError"),
    ],
)
def test_clean_hints(capsys, answer, hint):
    """Each usual way to clean otherwise has a hint of its own."""
    assert hint in said(capsys, check.clean, answer)
