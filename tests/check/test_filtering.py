"""The checks of notebook 02 tell right answers from the usual wrong ones."""

import dask.array as da
import pytest
from answers import noise_in_use, said, tried
from dask_image import ndfilters
from scipy import ndimage

from segkit.check import filtering as check


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """Three small noisy frames, as the data set in use."""
    noise = noise_in_use(monkeypatch, tmp_path, 3, seed=2)
    return da.from_array(noise, chunks=(1, 40, 52))


@tried(
    ("Right.", (0, 5, 12), [0, 5, 12], {2: 12, 0: 0, 1: 5}),
    ("3 axes", (5, 12)),
    ("frames beside", (5, 5, 12)),
    ("sigma itself", (0, 2, 3)),
    ("round up, not down", (0, 4, 12)),
    ("one side", (0, 10, 24), (0, 11, 25)),
    ("4 sigma", (0, 4, 9)),
    ("round up", (0, 4.8, 12)),
    ("deeper than needed", (0, 6, 13)),
    ("one number is asked for, and this is of type str", ("0", "5", "12")),
    ("three numbers", "(0, 5, 12)"),
)
def test_depth(capsys, answer, hint):
    """Four sigma, rounded up, as a tuple, a list or a dictionary; each usual mistake is named."""
    assert hint in said(capsys, check.depth, answer)


def blur(stack, sigma=(0, 2, 2), dtype="float32", **options):
    """Convert, then blur."""
    return ndfilters.gaussian_filter(stack.astype(dtype), sigma, **options)


@tried(
    ("Right.", blur),
    ("Convert to float first", lambda x: blur(x, dtype="u2")),
    ("before the conversion", lambda x: blur(x, dtype="u2").astype("f4")),
    ("half of that memory", lambda x: blur(x, dtype="f8")),
    ("this is of type ndarray", lambda x: blur(x).compute()),
    ("[0, 1, 1]", lambda x: blur(x, [0, 1, 1])),
    ("[0, 2, 0]", lambda x: blur(x, [0, 2, 0])),
    ("frame axis", lambda x: x.astype("f4").rechunk(-1).map_blocks(ndimage.gaussian_filter, 2)),
    ("float16 keeps 3 digits", lambda x: blur(x).astype("f2")),
    ("leave truncate", lambda x: blur(x, truncate=3)),
    ("leave mode", lambda x: blur(x, mode="nearest")),
    ("not blurred", lambda x: x.astype("f4")),
)
def test_float_blur(capsys, stack, answer, hint):
    """Conversion first, sigma 0 along the frames; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.float_blur, answer(stack))


def median(stack, size=5, **overlap):
    """Median of the first frame in four chunks."""
    pieces = stack[0].rechunk((20, 26))
    return da.map_overlap(ndimage.median_filter, pieces, size=size, dtype=pieces.dtype, **overlap)


@tried(
    ("Right.", lambda x: median(x, depth=2, boundary="none")),
    ("Right.", lambda x: median(x, depth=2, boundary="reflect")),
    ("what does trim say", lambda x: median(x, depth=2, boundary="reflect", trim=False)),
    ("depth say", lambda x: median(x, depth=0, boundary="none")),
    ("depth say", lambda x: median(x, depth=1, boundary="none")),
    ("which boundary", lambda x: median(x, depth=2, boundary="periodic")),
    ("which boundary", lambda x: median(x, depth=2, boundary=0)),
    ("depth and boundary", lambda x: median(x, depth=1, boundary=0)),
    ("everywhere", lambda x: median(x, size=3, depth=2, boundary="none")),
    ("keep the four", lambda x: median(x, depth=2, boundary="none").rechunk(-1)),
    ("this is of type ndarray", lambda x: median(x, depth=2, boundary="none").compute()),
)
def test_seamless_median(capsys, stack, answer, hint):
    """Wrong depth and wrong boundary are told apart by where the pixels differ."""
    assert hint in said(capsys, check.seamless_median, answer(stack))


def test_float_blur_sees_frames_mixed_with_later_ones(capsys, tmp_path, monkeypatch):
    """A blur along the frames of a longer stack, cut to three of them, is named."""
    noise = noise_in_use(monkeypatch, tmp_path, 20, seed=5)
    noise = da.from_array(noise, chunks=(10, 40, 52))
    assert "frame axis" in said(capsys, check.float_blur, blur(noise, 2)[:3])
    assert "frame axis" in said(capsys, check.float_blur, blur(noise[:10], 2)[:3])
