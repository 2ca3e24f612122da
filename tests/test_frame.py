"""One frame: the chain against SciPy and scikit-image, and the methods on drawn nuclei."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from made import scene
from scipy import ndimage
from skimage.measure import label as label_pieces
from skimage.measure import regionprops_table

from segkit import frame, score, simulate

DTYPES = (np.uint8, np.uint16, np.float32, np.float64)
BASIC = ("otsu", "watershed")
SHAPE = (240, 320)


def reference(image):
    """Segment with the tutorial chain by SciPy alone."""
    smoothed = ndimage.gaussian_filter(image, 1.0)
    return ndimage.label(ndimage.binary_opening(smoothed > wide_mean(smoothed)))[0]


def wide_mean(image):
    """Return the local threshold by SciPy's sum over the full kernel."""
    sigma = (np.array(image.shape) - 1) / 6
    return ndimage.gaussian_filter(image.astype(float), sigma)


def draw(nuclei, *, shape=SHAPE, background=150.0, noise=5.0):
    """Draw elliptic nuclei: (row, column, two radii, brightness) each; frame and true labels."""
    rows, columns = np.indices(shape)
    truth = np.zeros(shape, dtype=np.int32)
    image = np.broadcast_to(np.asarray(background, dtype=float), shape).copy()
    for number, (row, column, tall, wide, brightness) in enumerate(nuclei, start=1):
        radius = np.hypot((rows - row) / tall, (columns - column) / wide)
        # Near the border the brightness falls over about two pixels, half of it at radius 1.
        light = 1 / (1 + np.exp((radius - 1) * min(tall, wide) / 0.8))
        truth[(radius < 1.02) & (light * brightness > image - background)] = number
        image = np.maximum(image, background + brightness * light)
    image += np.random.default_rng(0).normal(0, noise, shape)
    return np.clip(np.rint(image), 0, 4095).astype(np.uint16), truth


def grid(brightness=500.0):
    """Sixteen separate nuclei on a grid."""
    return [
        (row, column, 13, 10, brightness)
        for row in range(35, 220, 60)
        for column in range(40, 300, 80)
    ]


def crowd(step, *, brightness=500.0, radius=14.5):
    """Draw round nuclei in rows that interlock, `step` radii apart; frame and true labels."""
    rng, step = np.random.default_rng(1), step * radius
    middles = np.ones((520, 696), bool)
    for turn, row in enumerate(np.arange(0, 520, step * 0.87)):
        columns = np.arange(turn % 2 * step / 2, 690, step)
        middles[int(row), (columns + rng.uniform(0, 6, len(columns))).astype(int)] = False
    distance, nearest = ndimage.distance_transform_edt(middles, return_indices=True)
    truth = np.where(distance < radius, label_pieces(~middles)[tuple(nearest)], 0)
    light = brightness * np.exp(0.2 * rng.standard_normal(truth.max() + 1))
    signal = np.where(truth, light[truth] * (1.2 - 0.4 * (distance / radius) ** 2), 0)
    image = ndimage.gaussian_filter(signal, 1) + rng.normal(150, 5, signal.shape)
    return np.rint(image).astype(np.uint16), truth


@given(
    shape=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=150, deadline=None)
def test_local_threshold_decides_as_scipy_does(shape, dtype, seed):
    """On noise each pixel is on the same side as with SciPy, and near it the value is exact."""
    image = np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)
    if image.min() == image.max():
        return
    threshold, expected = frame.local_threshold(image), wide_mean(image)
    np.testing.assert_array_equal(image > threshold, image > expected)
    error = np.abs(threshold - expected)
    assert error.max() < 0.05
    near = np.abs(image - expected) <= error.max()
    assert error[near].max(initial=0) < 1e-9


@given(
    kind=st.sampled_from(["noise", "ramp", "steps", "antisymmetric", "spike", "squares", "corner"]),
    shape=st.tuples(st.integers(1, 200), st.integers(1, 200)),
    dtype=st.sampled_from(DTYPES),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=80, deadline=None)
