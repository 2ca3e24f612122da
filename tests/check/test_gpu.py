"""The checks of notebook 15 tell right answers from the usual wrong ones."""

import sys

import numpy as np
import pytest
from answers import said, tried

from segkit.check import gpu as check


@pytest.fixture(autouse=True)
def _on_numpy(monkeypatch):
    """Let the checks use NumPy arrays, as the answers here do, on a machine with a GPU too."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def first(lazy):
    """Compute the first chunk."""
    return lazy.blocks[0].compute()


def honest(lazy):
    """Answer the first exercise."""
    return type(lazy._meta) is type(first(lazy))


@tried(
    ("Right.", honest, lambda lazy: np.bool_(honest(lazy))),
    ("True or False is asked for, and this is of type str", lambda lazy: "True"),
    ("this is of type ndarray", lambda lazy: np.array([True, True])),
    ("is not True", lambda lazy: False),
    ("is not False", lambda lazy: np.bool_(True)),
    ("promised and do come", lambda lazy: type(first(lazy)) is np.ndarray),
    ("isinstance", lambda lazy: isinstance(first(lazy), type(lazy._meta))),
    ("first one is enough", lambda lazy: type(lazy._meta) is type(lazy.compute())),
)
def test_honest(capsys, answer, hint):
    """Both types are compared, after computing one chunk; each usual mistake has its hint."""
    assert hint in said(capsys, check.honest, answer)


def highest(labels):
    """Return the highest number of each frame."""
    return labels.reshape(len(labels), -1).max(axis=1)


def before(labels):
    """Return the highest number in all frames before each."""
    lower = np.tri(len(labels), k=-1, dtype=bool)
    return np.where(lower, highest(labels), 0).max(axis=1)[:, None, None]


def last(labels):
    """Return the highest number in the frame before each."""
    return np.concatenate([[0], highest(labels)[:-1]])[:, None, None]


def masked(labels):
    """Subtract at the objects only."""
    result, lower = labels.copy(), np.broadcast_to(before(labels), labels.shape)
    result[labels > 0] -= lower[labels > 0]
    return result


def added_up(labels):
    """Subtract the sum of the highest numbers of the frames before."""
    sums = np.cumsum(highest(labels)) - highest(labels)
    return np.where(labels > 0, labels - sums[:, None, None], 0)


def counted(labels):
    """Loop over the frames by their positions."""
    result = np.zeros_like(labels)
    for i, lower in enumerate(before(np.asarray(labels)).ravel()):
        result[i] = np.where(labels[i] > 0, labels[i] - lower, 0)
    return result


@tried(
    ("Right.", lambda labels: np.where(labels > 0, labels - before(labels), 0), masked),
    ("go on from frame to frame", lambda labels: labels),
    ("background is no longer 0", lambda labels: labels - before(labels)),
    ("empty frame", lambda labels: np.where(labels > 0, labels - last(labels), 0)),
    ("numbered [2, 3, 4], and not [1, 2, 3]", lambda labels: masked(labels) + (labels > 0)),
    ("already includes the frames before", added_up),
    ("frame 2 is numbered [9]", lambda labels: np.where(labels == 6, 9, masked(labels))),
    ("variables of the notebook", lambda labels: labels[1:]),
    ("takes one frame", counted),
    ("loop over frames", lambda labels: np.stack([one - one.min() for one in labels])),
)
def test_renumber(capsys, answer, hint):
    """Whole arrays, empty frames among them; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.renumber, answer)


IMAGE = np.array([[5, 0, 8], [8, 0, 4]], np.uint16)
LABELS = np.array([[1, 0, 2], [1, 0, 2]], np.int32)


@tried(
    ("Right.", np.array([6.5, 6.0]), [6.5, 6.0 + 1e-7]),
    ("the background", [0.0, 6.5, 6.0], [2, 2, 2]),
    ("those are the areas", [2, 2]),
    ("those are the sums", [13, 12]),
    ("cut off", [6, 6]),
    ("which array are the weights", [6.5, 9.0]),
    ("this is of type str", "6.5, 6"),
)
def test_means(capsys, answer, hint):
    """Sums by area, without the background; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.means, answer, IMAGE, LABELS)
