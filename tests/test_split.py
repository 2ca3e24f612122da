"""Tests of the methods that tell touching nuclei apart."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from segkit import score, simulate
from segkit.methods import merging, regions, split

METHODS = {"otsu": split.otsu, "watershed": split.watershed, "best": split.best}
TUNED = Path(__file__).parents[1] / "benchmarks" / "results" / "tune.json"
SHAPE = (240, 320)


def draw(nuclei, *, shape=SHAPE, background=150.0, noise=5.0, seed=0):
    """Draw elliptic nuclei: (row, column, two radii, brightness) each; frame and true labels."""
    rows, columns = np.indices(shape)
    truth = np.zeros(shape, dtype=np.int32)
    frame = np.broadcast_to(np.asarray(background, dtype=float), shape).copy()
    for number, (row, column, tall, wide, brightness) in enumerate(nuclei, start=1):
        radius = np.hypot((rows - row) / tall, (columns - column) / wide)
        # Near the border the brightness falls over about two pixels, half of it at radius 1.
        light = 1 / (1 + np.exp((radius - 1) * min(tall, wide) / 0.8))
        truth[(radius < 1.02) & (light * brightness > frame - background)] = number
        frame = np.maximum(frame, background + brightness * light)
    frame += np.random.default_rng(seed).normal(0, noise, shape)
    return np.clip(np.rint(frame), 0, 4095).astype(np.uint16), truth


def grid(brightness=500.0, *, step=60, radii=(13, 10)):
    """Twelve separate nuclei on a grid."""
    return [
        (row, column, *radii, brightness)
        for row in range(35, SHAPE[0] - 20, step)
        for column in range(40, SHAPE[1] - 20, 80)
    ]


def is_consecutive(labels):
    """Tell whether labels are int32 and number 0..n without a gap."""
    return labels.dtype == np.int32 and np.array_equal(
        np.unique(labels), np.arange(labels.max() + 1)
    )


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64"])
def test_separate_nuclei_are_found_in_any_dtype(method, dtype):
    """Every nucleus of a plain frame is found, whatever the dtype and the scale."""
    frame, truth = draw(grid())
    frame = frame // 4 if dtype == "uint8" else frame
    frame = frame / 4095 if dtype.startswith("float") else frame
    before = frame.astype(dtype)
    labels = METHODS[method](before)
    assert is_consecutive(labels)
    assert labels.shape == frame.shape
    assert score.f1(truth, labels, [0.7])[0] == 1
    assert np.array_equal(before, frame.astype(dtype))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["noise", "constant", "slope", "vignette", "stripe"])
def test_a_frame_without_nuclei_gives_none(method, kind):
    """Noise alone, with or without uneven light, is no nucleus."""
    rows, columns = np.indices((520, 696))
    light = {
        "noise": 150.0,
        "constant": 150.0,
        "slope": 140 + 30 * columns / 696,
        "vignette": 165 - 20 * np.hypot((rows - 260) / 260, (columns - 348) / 348),
        "stripe": 150 + 3 * np.sin(rows / 40),
    }[kind]
    frame, _ = draw([], shape=(520, 696), background=light, noise=0 if kind == "constant" else 5)
    labels = METHODS[method](frame)
    assert labels.max() == 0
    assert labels.dtype == np.int32


@pytest.mark.parametrize("method", ["watershed", "best"])
def test_a_steep_slope_is_no_crowd(method):
    """Light that trebles across an empty frame is neither a nucleus nor a crowd of them."""
    slope = 140 + 300 * np.indices((520, 696))[0] / 520
    frame, _ = draw([], shape=(520, 696), background=slope)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert METHODS[method](frame).max() == 0


def crowd(step, *, seed=1, shape=(520, 696), brightness=500.0, radius=14.5):
    """Draw nuclei in rows that interlock, `step` radii apart; frame and truth."""
    rng = np.random.default_rng(seed)
    step *= radius
    signal, truth = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    rows, columns = np.indices(shape, dtype=np.float32)
    number = 0
    for turn, row in enumerate(np.arange(0, shape[0], step * 0.87)):
        for column in np.arange(turn % 2 * step / 2, shape[1], step):
            middle, (tall, wide) = rng.normal((row, column), 1), radius * rng.uniform(0.9, 1.1, 2)
            near = tuple(slice(max(0, int(m - 25)), int(m + 26)) for m in middle)
            distance = ((rows[near] - middle[0]) / tall) ** 2
            distance += ((columns[near] - middle[1]) / wide) ** 2
            inside = (distance < 1) & (truth[near] == 0)
            number += inside.any()
            truth[near][inside] = number
            light = brightness * np.exp(0.2 * rng.standard_normal())
            signal[near][inside] = light * (1.2 - 0.4 * distance[inside])
    light = (
        simulate.optics(rng, signal, 155 - simulate.OFFSET) if shape == simulate.SHAPE else signal
    )
    return simulate.expose(rng, light), truth


@pytest.mark.filterwarnings("ignore:nuclei seem to cover")
@pytest.mark.parametrize("method", ["watershed", "best"])
@pytest.mark.parametrize(("step", "covered"), [(2.4, 0.6), (2.25, 0.68), (2.15, 0.75), (2.05, 0.8)])
@pytest.mark.parametrize("brightness", [150.0, 500.0])
def test_a_crowded_frame_is_not_taken_for_an_empty_one(method, step, covered, brightness):
    """Where nuclei cover three quarters of a frame, the methods that split find most of them."""
    frame, truth = crowd(step, brightness=brightness)
    assert (truth > 0).mean() == pytest.approx(covered, abs=0.05)
    labels = METHODS[method](frame)
    assert score.f1(truth, labels, [0.7])[0] > (0.9 if covered < 0.8 else 0.7)


@pytest.mark.parametrize("method", METHODS)
def test_a_crowded_frame_is_warned_of(method):
    """Taking the darkest pixels for the background is said; an ordinary frame brings no warning."""
    with pytest.warns(UserWarning, match="nuclei seem to cover most of a frame"):
        assert METHODS[method](crowd(2.15)[0]).max() > 100
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        METHODS[method](draw(grid())[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("level", "dtype"),
    [(1e4, "uint16"), (1e6, "float32"), (1e6, "int32"), (1e9, "uint32"), (1e9, "float64")],
)
def test_a_bright_background_hides_nothing(method, level, dtype):
    """Ten thousand times the contrast and more below the nuclei changes no label."""
    frame, _ = draw(grid(90.0))
    found = METHODS[method](frame)
    assert found.max() == 16
    np.testing.assert_array_equal(METHODS[method]((frame + level).astype(dtype)), found)


def test_a_hot_pixel_of_32_bits_takes_no_memory():
    """Otsu's histogram has a bin for each grey level only as long as these are few."""
    frame = draw(grid())[0].astype(np.uint32)
    frame[5, 5] = 2**32 - 1
    assert split.otsu(frame).max() == 0  # the pixel alone is above the level, and it is small


