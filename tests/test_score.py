"""Tests of the measures on label images."""

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segkit import score, simulate


@pytest.fixture(scope="module")
def truth():
    """Return the true labels of a simulated frame with many nuclei."""
    labels = simulate.frame(39, 1)[1]
    assert labels.max() > 40
    return labels


def brute_force(truth, labels):
    """IoU of every pair, one pair at a time."""
    rows = [t for t in np.unique(truth) if t]
    columns = [c for c in np.unique(labels) if c]
    return np.array(
        [
            [
                ((truth == t) & (labels == c)).sum() / ((truth == t) | (labels == c)).sum()
                for c in columns
            ]
            for t in rows
        ]
    ).reshape(len(rows), len(columns))


def brute_f1(iou, threshold):
    """F1 from its definition, with true positives counted pair by pair."""
    hits = sum(1 for row in iou if any(value > threshold for value in row))
    return 2 * hits / (2 * hits + (iou.shape[0] - hits) + (iou.shape[1] - hits))


def apart(truth, count):
    """Labels of nuclei of 200 pixels or more whose boxes lie apart from each other's."""
    found = []
    for number in range(1, truth.max() + 1):
        where = np.argwhere(truth == number)
        if len(where) < 200:
            continue
        low, high = where.min(axis=0) - 8, where.max(axis=0) + 8
        if all((high < other[1]).any() or (low > other[2]).any() for other in found):
            found.append((number, low, high))
        if len(found) == count:
            return [number for number, _, _ in found]
    raise AssertionError("The frame has too few nuclei for this test.")


def test_decode_tells_touching_nuclei_apart():
    """Touching patches of different colours are two nuclei, diagonal ones of one colour one."""
    red = np.array([[1, 2, 0, 3], [1, 2, 3, 0], [0, 0, 0, 0], [1, 1, 0, 2]], dtype=np.uint8)
    rgba = np.zeros((4, 4, 4), dtype=np.uint8)
    rgba[..., 0], rgba[..., 3] = red, 255
    labels = score.decode_mask(rgba)
    assert labels.dtype == np.int32
    assert labels.max() == 5
    assert labels[0, 0] != labels[0, 1]
    assert labels[0, 3] == labels[1, 2]
    assert np.array_equal(labels > 0, red > 0)
    assert np.array_equal(score.decode_mask(red), labels)


def test_decode_undoes_the_encoding(truth):
    """What simulate encodes with three colours comes back nucleus by nucleus."""
    decoded = score.decode_mask(simulate.encode_mask(truth))
    iou = score.match(truth, decoded)
    assert iou.shape[0] == iou.shape[1]
    assert (iou.max(axis=1) == 1).all()


def test_decode_refuses_what_is_no_picture():
    """A stack with four axes is refused with its shape."""
    with pytest.raises(ValueError, match=r"\(2, 3, 3, 4\)"):
        score.decode_mask(np.zeros((2, 3, 3, 4)))


@pytest.mark.parametrize("colour", [(0, 1, 0), (1, 0, 9), (4, 0, 0), (255, 255, 255)])
def test_decode_refuses_other_colours(colour):
    """Green, blue, and red above 3 are no map colouring."""
    mask = np.zeros((4, 4, 3), dtype=np.uint8)
    mask[1:3, 1:3] = colour
    with pytest.raises(ValueError, match="colour picture"):
        score.decode_mask(mask)


def test_match_agrees_with_a_loop(truth):
    """One histogram gives the same IoU as a loop over all pairs of masks."""
    part = truth[:200, :250]
    moved = np.roll(part, (3, -2), axis=(0, 1))
    assert np.allclose(score.match(part, moved), brute_force(part, moved))


@pytest.mark.parametrize("seed", range(4))
def test_f1_agrees_with_a_loop_on_random_labels(seed):
    """F1 at all thresholds agrees with a loop on random blocks, unused labels included."""
    rng = np.random.default_rng(seed)
    truth = np.kron(rng.choice([0, 2, 3, 9, 40], (6, 6)), np.ones((4, 5), dtype=int))
    labels = np.where(rng.random(truth.shape) < 0.15, 0, truth * 7)
    iou = brute_force(truth, labels)
    wanted = [brute_f1(iou, t) for t in score.THRESHOLDS]
    assert np.allclose(score.f1(truth, labels), wanted)
    assert len(set(wanted)) > 1


