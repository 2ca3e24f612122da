"""What became of each nucleus, and the picture of it."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_hex

from segkit import errors, score, simulate


@pytest.fixture(autouse=True)
def _close():
    """Close the figures of a test."""
    yield
    plt.close("all")


def drawn():
    """Return a truth and a result with one of each: found, missed, extra, merged, split."""
    truth = np.zeros((40, 60), int)
    labels = np.zeros((40, 60), int)
    truth[2:12, 2:12] = labels[2:12, 2:12] = 5  # found
    truth[2:12, 20:30] = 7  # missed
    labels[2:12, 40:50] = 9  # extra
    truth[20:30, 2:12], truth[20:30, 12:22] = 8, 11  # merged in one object
    labels[20:30, 2:22] = 12
    truth[20:30, 40:52] = 20  # split in two
    labels[20:30, 40:46], labels[20:30, 46:52] = 30, 31
    return truth, labels


def test_each_error_gets_its_name():
    """Planted errors are named, in the order of labels that are not consecutive."""
    of_truth, of_objects = errors.fates(*drawn())
    assert of_truth.tolist() == ["found", "missed", "merged", "merged", "split"]
    assert of_objects.tolist() == ["found", "extra", "merged", "split", "split"]


def test_a_bad_outline_is_missed_on_one_side_and_extra_on_the_other():
    """An object of half the nucleus is neither found nor split."""
    truth = np.zeros((20, 20), int)
    truth[2:12, 2:12] = 1
    labels = np.where(np.arange(20) < 7, truth, 0)
    assert [side.tolist() for side in errors.fates(truth, labels)] == [["missed"], ["extra"]]


def test_a_nucleus_that_is_found_keeps_that_name():
    """A splinter of IoU 0.2 beside an object of IoU 0.8 does not make the nucleus a split one."""
    truth = np.ones((10, 10), int)
    labels = np.where(np.arange(10) < 8, truth, 2)
    of_truth, of_objects = errors.fates(truth, labels)
    assert of_truth.tolist() == ["found"]
    assert of_objects.tolist() == ["found", "split"]


def test_names_agree_with_the_counts_of_the_score():
    """Everything that is not found is what the score counts as missed, and as extra."""
    _, truth = simulate.frame(39, 1)
    labels = np.roll(truth, 3, axis=1)
    labels[labels % 7 == 0] = 0
    labels[labels % 5 == 0] += 1
    of_truth, of_objects = errors.fates(truth, labels)
    report = score.report(truth, labels)
    assert (of_truth != "found").sum() == report["missed"] > 0
    assert (of_objects != "found").sum() == report["extra"] > 0
    assert (of_objects == "merged").sum() <= report["merged"]


def test_nothing_at_all():
    """Without a nucleus and without an object there is nothing to name, and a picture still."""
    nothing = np.zeros((30, 30), int)
    assert [side.size for side in errors.fates(nothing, nothing)] == [0, 0]
    assert len(errors.compare(nothing, nothing, nothing).axes) == 2


def test_the_legends_count_and_have_symbols():
    """Each legend counts its side; each error has a colour and a symbol that no other has."""
    truth, labels = drawn()
    fig = errors.compare(truth > 0, truth, labels, title="mine")
    left, right = fig.axes
    assert [ax.get_title() for ax in fig.axes] == ["the truth", "mine"]

    def legend(ax):
        return [text.get_text() for text in ax.get_legend().get_texts()]

    assert legend(left) == ["found: 1", "missed: 1", "merged: 2", "split: 1"]
    assert legend(right) == ["found: 1", "extra: 1", "merged: 1", "split: 2"]
    colours, symbols = zip(*errors.STYLES.values(), strict=True)
    assert len(set(colours)) == len(set(symbols)) == len(errors.STYLES)


def test_the_pixels_of_an_error_have_its_colour():
    """The missed nucleus is filled, its border drawn in full; background stays clear."""
    truth, labels = drawn()
    picture = errors.compare(truth > 0, truth, labels).axes[0].images[-1].get_array()
    red = errors.STYLES["missed"][0].lower()
    assert to_hex(picture[6, 25, :3]) == to_hex(picture[2, 20, :3]) == red
    assert 0 < picture[6, 25, 3] < picture[2, 20, 3] == 1
    assert picture[15, 30, 3] == 0
    assert picture[6, 6, 3] == 0  # a nucleus that is found is not covered up


def test_a_window_keeps_the_names_of_the_whole_frame():
    """A nucleus cut by the window is judged by all of it, and only what is shown is counted."""
    truth, labels = drawn()
    labels[2:12, 10:12] = 0  # IoU 0.8 in the frame; within the window alone it would be 0.67
    fig = errors.compare(truth > 0, truth, labels, window=np.s_[0:16, 6:36])
    texts = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert texts == ["found: 1", "missed: 1"]
    assert fig.axes[0].images[-1].get_array().shape[:2] == (16, 30)


def test_a_symbol_at_the_edge_is_drawn_whole():
    """The symbol of a nucleus in the first column has pixels beyond the end of the picture."""
    truth = np.zeros((200, 200), int)
    truth[90:110, 0] = 1  # missed: its middle lies in column 0
    fig = errors.compare(truth, truth, np.zeros_like(truth))
    ax = fig.axes[0]
    assert [line.get_marker() for line in ax.lines] == [errors.STYLES["missed"][1]]
    assert not any(line.get_clip_on() for line in ax.lines)
    fig.canvas.draw()
    left, height = ax.transData.transform((-0.5, 99.5))
    pixels = np.asarray(fig.canvas.buffer_rgba())[:, :, :3]
    row = round(pixels.shape[0] - height)
    beside = pixels[row - 8 : row + 8, int(left) - 4 : int(left) - 2]
    assert beside.min() < 128


def test_shapes_that_differ_are_refused():
    """A result of another size is an error that says what to do."""
    with pytest.raises(ValueError, match="at its full size"):
        errors.fates(np.zeros((3, 3), int), np.zeros((3, 4), int))
