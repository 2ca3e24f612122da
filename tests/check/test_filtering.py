"""The checks of notebook 02 tell right answers from the usual wrong ones."""

import dask.array as da
import pytest
from answers import noise_in_use, said
from dask_image import ndfilters
from scipy import ndimage

from segkit.check import filtering as check


@pytest.fixture
def stack(tmp_path, monkeypatch):
    """Three small noisy frames, as the data set in use."""
    noise = noise_in_use(monkeypatch, tmp_path, 3, seed=2)
    return da.from_array(noise, chunks=(1, 40, 52))


def test_the_dots_are_no_answer(capsys):
    """A stub that was left as it is gets told so."""
    for check_it in (check.depth, check.float_blur, check.seamless_median):
        assert "Not answered yet" in said(capsys, check_it, ...)


@pytest.mark.parametrize("answer", [(0, 5, 12), [0, 5, 12], {2: 12, 0: 0, 1: 5}])
def test_depth_is_four_sigma_rounded_up(answer):
    """Depth may be given as a tuple, a list or a dictionary."""
    assert check.depth(answer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        ((5, 12), "3 axes"),
        ((5, 5, 12), "frames beside"),
        ((0, 2, 3), "sigma itself"),
        ((0, 4, 12), "round the other way"),
        ((0, 10, 24), "one side"),
        ((0, 11, 25), "one side"),
        ((0, 4, 9), "4 sigma"),
        ((0, 4.8, 12), "round up"),
        ((0, 6, 13), "deeper than needed"),
        (("0", "5", "12"), "one number is asked for, and this is of type str"),
        (12, "three numbers"),
        (None, "three numbers"),
        ("(0, 5, 12)", "three numbers"),
    ],
)
def test_depth_hints(capsys, answer, hint):
    """Each usual mistake about depth has a hint of its own."""
    assert hint in said(capsys, check.depth, answer)


def blur(stack, **options):
    """Blur each frame as the exercise asks, with options that it does not mention."""
    return ndfilters.gaussian_filter(stack.astype("f4"), [0, 2, 2], **options)


def test_float_blur_is_right(stack):
    """Conversion first, sigma 0 along the frames."""
    assert check.float_blur(ndfilters.gaussian_filter(stack.astype("float32"), [0, 2, 2]))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda x: ndfilters.gaussian_filter(x, [0, 2, 2]), "Convert to float first"),
        (lambda x: ndfilters.gaussian_filter(x, [0, 2, 2]).astype("f4"), "before the conversion"),
        (lambda x: ndfilters.gaussian_filter(x.astype("f8"), [0, 2, 2]), "half of that memory"),
        (lambda x: ndfilters.gaussian_filter(x.astype("f4"), [0, 2, 2]).compute(), "lazy"),
        (lambda x: ndfilters.gaussian_filter(x.astype("f4"), [0, 1, 1]), "[0, 1, 1]"),
        (lambda x: ndfilters.gaussian_filter(x.astype("f4"), [0, 2, 0]), "[0, 2, 0]"),
        (lambda x: x.astype("f4").rechunk(-1).map_blocks(ndimage.gaussian_filter, 2), "frame axis"),
        (lambda x: ndfilters.gaussian_filter(x.astype("f4"), [0, 2, 2]).astype("f2"), "float16"),
        (lambda x: blur(x, truncate=3), "leave truncate"),
        (lambda x: blur(x, mode="nearest"), "leave mode"),
        (lambda x: None, "this is a NoneType"),
        (lambda x: "x", "this is a str"),
        (lambda x: x.astype("f4"), "not blurred"),
        (lambda x: x[:1].astype("f4"), "the shape is"),
        (lambda x: x.astype("f4") + 7, "values differ"),
    ],
)
def test_float_blur_hints(capsys, stack, answer, hint):
    """Each usual mistake about the dtype and sigma has a hint of its own."""
    assert hint in said(capsys, check.float_blur, answer(stack))


def median(stack, **overlap):
    """Median of the first frame in four chunks."""
    pieces = stack[0].rechunk((20, 26))
    return da.map_overlap(ndimage.median_filter, pieces, size=5, dtype=pieces.dtype, **overlap)


@pytest.mark.parametrize("boundary", ["none", "reflect"])
def test_seamless_median_is_right(stack, boundary):
    """Both boundaries that agree with the filter's own mode are right."""
    assert check.seamless_median(median(stack, depth=2, boundary=boundary))


@pytest.mark.parametrize(
    ("overlap", "hint"),
    [
        ({"depth": 0, "boundary": "none"}, "depth say"),
        ({"depth": 1, "boundary": "none"}, "depth say"),
        ({"depth": 2, "boundary": "periodic"}, "boundary say"),
        ({"depth": 2, "boundary": 0}, "boundary say"),
        ({"depth": 1, "boundary": 0}, "depth and boundary"),
    ],
)
def test_seamless_median_hints(capsys, stack, overlap, hint):
    """Wrong depth and wrong boundary are told apart by where the pixels differ."""
    assert hint in said(capsys, check.seamless_median, median(stack, **overlap))


def test_seamless_median_sees_other_filters(capsys, stack):
    """Another size, one chunk and a computed array are named."""
    pieces = stack[0].rechunk((20, 26))
    assert "everywhere" in said(capsys, check.seamless_median, pieces)
    whole = median(stack, depth=0, boundary="none").rechunk(-1)
    assert "four pieces" in said(capsys, check.seamless_median, whole)
    alone = stack[0].rechunk(-1).map_blocks(ndimage.median_filter, size=5)
    assert "four pieces" in said(capsys, check.seamless_median, alone)
    untrimmed = median(stack, depth=2, boundary="reflect", trim=False)
    assert "what does trim say" in said(capsys, check.seamless_median, untrimmed)
    right = median(stack, depth=2, boundary="none")
    assert "has been computed" in said(capsys, check.seamless_median, right.compute())
    assert "this is a NoneType" in said(capsys, check.seamless_median, None)
    assert "this is a str" in said(capsys, check.seamless_median, "x")


def test_float_blur_sees_frames_mixed_with_later_ones(capsys, tmp_path, monkeypatch):
    """A blur along the frames of a longer stack, cut to three of them, is named."""
    noise = noise_in_use(monkeypatch, tmp_path, 20, seed=5)
    noise = da.from_array(noise[sorted(range(20), key=str)], chunks=(10, 40, 52))  # names as text
    mixed = ndfilters.gaussian_filter(noise.astype("f4"), 2)
    assert "frame axis" in said(capsys, check.float_blur, mixed[:3])
    ten = ndfilters.gaussian_filter(noise[:10].astype("f4"), 2)
    assert "frame axis" in said(capsys, check.float_blur, ten[:3])