def test_a_match_is_strictly_above_the_threshold():
    """An IoU of exactly 0.5 is no match at 0.5, 0.6 is one there but not at 0.6."""
    truth = np.array([[1, 1, 0, 0, 0, 0]])
    assert score.f1(truth, np.array([[1, 0, 0, 0, 0, 0]]), [0.5])[0] == 0
    truth = np.array([[1, 1, 1, 1, 1]])
    labels = np.array([[1, 1, 1, 0, 0]])
    assert score.f1(truth, labels, [0.5, 0.55, 0.6]).tolist() == [1, 1, 0]


def test_perfect_labels_score_one(truth):
    """The truth against itself, numbered otherwise, has F1 1 and no error."""
    measures = score.report(truth, np.where(truth, 5000 - 13 * truth, 0))
    assert measures["averageF1"] == 1
    assert measures["mean_iou"] == 1
    errors = ("count_error", "missed", "extra", "split", "merged")
    assert [measures[name] for name in errors] == [0, 0, 0, 0, 0]


def test_removed_nuclei_are_missed(truth):
    """Seven nuclei taken away: seven missed, and F1 as its formula says."""
    gone = apart(truth, 7)
    measures = score.report(truth, np.where(np.isin(truth, gone), 0, truth))
    count = truth.max()
    assert measures["missed"] == 7
    assert measures["count_error"] == -7
    assert measures["extra"] == measures["split"] == measures["merged"] == 0
    assert measures["averageF1"] == pytest.approx(2 * (count - 7) / (2 * (count - 7) + 7))


def test_merged_pairs_are_counted(truth):
    """Four pairs that share one label are four merged objects, whatever else they are."""
    numbers = apart(truth, 8)
    area = np.bincount(truth.ravel())
    numbers.sort(key=lambda n: area[n])
    labels = truth.copy()
    for one, two in zip(numbers[::2], numbers[1::2], strict=True):
        labels[labels == two] = one
    measures = score.report(truth, labels)
    assert measures["merged"] == 4
    assert measures["split"] == 0
    assert measures["count_error"] == -4
    assert measures["missed"] == 8
    assert measures["extra"] == 4


def test_split_nuclei_are_counted(truth):
    """Five nuclei cut in halves are five split ones, ten extra objects and five missed."""
    labels, new = truth.copy(), truth.max() + 1
    for number in apart(truth, 5):
        where = np.argwhere(truth == number)
        upper = where[: len(where) // 2]
        labels[tuple(upper.T)] = new
        new += 1
    measures = score.report(truth, labels)
    assert measures["split"] == 5
    assert measures["merged"] == 0
    assert measures["count_error"] == 5
    assert (measures["missed"], measures["extra"]) == (5, 10)


def test_a_shift_by_one_pixel_costs_only_at_high_thresholds(truth):
    """All labels moved by one pixel: nearly all match at 0.5, far fewer at 0.9."""
    measures = score.report(truth, np.roll(truth, 1, axis=1))
    assert measures["F1@0.5"] > 0.95
    assert measures["F1@0.9"] < measures["F1@0.7"] <= measures["F1@0.5"]
    assert 0.8 < measures["mean_iou"] < 0.97


def test_empty_sides():
    """Nothing on both sides has no F1; nothing on one side has 0."""
    empty, one = np.zeros((5, 6), dtype=int), np.eye(5, 6, dtype=int)
    assert np.isnan(score.f1(empty, empty)).all()
    assert (score.f1(empty, one) == 0).all()
    assert (score.f1(one, empty) == 0).all()
    measures = score.report(empty, one)
    assert (measures["true"], measures["found"], measures["extra"]) == (0, 1, 1)
    assert np.isnan(measures["mean_iou"])
    assert score.match(empty, one).shape == (0, 1)


def test_one_label_and_huge_labels():
    """A single object and labels far above the number of pixels are scored like others."""
    truth = np.ones((4, 4), dtype=np.uint8)
    assert score.f1(truth, truth.astype(np.int64) * 10**15)[0] == 1
    assert score.f1(truth, np.full((4, 4), 7.0))[0] == 1


@given(st.sets(st.integers(2**53, 2**64 - 1), min_size=2, max_size=12))
def test_large_labels_stay_apart(numbers):
    """Each 64-bit label is an object of its own, also where floats cannot tell them apart."""
    labels = np.array([[*numbers, 0, *numbers]], dtype=np.uint64)
    truth = np.array([[*range(1, len(numbers) + 1), 0, *range(1, len(numbers) + 1)]])
    assert score.report(truth, labels)["found"] == len(numbers)
    assert score.f1(truth, labels)[0] == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 5), dtype=int), r"shape \(4, 5\)"),
        (np.ones((4, 4), dtype=bool), "number its objects"),
        (np.full((4, 4), 0.5), "whole numbers"),
        (np.full((4, 4), np.nan), "whole numbers"),
        (np.full((4, 4), -1), "negative"),
        (np.full((4, 4), 1 + 2j), "not complex128"),
        (np.full((4, 4), "1"), "not <U1"),
        (np.full((4, 4), 2**24 + 2, dtype=np.float32), "float32 cannot tell"),
    ],
)
def test_what_is_no_label_image_is_refused(labels, message):
    """Other shapes, masks, fractions and negative labels are refused in one line."""
    with pytest.raises(ValueError, match=message) as caught:
        score.match(np.ones((4, 4), dtype=int), labels)
    assert "\n" not in str(caught.value)


