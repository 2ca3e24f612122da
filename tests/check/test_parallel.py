"""The checks of notebook 09 tell right answers from the usual wrong ones."""

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from answers import noise_in_use, said
from dask.array.image import imread
from skimage import filters
from skimage.util import apply_parallel

from segkit.check import parallel as check


@pytest.fixture
def slide(tmp_path, monkeypatch):
    """Four small noisy frames, as the data set in use, and the slide made of them."""
    noise_in_use(monkeypatch, tmp_path, 4, seed=9)
    images = imread(str(tmp_path / "BBBC039" / "images" / "*.tif"), imread=tifffile.imread)
    return da.block([[images[0], images[1]], [images[2], images[3]]]).astype("float32")


def test_the_dots_are_no_answer(capsys):
    """A stub that was left as it is gets told so."""
    assert "Not answered yet" in said(capsys, check.median, 4, ...)
    assert "Not answered yet" in said(capsys, check.may_be_cut, ...)
    assert "Not answered yet" in said(capsys, check.edges, ...)


@pytest.mark.parametrize("mode", ["nearest", "edge", "none"])
@pytest.mark.parametrize("depth", [4, 4.0, np.int64(4)])
def test_median_is_right(depth, mode):
    """Half of the window, and either name of the mode, or Dask's word for the filter's own."""
    assert check.median(depth, mode)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((4, None), "the default of apply_parallel"),
        ((4, "reflect"), "mode 'reflect'"),
        ((4, "wrap"), "mode 'wrap'"),
        ((9, "nearest"), "the whole window"),
        ((5, "nearest"), "a smaller one"),
        ((3, "nearest"), "too small"),
        ((0, "nearest"), "too small"),
        ((4.5, "nearest"), "a whole number"),
        ((-1, "nearest"), "a whole number"),
        (("4", "nearest"), "a whole number"),
        (([4], "nearest"), "a whole number"),
        ((4, "nearby"), "none of the six names"),
        ((4, "mirror"), "none of the six names"),
        ((4, "constant"), "none of the six names"),
        ((4, "Nearest"), "none of the six names"),
        ((4, 0), "none of the six names"),
        ((4, [1]), "none of the six names"),
    ],
)
def test_median_hints(capsys, answer, hint):
    """Depth and mode each have hints of their own."""
    assert hint in said(capsys, check.median, *answer)


@pytest.mark.parametrize("answer", [{"a", "d", "e"}, ["E", "a", "d"], "ade", "a, d, e"])
def test_may_be_cut_is_right(answer):
    """A set is asked for; a list or a text of the same letters is no mistake."""
    assert check.may_be_cut(answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ("abde", "b: a chunk has a largest pixel"),
        ("acde", "c: which number"),
        ("adef", "f: how far away"),
        ("de", "a: how far"),
        ("ae", "d: how far"),
        ("ad", "e: which pixels"),
        ("adeg", "there is no 'g'"),
        (3, "a set of letters"),
        (None, "a set of letters"),
    ],
)
def test_may_be_cut_hints(capsys, answer, hint):
    """Each function that was judged wrongly has a hint of its own."""
    assert hint in said(capsys, check.may_be_cut, answer)


def sobel(slide, **options):
    """Return Sobel of the slide, chunk by chunk."""
    return apply_parallel(filters.sobel, slide, **{"dtype": "float32", **options})


def at_once(slide):
    """Return Sobel of the slide, by one task."""
    return da.from_delayed(dask.delayed(filters.sobel)(slide), slide.shape, slide.dtype)


@pytest.mark.parametrize("options", [{"depth": 1}, {"depth": 3, "mode": "nearest"}])
def test_edges_is_right(slide, options):
    """One pixel is enough; a 3 x 3 window sees no difference between reflect and nearest."""
    assert check.edges(sobel(slide, **options))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: sobel(x, depth=1, compute=True), "not computed yet"),
        (lambda x: sobel(x.rechunk(-1), depth=1), "one chunk"),
        (lambda x: sobel(x, depth=1, dtype="uint16"), "promises uint16, and float32"),
        (lambda x: sobel(x), "depth say"),
        (lambda x: sobel(x, depth=1, mode="wrap"), "which mode has sobel"),
        (lambda x: sobel(x, extra_keywords={"mode": "wrap"}), "depth and mode"),
        (lambda x: sobel(x, depth=1) + np.float32(1), "everywhere"),
        (lambda x: sobel(x[:40], depth=1), "the shape is"),
        (lambda x: sobel(x.rechunk(20), depth=1), "keep those of slide"),
        (lambda x: sobel(x, depth=1).rechunk((80, 52)), "keep those of slide"),
        (lambda x: da.from_array(filters.sobel(x.compute()), chunks=x.chunks), "before the array"),
        (lambda x: da.from_array(filters.sobel(x.compute())).rechunk(x.chunks), "before the array"),
        (lambda x: sobel(x, depth=1).persist(), "before the array"),
        (lambda x: at_once(x).rechunk(x.chunks), "one task holds the whole slide"),
        (lambda x: sobel(x.rechunk(-1), depth=1).rechunk(x.chunks), "holds the whole slide"),
    ],
)
def test_edges_hints(capsys, slide, answer, hint):
    """Wrong depth and wrong mode are told apart by where the pixels differ."""
    assert hint in said(capsys, check.edges, answer(slide))
