"""The stages for batches, on NumPy arrays and on the stand-in's, against those for one frame."""

import platform

import numpy as np
import pytest
import standin
from hypothesis import given, settings
from hypothesis import strategies as st
from made import scene

from segkit import device, frame
from segkit.methods import cosine, gpu, measuring

STAGES = ("smooth", "local_threshold", "open_mask", "label", "tutorial")
DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
# Elsewhere compilers join product and sum, and SciPy rounds once where these functions round twice.
ROUNDS_EACH_STEP = platform.machine().lower() in ("x86_64", "amd64")


@pytest.fixture
def cupy(monkeypatch):
    """Put the stand-in in CuPy's place."""
    gpu._matrix.cache_clear()
    yield standin.install(monkeypatch)
    gpu._matrix.cache_clear()


def frames(count=4, shape=(90, 120), dtype=np.uint16):
    """Return scenes, one of them empty, one with a saturated and a dark corner."""
    images = np.stack(
        [scene(seed, shape) // (4 if dtype is np.uint8 else 1) for seed in range(count)]
    )
    images[1] = 7
    images[-1][:30, :30], images[-1][30:60, :30] = 255, 0
    return images.astype(dtype)


def each(stage, images):
    """Run the stage of `segkit.frame` frame by frame."""
    return np.stack([getattr(frame, stage)(image) for image in images])


def inputs(stage, images):
    """Return what the stage gets in the chain."""
    mask = images > images.mean()
    return mask if stage in ("open_mask", "label") else images


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("stage", STAGES)
def test_stage_of_a_batch_is_that_of_each_frame(stage, dtype):
    """A batch gives what its frames give one by one, of the same dtype."""
    given = inputs(stage, frames(dtype=dtype))
    result, expected = getattr(gpu, stage)(given), each(stage, given)
    assert result.dtype == expected.dtype
    if stage == "local_threshold":
        # On the CPU, thresholds far from their pixel's grey level are exact only to a bound.
        near = abs(given - expected) < 1e-3
        np.testing.assert_allclose(result, expected, atol=0.5)
        np.testing.assert_allclose(result[near], expected[near], rtol=0, atol=1e-9)
        np.testing.assert_array_equal(given > result, given > expected)
    elif stage == "smooth" and not ROUNDS_EACH_STEP:
        np.testing.assert_allclose(result, expected, atol=1)
    else:
        np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (1, 1), (2, 2), (3, 8)])
def test_thin_frames(stage, shape):
    """Frames narrower than the kernels are done as on the CPU."""
    images = np.arange(3 * np.prod(shape), dtype=np.uint16).reshape(3, *shape)
    given = inputs(stage, images)
    np.testing.assert_allclose(getattr(gpu, stage)(given), each(stage, given), atol=1e-9)


@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 60), st.integers(1, 60)),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**16),
    sigma=st.floats(0.1, 20),
)
@settings(max_examples=60, deadline=None)
def test_blur_rounds_as_scipy(shape, dtype, seed, sigma):
    """Noise of few grey levels, whose sums often meet a whole one, is blurred bit by bit alike."""
    images = np.random.default_rng(seed).integers(0, 3, shape).astype(dtype)
    result = gpu.smooth(images, sigma=sigma)
    expected = np.stack([frame.smooth(image, sigma=sigma) for image in images])
    if ROUNDS_EACH_STEP:
        np.testing.assert_array_equal(result, expected)
    else:
        np.testing.assert_allclose(result, expected, atol=1)


def test_no_blur_is_no_change():
    """With sigma 0 the frames stay as they are, as with SciPy."""
    images = frames()
    np.testing.assert_array_equal(gpu.smooth(images, sigma=0), images)
    np.testing.assert_array_equal(frame.smooth(images[0], sigma=0), images[0])


@given(
    masks=st.integers(1, 5).flatmap(
        lambda n: st.lists(st.integers(0, 2**20 - 1), min_size=n, max_size=n)
    )
)
@settings(max_examples=100, deadline=None)
def test_numbers_start_again_in_each_frame(masks):
    """Whatever the masks, empty ones among them, each frame is numbered as it is alone."""
    bits = np.array([[mask >> place & 1 for place in range(20)] for mask in masks], bool)
    mask = bits.reshape(-1, 4, 5)
    np.testing.assert_array_equal(gpu.label(mask), each("label", mask))


def test_too_many_pixels_are_refused_before_they_overflow(cupy):
    """CuPy counts pixels in 32 bits: a larger batch is refused, with what to do."""
    mask = cupy.broadcast_to(cupy.zeros((1, 1, 1), bool), (2**11, 2**10, 2**10))
    with pytest.raises(ValueError, match="2048 frames are too many"):
        gpu.label(mask)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("gaps", [False, True])
def test_table_of_a_batch_is_that_of_its_frames(dtype, gaps):
    """Every column agrees, with empty frames and with gaps in the numbers."""
    images = frames(dtype=dtype)
    labels = gpu.label(images > images.mean()) * (5 if gaps else 1)
    table, expected = gpu.columns(images, labels), measuring.columns(images, labels)
    assert list(table) == list(expected) == ["frame", *measuring.columns(images[0], labels[0])]
    for name in table:
        assert table[name].dtype == expected[name].dtype
        np.testing.assert_allclose(table[name], expected[name], rtol=1e-12)
    assert set(table["frame"]) == {0, 2, 3}
    single = gpu.columns(images[0], labels[0])
    for name in single:
        np.testing.assert_allclose(single[name], table[name][table["frame"] == 0], rtol=1e-12)


def test_table_of_empty_frames_has_all_columns(cupy):
    """No nucleus at all: every column, no row, the right dtypes."""
    nothing = cupy.zeros((2, 5, 6), np.int32)
    table = gpu.columns(cupy.ones((2, 5, 6)), nothing)
    expected = measuring.columns(np.ones((2, 5, 6)), np.zeros((2, 5, 6), np.int32))
    assert {name: (len(c), c.dtype) for name, c in table.items()} == {
        name: (0, c.dtype) for name, c in expected.items()
    }


@pytest.mark.parametrize("whole", [True, False])
def test_stages_stay_on_the_device(cupy, whole):
    """After the constants have gone there once, nothing crosses, forth or back."""
    images = frames() if whole else frames()[0]
    there = cupy.asarray(images)
    gpu.tutorial(there)
    assert cupy.transfers["to device"] <= 1 + 2  # the images, a matrix for each axis
    cupy.transfers.clear()
    smoothed = gpu.smooth(there)
    mask = smoothed > gpu.local_threshold(smoothed)
    labels = gpu.label(gpu.open_mask(mask))
    table = gpu.columns(there, labels)
    assert not cupy.transfers
    for result in (smoothed, mask, labels, *table.values()):
        assert type(result) is cupy.ndarray
    np.testing.assert_array_equal(labels.get(), frame.segment(images))


def test_mixed_arrays_are_refused(cupy):
    """Frames on the device and labels that are not: an error that names both kinds."""
    images = frames()
    labels = frame.segment(images)
    with pytest.raises(ValueError, match="move them first"):
        gpu.columns(cupy.asarray(images), labels)
    assert device.module(images, labels) is np


def test_matrix_is_the_filter():
    """The matrix of an axis is what the low-rank filter approximates, within its bound."""
    image = frames()[0].astype(float)
    sigma = tuple((n - 1) / 6 for n in image.shape)
    rows, columns = (cosine.exact(n, s) for n, s in zip(image.shape, sigma, strict=True))
    filtered, bound = cosine.gaussian(image, sigma)
    assert abs(rows @ image @ columns - filtered).max() <= bound < 1
