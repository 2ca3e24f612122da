"""The checks of notebook 12, on simulated frames."""

from functools import cache

import numpy as np
import onnxruntime as ort
from answers import in_use, said, tried

from segkit import simulate, unet
from segkit.check import model as check


def load():
    """Load the network."""
    return ort.InferenceSession(unet.MODEL)


def labelled(session, image):
    """Return the labels of a frame."""
    (found,) = session.run(None, {"frame": unet.scaled(image)[None, None]})
    return unet.split(found[0])


def keeper():
    """Return a function that keeps its network."""
    kept = cache(load)
    return lambda image: labelled(kept(), image)


def outsider():
    """Return a function that brings a session along."""
    session = load()
    return lambda image: labelled(session, image)


@tried(
    ("Right.", keeper),
    ("loaded 3 times for 3 frames", lambda: lambda image: labelled(load(), image)),
    ("brings along a session", outsider),
    ("without brackets", lambda: np.zeros((64, 96), int)),
    ("returns nothing", lambda: lambda image: None),
    ("stops with an error", lambda: lambda image: image.nuclei),
    ("one number per pixel", lambda: lambda image: unet.segment(image).max()),
    ("the labels of split", lambda: lambda image: (unet.segment(image) > 0).astype(int)),
)
def test_loads_once(capsys, tmp_path, monkeypatch, answer, hint):
    """A network that is kept passes; one per call, one from outside and other labels do not."""
    in_use(monkeypatch, tmp_path, [simulate.frame(3, i)[0][:64, :96] for i in range(3)])
    assert hint in said(capsys, check.loads_once, answer())


@tried(
    ("Right.", 112, np.int64(112)),
    ("as far as it looks", 99),
    ("looks farther", 96, 0, 50),
    ("how wide is a block", 100, 104),
    ("to one side", 198, 224),
    ("those are blocks", 7),
    ("deep, but", 101, 120),
    ("deeper than needed", 128),
    ("nine times the pixels", 512),
    ("one number is asked for", (112, 112), "112"),
)
def test_depth(capsys, answer, hint):
    """The reach in complete blocks passes; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.depth, answer)
