import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import fft, ndimage

from segkit.methods import cosine


@given(size=st.integers(1, 400), sigma=st.floats(0.1, 300))
@settings(max_examples=60, deadline=None)
def test_gains_filter_each_cosine_as_scipy_does(size, sigma):
    """The gain of a cosine is the factor by which scipy's filter scales it."""
    number = min(3, size - 1)
    wave = cosine.basis(size, number + 1)[:, number]
    filtered = ndimage.gaussian_filter1d(wave, sigma, mode="reflect")
    np.testing.assert_allclose(filtered, cosine.gains(size, sigma)[number] * wave, atol=1e-12)


def test_basis_is_the_orthonormal_dct_ii():
    """The columns are those of scipy's DCT-II with norm='ortho'."""
    expected = fft.idct(np.eye(17), axis=0, norm="ortho")
    np.testing.assert_allclose(cosine.basis(17, 17), expected, atol=1e-13)


@given(
    shape=st.tuples(st.integers(1, 250), st.integers(30, 250)),
    share=st.floats(2.5, 8),
    seed=st.integers(0, 9),
)
@settings(max_examples=60, deadline=None)
def test_error_stays_within_its_bound(shape, share, seed):
    """No pixel differs from scipy's filter by more than the bound that is returned."""
    sigma = tuple((n - 1) / share if n > 1 else 1.0 for n in shape)
    if not all(cosine.rank(*axis) for axis in zip(shape, sigma, strict=True)):
        return
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 4096, shape).astype(np.uint16)
    expected = ndimage.gaussian_filter(image.astype(float), sigma)
    filtered, bound = cosine.gaussian(image, sigma)
    assert np.abs(filtered - expected).max() <= bound + 1e-9
    where = tuple(rng.integers(0, n, 20) for n in shape)
    np.testing.assert_allclose(
        cosine.gaussian_at(image, sigma, where), expected[where], rtol=0, atol=1e-9
    )


def test_bound_is_small_and_not_idle_for_a_frame_of_the_course():
    """For 520 x 696 the bound is below half a grey level, above the error, and not zero."""
    image = np.random.default_rng(1).integers(0, 4096, (520, 696)).astype(np.uint16)
    sigma = (519 / 6, 695 / 6)
    filtered, bound = cosine.gaussian(image, sigma)
    error = np.abs(filtered - ndimage.gaussian_filter(image.astype(float), sigma)).max()
    assert 0 < error <= bound < 0.5


def test_constant_frame_is_left_as_it_is():
    """A frame of one value has that value for its mean, without rounding."""
    filtered, bound = cosine.gaussian(np.full((300, 400), 4095, np.uint16), (50.0, 60.0))
    assert (filtered == 4095).all()
    assert bound == 0


@pytest.mark.parametrize(
    ("size", "sigma", "expected"), [(520, 519 / 6, 32), (520, 2.0, 0), (520, 0, 0), (1, 0, 1)]
)
def test_rank_says_where_the_shortcut_holds(size, sigma, expected):
    """Narrow kernels are left to the direct sum."""
    assert cosine.rank(size, sigma) == expected
