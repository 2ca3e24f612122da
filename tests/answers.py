"""What the tests of the exercises' checks share: a small data set, and what a check prints."""

import numpy as np
import pytest
import tifffile
from made import scene

from segkit import frame


def said(capsys, check_it, *answer):
    """Return what a check prints on an answer; it returns True where that is "Right."."""
    passed = check_it(*answer)
    printed = capsys.readouterr().out
    assert passed is printed.endswith("Right.\n")
    return printed


def in_use(monkeypatch, folder, frames):
    """Make frames the data set in use, and return their paths."""
    images = folder / "BBBC039" / "images"
    images.mkdir(parents=True)
    paths = [images / f"{number:02}.tif" for number in range(len(frames))]
    for path, image in zip(paths, frames, strict=True):
        tifffile.imwrite(path, image)
    monkeypatch.setenv("SEGKIT_DATA", str(folder))
    return paths


def discs_in_use(monkeypatch, folder):
    """Make three small frames of discs the data set in use; return the table of each."""
    images = [scene(seed) for seed in (5, 6, 7)]
    in_use(monkeypatch, folder, images)
    return [frame.measure(one, frame.segment(one)) for one in images]


def noise_in_use(monkeypatch, folder, frames, *, seed, shape=(40, 52)):
    """Make noisy frames the data set in use; return them, (frames, rows, columns) of uint16."""
    noise = np.random.default_rng(seed).integers(100, 900, (frames, *shape)).astype(np.uint16)
    in_use(monkeypatch, folder, noise)
    return noise


def tried(*rows):
    """Try answers one by one: rows of a hint, "Right." for right answers, and who gets it."""
    pairs = [(answer, hint) for hint, *answers in rows for answer in answers]
    return pytest.mark.parametrize(("answer", "hint"), pairs)
