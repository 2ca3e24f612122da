"""The checks of notebook 04 tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
from answers import noise_in_use, said, tried
from dask_image import ndfilters, ndmorph
from scipy import ndimage
from skimage import morphology

from segkit.check import lazy_frames
from segkit.check import morphology as check

CROSS = ndimage.generate_binary_structure(2, 1)


def planes(first, middle, last):
    """Return an element of three planes."""
    return np.array([np.broadcast_to(plane, (3, 3)) for plane in (first, middle, last)], bool)


FLAT = planes(0, CROSS, 0)


@tried(
    ("Right.", (25, 45)),
    ("whole square", (49, 45)),
    ("on every side", (36, 45)),
    ("whole opening", (45, 45)),
    ("all four neighbours", (40, 45)),
    ("reach its corners", (25, 49)),
    ("A dilation follows", (25, 25)),
    ("lay a cross", (25, 37)),
)
def test_square_of_seven(capsys, answer, hint):
    """A 7 x 7 square erodes to 5 x 5 and opens to itself without its corners."""
    assert hint in said(capsys, check.square_of_seven, *answer)


ONE_PLANE = np.ones((1, 3, 3), bool)


@tried(
    ("Right.", planes(0, 1, 0), planes(0, 1, 0).astype(int).tolist(), ONE_PLANE),
    ("Right.", np.pad(planes(0, 1, 0), 1), np.pad(ONE_PLANE, ((0, 0), (2, 2), (1, 1)))),
    ("2 axes", np.ones((3, 3))),
    ("(2, 3, 3)", np.ones((2, 3, 3))),
    ("that is the cross", CROSS[None], np.pad(FLAT, 2), FLAT),
    ("outer planes", np.ones((3, 3, 3))),
    ("outer plane", planes(0, 0, 1), planes(1, 0, 0)),
    ("outer plane", np.pad(planes(0, 1, 0), ((2, 0), (0, 0), (0, 0)))),
    ("another axis", planes(0, 1, 0).swapaxes(0, 2)),
    ("the pixel itself", planes(0, 1 - np.pad([[1]], 1), 0), planes(0, 0, 0)),
    ("6 pixels", planes(0, [0, 1, 1], 0)),
    ("axes", "square"),
)
def test_flat_square(capsys, answer, hint):
    """Nine pixels in the middle plane, of any dtype; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.flat_square, answer)


def opening_closing(mask, first=FLAT, second=FLAT):
    """Open, then close."""
    return ndmorph.binary_closing(ndmorph.binary_opening(mask, first), second)


def padded(mask, *steps):
    """Run steps on a mask with a margin, and cut it off."""
    mask = da.pad(mask, ((0, 0), (2, 2), (2, 2)))
    for step in steps:
        mask = step(mask, FLAT)
    return mask[:, 2:-2, 2:-2]


def by_skimage(mask, **mode):
    """Open, then close, with scikit-image."""

    def both(chunk):
        opened = morphology.opening(chunk[0], CROSS)
        return morphology.closing(opened, CROSS, **mode)[None]

    return mask.map_blocks(both, dtype=bool)


@tried(
    ("Right.", opening_closing, by_skimage),
    ("Right.", lambda mask: padded(mask, ndmorph.binary_opening, ndmorph.binary_closing)),
    ("Right.", lambda mask: padded(ndmorph.binary_opening(mask, FLAT), ndmorph.binary_closing)),
    ("not computed yet", lambda mask: opening_closing(mask).compute()),
    ("lazy from start to end", lambda mask: da.from_array(opening_closing(mask).compute())),
    ("lazy from start to end", lambda mask: opening_closing(mask.persist())),
    ("at the rim", lambda mask: by_skimage(mask, mode="max")),
    ("order", lambda mask: ndmorph.binary_opening(ndmorph.binary_closing(mask, FLAT), FLAT)),
    ("specks are still there", lambda mask: ndmorph.binary_closing(mask, FLAT)),
    ("outer planes", lambda mask: opening_closing(mask, None, None)),
    ("a square", lambda mask: opening_closing(mask, planes(0, 1, 0), planes(0, 1, 0))),
    ("cracks are still there", lambda mask: ndmorph.binary_opening(mask, FLAT)),
    ("as it was", lambda mask: mask),
)
def test_clean(capsys, monkeypatch, tmp_path, answer, hint):
    """Opening, then closing, with the cross; each usual other way has a hint of its own."""
    noise_in_use(monkeypatch, tmp_path, 5, seed=7)
    smoothed = ndfilters.gaussian_filter(lazy_frames(), sigma=[0, 1, 1])
    mask = smoothed > ndfilters.threshold_local(smoothed, smoothed.chunksize)
    assert hint in said(capsys, check.clean, answer(mask))
