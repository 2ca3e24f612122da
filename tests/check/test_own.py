"""The checks of the notebook on images of your own tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
from answers import said, tried

from segkit.check import own as check


@tried(
    ("Right.", lambda files: files[..., -1].rechunk((1, -1, -1))),
    ("Right.", lambda files: files.rechunk((1, -1, -1, -1))[:, :, :, 2]),
    ("four axes", lambda files: files[..., -1:]),
    ("another axis", lambda files: files[-1]),
    ("the last channel", lambda files: files[..., 0].rechunk((1, -1, -1))),
    ("one frame each", lambda files: files[..., -1]),
)
def test_stack(capsys, answer, hint):
    """The last channel, one frame per chunk, is right; each usual mistake gets its own hint."""
    files = da.from_array(check.mixed(), chunks=-1)
    assert hint in said(capsys, check.stack, answer(files))


@tried(
    ("Right.", 0.325 / 0.645, 0.504, 0.505, np.float32(0.504)),
    ("other way round", 0.645 / 0.325),
    ("factor of areas", 0.2539),
    ("factor of areas, and", 3.939),
    ("near the inverse", 2),
    ("not the names of the objectives", 0.5),
    ("how wide is a nucleus", 28),
    ("one number", (0.504, 0.504)),
)
def test_factor(capsys, answer, hint):
    """The quotient of the pixel sizes, rounded or not; inverse, square and objectives get hints."""
    assert hint in said(capsys, check.factor, answer)


MASK = np.isin(np.arange(12), [4, 8])


@tried(
    ("Right.", [8, 4], {4, 8}, (4, 8), np.where(MASK), MASK.nonzero(), np.flatnonzero(MASK)),
    ("Right.", np.argwhere(MASK)),
    ("counted from 1", [5, 9]),
    ("numbers of nuclei", [0, 240]),
    ("one more", [8]),
    ("some are marked", []),
    ("the mask itself", MASK),
    ("whole numbers", "48", [4.5, 8]),
    ("too many", [4, 8, 10]),
    ("apply unusual", [1, 2]),
)
def test_marked(capsys, answer, hint):
    """In any order, and in whatever form NumPy gives them; each usual mistake gets its own hint."""
    assert hint in said(capsys, check.marked, answer)
