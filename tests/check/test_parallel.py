"""The checks of notebook 09 tell right answers from the usual wrong ones."""

import dask
import dask.array as da
import numpy as np
import pytest
from answers import noise_in_use, said, tried
from skimage import filters
from skimage.util import apply_parallel

from segkit.check import lazy_frames
from segkit.check import parallel as check


@pytest.mark.parametrize("mode", [*check.MODES, "none"])
def test_depth_and_modes_are_right(mode):
    """A depth of 4, and the modes that the check takes for right, give the median in one piece."""
    image = np.random.default_rng(9).integers(0, 4096, (60, 80), dtype=np.uint16)

    def median(chunk):
        return filters.median(chunk, np.ones((9, 9)))

    for depth in (3, 4):
        options = {"chunks": (30, 40), "depth": depth, "mode": mode, "dtype": image.dtype}
        same = np.array_equal(apply_parallel(median, image, **options), median(image))
        assert same == (depth == 4 and mode in check.RIGHT)


@tried(
    ("Right.", (4, "nearest"), (4.0, "edge"), (np.int64(4), "none")),
    ("the default of apply_parallel", (4, None)),
    ("mode 'reflect'", (4, "reflect")),
    ("mode 'wrap'", (4, "wrap")),
    ("the whole window", (9, "nearest")),
    ("smaller one is enough", (5, "nearest")),
    ("too small", (3, "nearest"), (0, "nearest")),
    ("depth: one number", ("4", "nearest")),
    ("not one of the six", (4, "nearby"), (4, "mirror"), (4, "constant"), (4, "Nearest"), (4, 0)),
    ("not one of the six", (4, [1])),
)
def test_median(capsys, answer, hint):
    """Half of the window is deep enough; depth and mode each have hints of their own."""
    assert hint in said(capsys, check.median, *answer)


@tried(
    ("Right.", {"a", "d", "e"}, ["E", "a", "d"], "ade", "a, d, e"),
    ("b: a chunk has a largest pixel", "abde"),
    ("c: which number", "acde"),
    ("f: how far away", "adef"),
    ("a: how far", "de"),
    ("d: how far", "ae"),
    ("e: which pixels", "ad"),
    ("there is no 'g'", "adeg"),
    ("a set of letters", 3, None),
)
def test_may_be_cut(capsys, answer, hint):
    """A list or a text will do for a set; each function judged wrongly has a hint of its own."""
    assert hint in said(capsys, check.may_be_cut, answer)


def sobel(slide, **options):
    """Return Sobel of the slide, chunk by chunk."""
    return apply_parallel(filters.sobel, slide, **{"dtype": "float32", **options})


def at_once(slide):
    """Return Sobel of the slide, by one task."""
    return da.from_delayed(dask.delayed(filters.sobel)(slide), slide.shape, slide.dtype)


@tried(
    ("Right.", lambda x: sobel(x, depth=1), lambda x: sobel(x, depth=3, mode="nearest")),
    ("not computed yet", lambda x: sobel(x, depth=1, compute=True)),
    ("keep the four", lambda x: sobel(x.rechunk(-1), depth=1)),
    ("promises uint16, and float32", lambda x: sobel(x, depth=1, dtype="uint16")),
    ("depth say", lambda x: sobel(x)),
    ("which mode does the filter", lambda x: sobel(x, depth=1, mode="wrap")),
    ("everywhere", lambda x: sobel(x, depth=1) + np.float32(1)),
    ("before the graph", lambda x: da.from_array(filters.sobel(x.compute()), chunks=x.chunks)),
    ("before the graph", lambda x: sobel(x, depth=1).persist()),
    ("one task holds the whole slide", lambda x: at_once(x).rechunk(x.chunks)),
    ("holds the whole slide", lambda x: sobel(x.rechunk(-1), depth=1).rechunk(x.chunks)),
)
def test_edges(capsys, tmp_path, monkeypatch, answer, hint):
    """One pixel is enough; wrong depth and wrong mode are told apart by where the pixels differ."""
    noise_in_use(monkeypatch, tmp_path, 4, seed=9)
    images = lazy_frames()
    slide = da.block([[images[0], images[1]], [images[2], images[3]]]).astype("float32")
    assert hint in said(capsys, check.edges, answer(slide))