def test_tutorial_equals_scipy(kind, shape, dtype, seed):
    """Labels are SciPy's, also where pixels equal their threshold and only rounding decides."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices(shape)
    image = np.full(shape, 150)
    if kind == "noise":
        image += rng.integers(0, 900, shape)
    elif kind == "ramp":
        image += 3 * rows + int(rng.integers(5)) * columns
    elif kind == "steps":
        image += 100 * (rows // rng.integers(1, 60))
    elif kind == "antisymmetric":
        half = rng.integers(0, 100, shape)
        image += half - half[::-1, ::-1]
    elif kind == "corner":  # the opposite one is flat as far as the kernel reaches
        image[2:12, 2:12] = 1500
    else:
        size = 1 if kind == "spike" else 15
        for row, column in rng.integers(shape, size=(3, 2)):
            image[row : row + size, column : column + size] = 1500
    image = image.astype(dtype)
    labels = frame.segment(image)
    assert labels.dtype == np.int32
    if np.ptp(frame.smooth(image)) > 0:
        np.testing.assert_array_equal(labels, reference(image))


@pytest.mark.parametrize("method", frame.METHODS)
@pytest.mark.parametrize("view", [np.transpose, np.flip, lambda image: image[::2, ::2]])
def test_memory_layout_does_not_matter(view, method):
    """Views that are not contiguous, and may not be written, give what their copy gives."""
    image = view(scene(5, (160, 200)))
    image.flags.writeable = False
    labels = frame.segment(image, method=method)
    np.testing.assert_array_equal(labels, frame.segment(image.copy(), method=method))
    assert frame.measure(image, labels).equals(frame.measure(image.copy(), labels))


@given(hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=200, deadline=None)
def test_open_mask_equals_scipy(mask):
    """Opening by shifts is SciPy's opening with the cross, also for a mask of integers."""
    expected = ndimage.binary_opening(mask)
    np.testing.assert_array_equal(frame.open_mask(mask), expected)
    np.testing.assert_array_equal(frame.open_mask(mask * np.uint8(255)), expected)


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
    assert list(table) == ["label", "area", "mean_intensity", "centroid_row", "centroid_col"]
    np.testing.assert_array_equal(table["label"], expected["label"])
    np.testing.assert_array_equal(table["area"], expected["area"])
    for ours, theirs in zip(table.columns[2:], expected.columns[2:], strict=True):
        np.testing.assert_allclose(table[ours], expected[theirs], rtol=1e-9)


@pytest.mark.parametrize("method", frame.METHODS)
def test_float16_is_computed_as_float32(method):
    """SciPy refuses float16; here such a frame has the labels of the same grey levels."""
    image = scene(2).astype(np.float16)
    labels = frame.segment(image, method=method)
    assert labels.max() >= 2
    np.testing.assert_array_equal(labels, frame.segment(image.astype(np.float32), method=method))


@pytest.mark.parametrize("method", [*frame.METHODS, np.zeros_like])
@pytest.mark.parametrize(
    ("image", "says"),
    [
        ([[1, 2], [3, 4]], r"builtins\.list is not a frame"),
        (np.zeros(9), r"shape \(9,\)"),
        (np.zeros((0, 9)), r"shape \(0, 9\)"),
        (np.zeros((2, 9, 9)), r"shape \(2, 9, 9\).*one frame at a time"),
        (np.zeros((9, 9), complex), "complex128"),
        (np.zeros((9, 9), bool), "bool"),
        (np.zeros((90, 120, 3), np.uint8), "in one colour"),
        (np.full((9, 9), np.nan), "NaN"),
        (np.full((9, 9), [-np.inf] + 8 * [0.0], np.float32), "infinite"),
    ],
)
def test_what_is_not_a_frame_is_refused(method, image, says):
    """What holds no grey levels of one frame is refused with a word on what to give."""
    with pytest.raises(ValueError, match=says):
        frame.segment(image, method=method)


@pytest.mark.parametrize("stage", ["smooth", "local_threshold", "open_mask", "label", "measure"])
def test_stages_refuse_a_stack(stage):
    """SciPy would filter and label a stack along its frames, without a word."""
    stack = np.zeros((2, 9, 9), int)
    given = (stack, stack) if stage == "measure" else (stack,)
    with pytest.raises(ValueError, match="one frame at a time"):
        getattr(frame, stage)(*given)


