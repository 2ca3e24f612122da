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


@pytest.fixture
def slide(tmp_path, monkeypatch):
    """Four small noisy frames, as the data set in use, and the slide made of them."""
    noise_in_use(monkeypatch, tmp_path, 4, seed=9)
    images = lazy_frames()
    return da.block([[images[0], images[1]], [images[2], images[3]]]).astype("float32")


@pytest.mark.parametrize("mode", [*check.MODES, "none"])
def test_depth_and_modes_are_right(mode):
    """A depth of 4, and the modes that the check takes for right, give the median in one piece."""
    image = np.random.default_rng(9).integers(0, 4096, (60, 80), dtype=np.uint16)

    def differs(depth):
        options = {"chunks": (30, 40), "dtype": image.dtype, "mode": mode}
        cut = apply_parallel(median, image, depth=depth, **options)
        return (cut != median(image)).any()

    def median(chunk):
        return filters.median(chunk, np.ones((9, 9)))

    assert differs(4) == (mode not in check.RIGHT)
    assert differs(3)


@tried(
    *(((depth, mode), "Right.") for depth in (4, 4.0, np.int64(4)) for mode in check.RIGHT),
    ((4, None), "the default of apply_parallel"),
    ((4, "reflect"), "mode 'reflect'"),
    ((4, "wrap"), "mode 'wrap'"),
    ((9, "nearest"), "the whole window"),
    ((5, "nearest"), "smaller one is enough"),
    ((3, "nearest"), "too small"),
    ((0, "nearest"), "too small"),
    (("4", "nearest"), "depth: one number"),
    ((4, "nearby"), "not one of the six"),
    ((4, "mirror"), "not one of the six"),
    ((4, "constant"), "not one of the six"),
    ((4, "Nearest"), "not one of the six"),
    ((4, 0), "not one of the six"),
    ((4, [1]), "not one of the six"),
)
def test_median(capsys, answer, hint):
    """Half of the window is deep enough; depth and mode each have hints of their own."""
    assert hint in said(capsys, check.median, *answer)


@tried(
    ({"a", "d", "e"}, "Right."),
    (["E", "a", "d"], "Right."),
    ("ade", "Right."),
    ("a, d, e", "Right."),
    ("abde", "b: a chunk has a largest pixel"),
    ("acde", "c: which number"),
    ("adef", "f: how far away"),
    ("de", "a: how far"),
    ("ae", "d: how far"),
    ("ad", "e: which pixels"),
    ("adeg", "there is no 'g'"),
    (3, "a set of letters"),
    (None, "a set of letters"),
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
    (lambda x: sobel(x, depth=1), "Right."),
    (lambda x: sobel(x, depth=3, mode="nearest"), "Right."),  # as reflect, for 3 x 3 pixels
    (lambda x: sobel(x, depth=1, compute=True), "not computed yet"),
    (lambda x: sobel(x.rechunk(-1), depth=1), "keep the four"),
    (lambda x: sobel(x, depth=1, dtype="uint16"), "promises uint16, and float32"),
    (lambda x: sobel(x), "depth say"),
    (lambda x: sobel(x, depth=1, mode="wrap"), "which mode does the filter"),
    (lambda x: sobel(x, extra_keywords={"mode": "wrap"}), "depth and mode"),
    (lambda x: sobel(x, depth=1) + np.float32(1), "everywhere"),
    (lambda x: sobel(x[:40], depth=1), "the shape is"),
    (lambda x: sobel(x.rechunk(20), depth=1), "keep the four"),
    (lambda x: sobel(x, depth=1).rechunk((80, 52)), "keep the four"),
    (lambda x: da.from_array(filters.sobel(x.compute()), chunks=x.chunks), "before the graph"),
    (lambda x: da.from_array(filters.sobel(x.compute())).rechunk(x.chunks), "before the graph"),
    (lambda x: sobel(x, depth=1).persist(), "before the graph"),
    (lambda x: at_once(x).rechunk(x.chunks), "one task holds the whole slide"),
    (lambda x: sobel(x.rechunk(-1), depth=1).rechunk(x.chunks), "holds the whole slide"),
)
def test_edges(capsys, slide, answer, hint):
    """One pixel is enough; wrong depth and wrong mode are told apart by where the pixels differ."""
    assert hint in said(capsys, check.edges, answer(slide))
