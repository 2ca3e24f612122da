import doctest

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made import scene
from scipy import ndimage
from skimage.measure import regionprops_table

from segkit import frame
from segkit.methods import cosine, measuring

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)


def reference(image):
    """Segment with the tutorial chain by scipy alone."""
    smoothed = ndimage.gaussian_filter(image, 1.0)
    sigma = (np.array(image.shape) - 1) / 6
    threshold = ndimage.gaussian_filter(smoothed.astype(float), sigma)
    return ndimage.label(ndimage.binary_opening(smoothed > threshold))[0]


@pytest.mark.parametrize("module", [cosine, frame, measuring])
def test_doctests(module):
    """The examples in the docstrings are right."""
    outcome = doctest.testmod(module)
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(520, 696), (90, 120), (64, 300), (301, 77), (50, 60)])
def test_tutorial_equals_scipy(shape, dtype):
    """Labels are those of the plain scipy chain, whatever size and dtype."""
    image = (scene(3, shape) // (4 if dtype is np.uint8 else 1)).astype(dtype)
    labels = frame.segment(image)
    assert labels.dtype == np.int32
    assert labels.max() >= 2
    np.testing.assert_array_equal(labels, reference(image))


@given(
    shape=st.tuples(st.integers(1, 140), st.integers(1, 140)),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**16),
    sigma=st.floats(0.3, 60),
)
@settings(max_examples=150, deadline=None)
def test_local_threshold_decides_as_scipy_does(shape, dtype, seed, sigma):
    """On noise of any shape, dtype and sigma each pixel falls on the same side as with scipy."""
    image = np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)
    expected = ndimage.gaussian_filter(image.astype(float), sigma)
    if image.min() < image.max():
        np.testing.assert_array_equal(
            image > frame.local_threshold(image, sigma=sigma), image > expected
        )


@given(
    kind=st.sampled_from(["ramp", "steps", "antisymmetric", "spike", "squares on flat ground"]),
    shape=st.tuples(st.integers(2, 200), st.integers(2, 200)),
    dtype=st.sampled_from([np.uint16, np.float32, np.float64]),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60, deadline=None)
def test_ties_are_decided_as_scipy_does(kind, shape, dtype, seed):
    """Where pixels equal their threshold and only rounding decides, the labels are scipy's."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    image = np.full(shape, 150)
    if kind == "ramp":
        image += 3 * rows + int(rng.integers(5)) * columns
    elif kind == "steps":
        image += 100 * (rows // rng.integers(1, 60))
    elif kind == "antisymmetric":
        half = rng.integers(0, 100, shape)
        image += half - half[::-1, ::-1]
    else:
        size = 1 if kind == "spike" else 15
        for row, column in rng.integers(shape, size=(3, 2)):
            image[row : row + size, column : column + size] = 1500
    image = image.astype(dtype)
    if np.ptp(frame.smooth(image)) > 0:
        np.testing.assert_array_equal(frame.segment(image), reference(image))


@pytest.mark.parametrize("view", ["transposed", "every other", "reversed", "read-only"])
def test_memory_layout_does_not_matter(view):
    """Views that are not contiguous, or may not be written, give what their copy gives."""
    image = scene(5, (160, 200))
    image = {
        "transposed": image.T,
        "every other": image[::2, ::2],
        "reversed": image[::-1, ::-1],
        "read-only": image,
    }[view]
    image.flags.writeable = False
    before = image.copy()
    np.testing.assert_array_equal(frame.segment(image), frame.segment(image.copy()))
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (1, 1), (2, 2)])
def test_thin_frames(shape):
    """A frame too thin for the cross holds no nucleus, as with scipy."""
    image = np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)
    np.testing.assert_array_equal(frame.segment(image), reference(image))


@pytest.mark.parametrize("value", [0, 150, 4095])
def test_constant_frame_has_no_nucleus(value):
    """Nothing is above the mean of a frame of one value."""
    assert frame.segment(np.full((520, 696), value, np.uint16)).max() == 0


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=200, deadline=None)
def test_open_mask_equals_scipy(mask):
    """Opening by shifts is scipy's opening with the cross."""
    np.testing.assert_array_equal(frame.open_mask(mask), ndimage.binary_opening(mask))


def test_smooth_keeps_the_dtype_and_truncates():
    """A uint16 frame is cut to whole grey levels after each axis, as scipy does."""
    image = scene(1)
    smoothed = frame.smooth(image, sigma=2)
    assert smoothed.dtype == np.uint16
    np.testing.assert_array_equal(smoothed, ndimage.gaussian_filter(image, 2))


@given(
    shape=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    most=st.integers(0, 4),
    seed=st.integers(0, 99),
    dtype=st.sampled_from(DTYPES),
)
@settings(max_examples=200, deadline=None)
def test_measure_equals_scikit_image(shape, most, seed, dtype):
    """Area, mean and centroid are those of regionprops_table, for any labels and their gaps."""
    rng = np.random.default_rng(seed)
    image = (rng.random(shape) * 200 + 1).astype(dtype)
    labels = rng.integers(0, most + 1, shape).astype(np.int32) * 3
    table = frame.measure(image, labels)
    properties = ("label", "area", "mean_intensity", "centroid")
    expected = pd.DataFrame(regionprops_table(labels, image.astype(float), properties=properties))
    np.testing.assert_array_equal(table["label"], expected["label"])
    np.testing.assert_array_equal(table["area"], expected["area"])
    for ours, theirs in [
        ("mean_intensity", "mean_intensity"),
        ("centroid_row", "centroid-0"),
        ("centroid_col", "centroid-1"),
    ]:
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-9)


def test_measure_of_nothing_is_an_empty_table():
    """A frame without nuclei gives a table with the columns and no rows."""
    table = frame.measure(np.zeros((5, 5)), np.zeros((5, 5), np.int32))
    assert list(table) == ["label", "area", "mean_intensity", "centroid_row", "centroid_col"]
    assert len(table) == 0


@pytest.mark.parametrize("method", frame.METHODS)
def test_float16_is_computed_as_float32(method):
    """SciPy refuses float16; here such a frame has the labels of the same grey levels."""
    image = scene(2).astype(np.float16)
    labels = frame.segment(image, method=method)
    assert labels.max() >= 2
    np.testing.assert_array_equal(labels, frame.segment(image.astype(np.float32), method=method))


@pytest.mark.parametrize("method", frame.METHODS)
@pytest.mark.parametrize(
    ("image", "says"),
    [
        (np.zeros(9), r"shape \(9,\)"),
        (np.zeros((0, 9)), r"shape \(0, 9\)"),
        (np.zeros((9, 9), complex), "complex128"),
        (np.zeros((9, 9), bool), "bool"),
        (np.zeros((90, 120, 3), np.uint8), "3 colours"),
    ],
)
def test_what_holds_no_frames_is_refused(method, image, says):
    """Lines, nothing, other numbers than grey levels and colours are refused by name."""
    with pytest.raises(ValueError, match=says):
        frame.segment(image, method=method)


def test_unknown_method_is_named():
    """The error names the method and those that exist."""
    with pytest.raises(ValueError, match=r"'otsus'.*tutorial"):
        frame.segment(scene(0), method="otsus")
