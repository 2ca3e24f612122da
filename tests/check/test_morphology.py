"""The checks of notebook 04 tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
import pytest
from answers import said, tried
from dask_image import ndmorph
from scipy import ndimage
from skimage import morphology

from segkit.check import morphology as check

CROSS = ndimage.generate_binary_structure(2, 1)


def planes(first, middle, last):
    """Return an element of three planes."""
    return np.array([np.broadcast_to(plane, (3, 3)) for plane in (first, middle, last)], bool)


FLAT = planes(0, CROSS, 0)


@tried(
    ((25, 45), "Right."),
    ((49, 45), "whole square"),
    ((36, 45), "on every side"),
    ((45, 45), "whole opening"),
    ((40, 45), "all four neighbours"),
    ((25, 49), "reach its corners"),
    ((25, 25), "A dilation follows"),
    ((25, 37), "lay a cross"),
)
def test_square_of_seven(capsys, answer, hint):
    """A 7 x 7 square erodes to 5 x 5 and opens to itself without its corners, as in SciPy."""
    square = np.pad(np.ones((7, 7)), 1)
    assert ndimage.binary_erosion(square, CROSS).sum() == 25
    assert ndimage.binary_opening(square, CROSS).sum() == 45
    assert hint in said(capsys, check.square_of_seven, *answer)


ONE_PLANE = np.ones((1, 3, 3), bool)


def test_one_plane_does_what_three_do():
    """A single plane of nine pixels is right since it does what the three planes do."""
    mask = da.from_array(np.random.default_rng(2).random((3, 40, 50)) < 0.6, chunks=(1, 20, 50))
    for run in (ndmorph.binary_erosion, ndmorph.binary_dilation):
        assert (run(mask, ONE_PLANE) == run(mask, planes(0, 1, 0))).all().compute()


@tried(
    (planes(0, 1, 0), "Right."),
    (planes(0, 1, 0).astype(int).tolist(), "Right."),
    (ONE_PLANE, "Right."),
    (np.pad(planes(0, 1, 0), 1), "Right."),  # empty layers change nothing
    (np.pad(ONE_PLANE, ((0, 0), (2, 2), (1, 1))), "Right."),
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
)
def test_flat_square(capsys, answer, hint):
    """Nine pixels in the middle plane, of any dtype; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.flat_square, answer)


def opening_closing(mask, first=FLAT, second=FLAT):
    """Open, then close."""
    return ndmorph.binary_closing(ndmorph.binary_opening(mask, first), second)


def padded(mask, *steps, margin=1):
    """Run steps on a mask with a margin, and cut it off."""
    mask = da.pad(mask, ((0, 0), (margin, margin), (margin, margin)))
    for step in steps:
        mask = step(mask, FLAT)
    return mask[:, margin:-margin, margin:-margin]


def by_skimage(mask, **mode):
    """Open, then close, with scikit-image."""

    def both(chunk):
        opened = morphology.opening(chunk[0], CROSS)
        return morphology.closing(opened, CROSS, **mode)[None]

    return mask.map_blocks(both, dtype=bool)


@pytest.mark.parametrize("margin", [1, 2, 5])
def test_clean_may_pad(margin):
    """Padded as the notebook teaches it, the nuclei at the rim are kept: right as well."""
    opening, closing = ndmorph.binary_opening, ndmorph.binary_closing
    assert check.clean(lambda mask: padded(mask, opening, closing, margin=margin))
    assert check.clean(lambda mask: padded(opening(mask, FLAT), closing, margin=margin))


@tried(
    (opening_closing, "Right."),
    (by_skimage, "Right."),  # which reflects at the rim
    (lambda mask: opening_closing(mask).compute(), "not computed yet"),
    (lambda mask: da.from_array(opening_closing(mask).compute()), "lazy from start to end"),
    (lambda mask: opening_closing(mask.persist()), "lazy from start to end"),
    (
        lambda mask: opening_closing(da.zeros((3, 9, 9), dtype=bool)),
        "variables of the notebook",
    ),
    (lambda mask: by_skimage(mask, mode="max"), "at the rim"),
    (lambda mask: padded(mask, ndmorph.binary_closing, ndmorph.binary_opening), "order"),
    (lambda mask: padded(mask, ndmorph.binary_closing), "specks are still there"),
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
)
def test_clean(capsys, answer, hint):
    """Opening, then closing, with the cross; each usual other way has a hint of its own."""
    assert hint in said(capsys, check.clean, answer)