@pytest.mark.parametrize("method", BASIC)
@pytest.mark.parametrize("shape", [(1, 3), (3, 400), (5, 7), (1000, 33)])
@pytest.mark.filterwarnings("error")
def test_small_and_narrow_frames(method, shape):
    """Frames smaller than the tiles of the background, and with odd shapes, are taken."""
    noise = np.random.default_rng(0).normal(150, 5, shape)
    labels = frame.segment(noise, method=method)
    assert (labels.shape, labels.max()) == (shape, 0)


def test_a_method_of_your_own():
    """A function gets a copy of the frame, and its labels come back as int32."""

    def darker(image):
        image -= 1
        return (image > 300).astype(np.uint8)

    image = scene(0)
    before = image.copy()
    for method in (darker, partial(darker)):
        labels = frame.segment(image, method=method)
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, before > 301)
        np.testing.assert_array_equal(image, before)


WRONG_LABELS = [
    (np.zeros((9, 9), bool), "bool"),
    (np.zeros((9, 9)), "float64"),
    (np.zeros((9, 8), int), r"shape \(9, 8\).*shape \(9, 9\)"),
    (np.full((9, 9), -1), "from -1 to -1"),
    (np.full((9, 9), 2**40), f"to {2**40}"),
    (None, "NoneType"),
]


@pytest.mark.parametrize(("labels", "says"), WRONG_LABELS)
def test_what_is_not_labels_is_refused(labels, says):
    """A function that returns no labels of the frame is named; such labels are not measured."""

    def mine(image):
        return labels

    image = np.zeros((9, 9))
    with pytest.raises(ValueError, match=f"^mine returned .*{says}"):
        frame.segment(image, method=mine)
    with pytest.raises(ValueError, match=says):
        frame.measure(image, labels)


@pytest.mark.parametrize("method", BASIC)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_separate_nuclei_are_found_in_any_dtype(method, dtype):
    """Every nucleus of a plain frame is found, whatever the dtype and the scale."""
    image, truth = draw(grid())
    image = image // 4 if dtype == "uint8" else image
    image = image / 4095 if dtype.startswith("float") else image
    labels = frame.segment(image.astype(dtype), method=method)
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(17))
    assert score.f1(truth, labels, [0.7])[0] == 1


@pytest.mark.parametrize("kind", ["noise", "constant", "slope", "steep", "vignette", "stripe"])
@pytest.mark.filterwarnings("error")
def test_a_frame_without_nuclei_gives_none(kind):
    """Noise alone, with or without uneven light, is neither a nucleus nor a crowd of them."""
    rows, columns = np.indices((520, 696))
    light = {
        "noise": 150.0,
        "constant": 151.0,
        "slope": 140 + 30 * columns / 696,
        "steep": 140 + 300 * rows / 520,
        "vignette": 165 - 20 * np.hypot((rows - 260) / 260, (columns - 348) / 348),
        "stripe": 150 + 3 * np.sin(rows / 40),
    }[kind]
    image, _ = draw([], shape=(520, 696), background=light, noise=0 if kind == "constant" else 5)
    assert frame.watershed(image).max() == 0
    if kind != "steep":  # which no single threshold can follow
        assert frame.otsu(image).max() == 0
    if kind == "constant":  # any noise has parts above its mean
        assert frame.tutorial(image).max() == 0


@pytest.mark.parametrize(("step", "covered"), [(2.45, 0.6), (2.3, 0.68), (2.2, 0.75), (2.12, 0.8)])
@pytest.mark.parametrize("brightness", [150.0, 500.0])
@pytest.mark.filterwarnings("ignore:nuclei seem to cover")
def test_a_crowded_frame_is_not_taken_for_an_empty_one(step, covered, brightness):
    """Where nuclei cover three quarters of a frame, watershed finds most of them."""
    image, truth = crowd(step, brightness=brightness)
    assert (truth > 0).mean() == pytest.approx(covered, abs=0.05)
    labels = frame.watershed(image)
    assert score.f1(truth, labels, [0.7])[0] > (0.9 if covered < 0.8 else 0.7)