@pytest.mark.parametrize("method", ["watershed", "best"])
@pytest.mark.parametrize("index", [12, 21])
def test_simulated_extremes_do_not_collapse(method, index):
    """The simulated frame without nuclei gives none; the saturated one is scored well."""
    image, truth = simulate.frame(39, index)
    labels = METHODS[method](image)
    if truth.max() == 0:
        assert labels.max() == 0
    else:
        assert score.report(truth, labels)["averageF1"] > 0.5


@pytest.mark.parametrize("method", ["watershed", "best"])
@pytest.mark.parametrize("gap", [19, 21])
def test_touching_nuclei_are_cut_apart(method, gap):
    """Six pairs that otsu takes for one nucleus each become twelve."""
    nuclei = [
        (row, column + side, 14, 11, 500.0 + 60 * (side > 0))
        for row in (50, 120, 190)
        for column in (80, 200)
        for side in (0, gap)
    ]
    frame, truth = draw(nuclei)
    assert split.otsu(frame).max() == 6
    labels = METHODS[method](frame)
    assert labels.max() == 12
    assert score.f1(truth, labels, [0.7])[0] == 1


@pytest.mark.parametrize("method", ["watershed", "best"])
def test_uneven_background_does_not_collapse(method):
    """A background that doubles across the frame loses no nucleus."""
    slope = 150 + 150 * np.indices(SHAPE)[1] / SHAPE[1]
    frame, truth = draw(grid(300.0), background=slope)
    assert score.f1(truth, METHODS[method](frame), [0.7])[0] == 1