def test_low_thresholds_are_refused():
    """Below 0.5 a nucleus could match twice."""
    with pytest.raises(ValueError, match=r"0\.5 or more"):
        score.f1(np.ones((2, 2), dtype=int), np.ones((2, 2), dtype=int), [0.3])


def test_a_frame_is_scored_in_under_10_ms(truth):
    """The best of ten runs takes less than 10 ms of processor time."""
    moved = np.roll(truth, 2, axis=0)
    spent = []
    for _ in range(10):
        start = time.process_time()
        score.report(truth, moved)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.010


# ---- outcomes


def test_each_error_gets_its_name():
    """Planted errors are named, in the order of labels that are not consecutive."""
    truth, labels = np.zeros((2, 40, 60), int)
    truth[2:12, 2:12] = labels[2:12, 2:12] = 5  # found
    truth[2:12, 20:30] = 7  # missed
    labels[2:12, 40:50] = 9  # extra
    truth[20:30, 2:12], truth[20:30, 12:22] = 8, 11  # merged in one object
    labels[20:30, 2:22] = 12
    truth[20:30, 40:52] = 20  # split in two
    labels[20:30, 40:46], labels[20:30, 46:52] = 30, 31
    of_truth, of_objects = score.outcomes(truth, labels)
    assert of_truth.tolist() == ["found", "missed", "merged", "merged", "split"]
    assert of_objects.tolist() == ["found", "extra", "merged", "split", "split"]


def test_a_bad_outline_is_missed_on_one_side_and_extra_on_the_other():
    """An object of half the nucleus is neither found nor split."""
    truth = np.zeros((20, 20), int)
    truth[2:12, 2:12] = 1
    labels = np.where(np.arange(20) < 7, truth, 0)
    assert [side.tolist() for side in score.outcomes(truth, labels)] == [["missed"], ["extra"]]


def test_a_nucleus_that_is_found_keeps_that_name():
    """A splinter of IoU 0.2 beside an object of IoU 0.8 does not make the nucleus a split one."""
    truth = np.ones((10, 10), int)
    of_truth, of_objects = score.outcomes(truth, np.where(np.arange(10) < 8, truth, 2))
    assert of_truth.tolist() == ["found"]
    assert of_objects.tolist() == ["found", "split"]


def test_outcomes_agree_with_the_counts_of_the_report():
    """Everything that is not found is what the report counts as missed, and as extra."""
    _, truth = simulate.frame(39, 1)
    labels = np.roll(truth, 3, axis=1)
    labels[labels % 7 == 0] = 0
    labels[labels % 5 == 0] += 1
    of_truth, of_objects = score.outcomes(truth, labels)
    report = score.report(truth, labels)
    assert (of_truth != "found").sum() == report["missed"] > 0
    assert (of_objects != "found").sum() == report["extra"] > 0
    assert (of_objects == "merged").sum() <= report["merged"]