@pytest.mark.parametrize("method", BASIC)
@pytest.mark.filterwarnings("error")
def test_a_crowded_frame_is_warned_of(method):
    """Where the darkest pixels are taken for the background there is a warning, else none."""
    with pytest.warns(UserWarning, match="nuclei seem to cover most of a frame"):
        assert frame.segment(crowd(2.15)[0], method=method).max() > 100
    frame.segment(draw(grid())[0], method=method)


@pytest.mark.parametrize("method", BASIC)
@pytest.mark.parametrize(
    ("level", "dtype"),
    [(1e4, "uint16"), (1e6, "float32"), (1e6, "int32"), (1e9, "uint32"), (1e9, "float64")],
)
def test_a_bright_background_hides_nothing(method, level, dtype):
    """Ten thousand times the contrast and more below the nuclei changes no label."""
    image, _ = draw(grid(90.0))
    found = frame.segment(image, method=method)
    assert found.max() == 16
    bright = (image + level).astype(dtype)
    np.testing.assert_array_equal(frame.segment(bright, method=method), found)


def test_a_hot_pixel_of_32_bits_takes_no_memory():
    """Otsu's histogram has a bin for each grey level only as long as these are few."""
    image = draw(grid())[0].astype(np.uint32)
    image[5, 5] = 2**32 - 1
    assert frame.otsu(image).max() == 0  # the pixel alone is above the level, and it is small


def test_dim_nuclei_and_uneven_light():
    """With watershed neither a background that doubles nor a fifth of the brightness loses one."""
    slope = 150 + 150 * np.indices(SHAPE)[1] / SHAPE[1]
    few = [(60, 80, 13, 10, 110.0), (150, 220, 12, 12, 130.0)]
    for image, truth in (draw(grid(300.0), background=slope), draw(few)):
        assert score.f1(truth, frame.watershed(image), [0.7])[0] == 1


def test_a_mitotic_nucleus_does_not_hide_its_neighbours():
    """Beside a saturated nucleus, ten times as bright, watershed finds the others; otsu fails."""
    nuclei = grid(300.0)
    nuclei[5] = (*nuclei[5][:2], 9, 7, 6000.0)
    nuclei += [(nuclei[5][0], nuclei[5][1] + side, 13, 10, 300.0) for side in (-20, 20)]
    image, truth = draw(nuclei)
    assert image.max() == 4095
    assert score.f1(truth, frame.watershed(image), [0.5])[0] == 1
    assert score.f1(truth, frame.otsu(image), [0.5])[0] < 0.5


def test_outlines():
    """A nucleus of watershed is one piece without holes, drawn at half of its mean."""
    image, truth = draw(grid(), noise=0)
    rows, columns, *_ = np.transpose(grid()).astype(int)
    image[rows, columns] = 150  # a dark spot in each
    labels = frame.watershed(image)
    assert label_pieces(labels, connectivity=1).max() == labels.max() == 16
    assert (labels[rows, columns] > 0).all()
    assert score.f1(truth, labels, [0.9])[0] == 1


def test_the_outline_of_a_bright_nucleus_is_lower():
    """It is drawn at half of the geometric mean of its own brightness and the median one."""
    nuclei = np.zeros(SHAPE)
    for row, column, *_ in grid():
        nuclei[row - 14 : row + 15, column - 14 : column + 15] = 300
    nuclei[:65, :80] *= 3
    image = ndimage.gaussian_filter(nuclei, 4)
    labels = frame.watershed(image)
    levels = [image[labels == number].min() for number in (1, 2)]
    means = [image[labels == number].mean() for number in (1, 2)]
    assert levels[1] == pytest.approx(0.49 * means[1], rel=0.1)
    assert levels[0] == pytest.approx(0.49 * np.sqrt(means[0] * means[1]), rel=0.1)


def test_watershed_is_better_than_otsu():
    """On simulated frames it scores higher, on the saturated one too; the empty one stays empty."""
    scores = []
    for index in (1, 5, 9, 21):
        image, truth = simulate.frame(39, index)
        scores.append([score.f1(truth, frame.segment(image, method=name)).mean() for name in BASIC])
    by_otsu, by_watershed = np.transpose(scores)
    assert by_otsu.mean() < by_watershed.mean() - 0.03
    assert by_watershed[-1] > 0.5
    empty, truth = simulate.frame(39, 12)
    assert truth.max() == frame.watershed(empty).max() == 0
