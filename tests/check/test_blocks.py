"""The checks of notebook 07 tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
import pytest
from answers import noise_in_use, said, tried

from segkit.check import blocks as check
from segkit.check import lazy_frames


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """Ten small noisy frames, as the data set in use."""
    noise_in_use(monkeypatch, tmp_path, 10, seed=7)
    return lazy_frames()


@tried(
    ("Right.", 32),
    ("opening has two steps", 22),
    ("the median's results", 30),
    ("one of the steps alone", 20, 10),
    ("what the Gaussian made", 12),
    ("half of a window", 67, 57, 52, 54, 33),
    ("that would work, but it is deeper than needed", 40),
    ("to 4 sigma", 25),
    ("only needs the pixel itself", 44),
    ("that would work", 44, 100),
    ("add them up", 7),
    ("one number is asked for", (0, 32, 32)),
)
def test_reach(capsys, answer, hint):
    """Median 2, Gaussian 10, opening twice 10; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.reach, answer)


def by_frame(stack, function, dtype="float64"):
    """Return a lazy number a frame."""
    return stack.map_blocks(function, drop_axis=(1, 2), dtype=dtype)


def percentile(chunk):
    """Return the 99th percentile of each frame."""
    return np.percentile(chunk, 99, axis=(1, 2))


def median(chunk):
    """Return the median of each frame."""
    return np.median(chunk, axis=(1, 2))


def contrasts(chunk):
    """Return the 99th percentile minus the median of each frame."""
    return percentile(chunk) - median(chunk)


def whole_numbers(chunk):
    """Return the contrasts without their fractions."""
    return contrasts(chunk).astype(int)


def by_dask(stack):
    """Return the contrasts by Dask's own functions."""
    return da.percentile(stack, 99, axis=(1, 2)) - da.median(stack, axis=(1, 2))


@tried(
    ("Right.", lambda x: by_frame(x, contrasts), by_dask),
    ("not computed yet", lambda x: by_frame(x, percentile).compute()),
    ("which axes are gone", lambda x: x.map_blocks(percentile, dtype="float64")),
    ("promises uint16, and float64", lambda x: by_frame(x, percentile, "uint16")),
    ("percentile alone", lambda x: by_frame(x, percentile)),
    ("other way round", lambda x: by_frame(x, lambda c: median(c) - percentile(c))),
    ("maximum minus", lambda x: by_frame(x, lambda c: c.max(axis=(1, 2)) - median(c))),
    ("minus the mean", lambda x: by_frame(x, lambda c: percentile(c) - c.mean(axis=(1, 2)))),
    ("all frames together", lambda x: np.percentile(x.compute(), 99) - by_frame(x, median)),
    ("int64 drops the fraction", lambda x: by_frame(x, whole_numbers, int)),
    ("files were read before the graph", lambda x: da.from_array(contrasts(x.compute()), chunks=1)),
    ("files were read before the graph", lambda x: by_frame(x, contrasts).persist()),
)
def test_contrast(capsys, stack, answer, hint):
    """Axes dropped, dtype as it comes out; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.contrast, answer(stack))


def slope(chunk):
    """Return the difference of the pixels above and below."""
    return np.roll(chunk, 1, axis=0) - np.roll(chunk, -1, axis=0)


def slopes(stack, function=slope, chunks=(20, 26), dtype="float32", **overlap):
    """Return a function of the first frame in chunks."""
    tiles = stack[0].astype("float32").rechunk(chunks)
    return da.map_overlap(function, tiles, dtype=dtype, **overlap)


@tried(
    ("Right.", {"depth": 1, "boundary": "periodic"}, {"depth": (1, 0), "boundary": "periodic"}),
    ("Right.", {"depth": 5, "boundary": "periodic"}),
    ("which boundary", {"depth": 1, "boundary": "none"}, {"depth": 1, "boundary": "reflect"}),
    ("keep the four", {"depth": 1, "boundary": "periodic", "chunks": -1}),
    ("promises float64, and float32", {"depth": 1, "boundary": "periodic", "dtype": "float64"}),
    ("everywhere", {"depth": 1, "boundary": "periodic", "function": lambda c: -slope(c)}),
)
def test_slopes(capsys, stack, answer, hint):
    """Wrong depth and wrong boundary are told apart by where the pixels differ."""
    assert hint in said(capsys, check.slopes, slopes(stack, **answer))