@pytest.mark.parametrize("method", ["watershed", "best"])
def test_a_mitotic_nucleus_does_not_hide_its_neighbours(method):
    """Beside a saturated nucleus, ten times as bright, the others are found; otsu loses them."""
    nuclei = grid(300.0)
    nuclei[5] = (*nuclei[5][:2], 9, 7, 6000.0)
    frame, truth = draw(nuclei)
    assert frame.max() == 4095
    labels = METHODS[method](frame)
    assert score.f1(truth, labels, [0.5])[0] > 0.95
    assert score.f1(truth, split.otsu(frame), [0.5])[0] < 0.5


@pytest.mark.parametrize("method", ["watershed", "best"])
def test_few_dim_nuclei_are_found(method):
    """Two nuclei of a fifth of the usual brightness are found, and nothing else is."""
    frame, truth = draw([(60, 80, 13, 10, 110.0), (150, 220, 12, 12, 130.0)])
    labels = METHODS[method](frame)
    assert labels.max() == 2
    assert score.f1(truth, labels, [0.7])[0] == 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(4, 4), (5, 7), (1000, 33)])
def test_odd_shapes_are_taken(method, shape):
    """Small, odd and narrow frames give labels of their own shape."""
    frame = np.random.default_rng(0).normal(150, 5, shape)
    assert METHODS[method](frame).shape == shape


@pytest.mark.parametrize("method", METHODS)
def test_what_is_no_frame_is_refused(method):
    """Stacks, lines and frames with NaN are refused with a word on what to do."""
    for wrong in (np.zeros((2, 8, 8)), np.zeros(9), np.zeros((2, 9))):
        with pytest.raises(ValueError, match="2 axes"):
            METHODS[method](wrong)
    with pytest.raises(ValueError, match="NaN"):
        METHODS[method](np.full((9, 9), np.nan))


def test_each_method_beats_the_one_before():
    """On simulated frames the average F1 rises from otsu to watershed and to best."""
    frames = [simulate.frame(39, index) for index in (1, 5, 9)]
    mean = {
        name: np.mean([score.f1(truth, method(image)) for image, truth in frames])
        for name, method in METHODS.items()
    }
    assert mean["otsu"] < mean["watershed"] - 0.03
    assert mean["watershed"] < mean["best"] + 0.01


def test_the_parameters_are_those_that_were_tuned(load):
    """The modules hold what benchmarks/tune.py chose on the training frames."""
    tune = load("benchmarks/tune")
    chosen = json.loads(TUNED.read_text(encoding="utf-8"))["chosen"]
    # SEAM weighs pixels in the fit of LANDSCAPE and is not used after it
    assert chosen.keys() - {"SEAM"} == tune.START.keys() - {"SEAM"} | {"OTSU", "LANDSCAPE", "JOIN"}
    for name in chosen.keys() - {"SEAM"}:
        held = getattr(tune.WHERE.get(name, split), name)
        assert (list(held) if isinstance(held, tuple) else held) == chosen[name], name


def test_background_follows_the_light_and_measures_the_noise():
    """Under a grid of nuclei the surface and the noise come back within a few grey levels."""
    slope = 150 + 40 * np.indices(SHAPE)[1] / SHAPE[1]
    frame, truth = draw(grid(), background=slope)
    surface, noise = regions.background(frame.astype(np.float32))
    assert np.abs(surface - slope)[truth == 0].mean() < 4
    assert 4 < noise < 8


def test_half_and_double():
    """Halving takes the mean of 2 x 2 blocks, at odd borders too; doubling repeats it."""
    frame = np.arange(15, dtype=np.float32).reshape(3, 5)
    small = regions.half(frame)
    assert small.tolist() == [[3, 5, 6.5], [10.5, 12.5, 14]]
    assert regions.double(small, (3, 5))[2, 4] == 14
    assert regions.double(small, (3, 5)).shape == (3, 5)


def test_the_outline_lies_at_the_level():
    """On a cone the outline is drawn where the brightness falls to the fraction of the mean."""
    rows, columns = np.indices((60, 60))
    cone = np.clip(100 - 5 * np.hypot(rows - 30, columns - 30), 0, None).astype(np.float32)
    labels = regions.outline(
        cone, np.ones((60, 60), dtype=np.int32), level=0.5, common=0, smallest=1, contrast=0
    )
    inside = cone[labels == 1]
    assert inside.min() == pytest.approx(0.5 * inside.mean(), rel=0.15)


