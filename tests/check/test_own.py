"""The checks of the notebook on images of your own tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
from answers import said, tried

from segkit.check import own as check


@tried(
    (lambda files: files[..., -1].rechunk((1, -1, -1)), "Right."),
    (lambda files: files.rechunk((1, -1, -1, -1))[:, :, :, 2], "Right."),
    (lambda files: files[..., -1:], "four axes"),
    (lambda files: files[-1], "another axis"),
    (lambda files: files[..., 0].rechunk((1, -1, -1)), "the last channel"),
    (lambda files: files[..., -1], "one frame each"),
)
def test_stack(capsys, answer, hint):
    """The last channel, one frame per chunk, is right; each usual mistake gets its own hint."""
    files = da.from_array(check.mixed(), chunks=-1)
    assert hint in said(capsys, check.stack, answer(files))


@tried(
    (0.325 / 0.645, "Right."),
    (0.504, "Right."),
    (0.505, "Right."),
    (np.float32(0.504), "Right."),
    (0.645 / 0.325, "other way round"),
    (0.2539, "factor of areas"),
    (3.939, "factor of areas, and"),
    (2, "near the inverse"),
    (0.5, "not the names of the objectives"),
    (28, "how wide is a nucleus"),
    ((0.504, 0.504), "one number"),
)
def test_factor(capsys, answer, hint):
    """The quotient of the pixel sizes, rounded or not; inverse, square and objectives get hints."""
    assert hint in said(capsys, check.factor, answer)


MASK = np.isin(np.arange(12), [4, 8])


@tried(
    ([8, 4], "Right."),
    ({4, 8}, "Right."),
    ((4, 8), "Right."),
    (np.where(MASK), "Right."),
    (MASK.nonzero(), "Right."),
    (np.flatnonzero(MASK), "Right."),
    (np.argwhere(MASK), "Right."),
    ([5, 9], "counted from 1"),
    ([0, 240], "numbers of nuclei"),
    ([8], "one more"),
    ([], "some are marked"),
    (MASK, "the mask itself"),
    ("48", "whole numbers"),
    ([4.5, 8], "whole numbers"),
    ([4, 8, 10], "too many"),
    ([1, 2], "apply unusual"),
)
def test_marked(capsys, answer, hint):
    """In any order, and in whatever form NumPy gives them; each usual mistake gets its own hint."""
    assert hint in said(capsys, check.marked, answer)