@pytest.mark.parametrize("common", [0, 0.5, 1])
def test_the_outline_of_a_bright_nucleus_follows_the_median_one(common):
    """Of three ridges, one three times as bright is drawn at half of the mixed brightness."""
    ridge = np.clip((100 - np.abs(np.arange(-100, 100))) / 20, 0, 1)  # flat, with slopes of 20
    row = np.concatenate([100 * ridge, 300 * ridge, 100 * ridge]).astype(np.float32)
    frame = np.repeat(row[None], 20, axis=0)
    parts = np.repeat(np.repeat([[1, 2, 3]], 200, axis=1), 20, axis=0).astype(np.int32)
    options = {"level": 0.5, "smallest": 1, "contrast": 0}
    labels = regions.outline(frame, parts, common=common, **options)
    dim, bright = frame[labels == 1], frame[labels == 2]
    expected = 0.5 * bright.mean() ** (1 - common) * dim.mean() ** common
    assert frame[(parts == 2) & (labels == 0)].max() < 1.02 * expected
    assert bright.min() > 0.98 * expected
    alone = regions.outline(frame, parts, common=0, **options)
    np.testing.assert_array_equal(labels == 1, alone == 1)  # one that is not bright stays as it is
    assert (labels == 3).sum() == (labels == 1).sum()


def test_outline_fills_holes_and_keeps_the_largest_piece():
    """A dark spot inside is filled, a second piece and a small object are dropped."""
    frame = np.zeros((40, 40), dtype=np.float32)
    frame[5:20, 5:20] = 100
    frame[11:13, 11:13] = 0
    frame[30:33, 5:8] = 100
    frame[30:32, 30:32] = 100
    parts = np.ones((40, 40), dtype=np.int32)
    parts[:, 25:] = 2
    labels = regions.outline(frame, parts, level=0.5, common=0, smallest=5, contrast=10)
    assert np.bincount(labels.ravel()).tolist() == [1600 - 225, 225]
    assert (labels[5:20, 5:20] == 1).all()


def test_merge_joins_the_likely_pairs_only():
    """Of three regions in a row, the two whose score exceeds the limit are joined."""
    parts = np.repeat([1, 2, 3], 10)[None].repeat(8, axis=0).astype(np.int32)
    frame = np.where(parts == 3, 200, 100).astype(np.float32)
    heights = np.ones_like(frame)

    def same_mean(features):
        return np.exp(features[:, merging.PAIR_FEATURES.index("darker over brighter mean, log")])

    joined = merging.merge(parts, heights, frame, same_mean, least=0.6)
    assert joined[0, 0] == joined[0, 15] != joined[0, 25]
    everything = merging.merge(parts, heights, frame, same_mean, least=0.4)
    assert len(np.unique(everything)) == 1


def test_pair_features_see_an_ellipse_and_a_seam():
    """Two halves of a disc gain in ellipse fit by joining; a dark seam lowers its ratio."""
    rows, columns = np.indices((61, 61))
    disc = np.hypot(rows - 30, columns - 30) < 25
    parts = np.where(disc, 1 + (columns > 30), 0).astype(np.int32)
    frame = np.where(np.abs(columns - 30.5) < 2, 50, 100).astype(np.float32)
    sums, summit, seams = merging.measure(parts, frame, frame)
    assert list(seams) == [(1, 2)]
    features = merging.pair_features(
        sums[[1]], sums[[2]], summit[[1]], summit[[2]], np.array([seams[1, 2]])
    )
    found = dict(zip(merging.PAIR_FEATURES, features[0], strict=True))
    assert found["ellipse fit of the union"] == pytest.approx(1, abs=0.01)
    assert found["gain in ellipse fit"] > 0.01
    assert found["seam over the darker mean"] == pytest.approx(0.53, abs=0.05)
    assert found["area of the union, log"] == pytest.approx(np.log(disc.sum()))


def test_shallow_saddles_are_dropped():
    """Between summits 10 and 8 a saddle of 7 joins at 0.8 and parts at 0.9."""
    heights = np.array([[10, 8, 7, 7, 8, 3]], dtype=np.float32).repeat(2, axis=0)
    parts = np.array([[1, 1, 1, 2, 2, 2]], dtype=np.int32).repeat(2, axis=0)
    assert len(np.unique(merging.shallow(parts, heights, keep=0.8))) == 1
    assert len(np.unique(merging.shallow(parts, heights, keep=0.9))) == 2
