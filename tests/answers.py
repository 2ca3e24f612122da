"""What the tests of the exercises' checks share: a small data set, and what a check prints."""

import numpy as np
import tifffile


def said(capsys, check_it, *answer):
    """Return what a check prints on a wrong answer."""
    assert check_it(*answer) is False
    return capsys.readouterr().out


def noise_in_use(monkeypatch, folder, frames, *, seed):
    """Make noisy frames the data set in use; return them, (frames, 40, 52) of uint16."""
    noise = np.random.default_rng(seed).integers(100, 900, (frames, 40, 52)).astype(np.uint16)
    images = folder / "BBBC039" / "images"
    images.mkdir(parents=True)
    for number, frame in enumerate(noise):
        tifffile.imwrite(images / f"{number}.tif", frame)
    monkeypatch.setenv("SEGKIT_DATA", str(folder))
    return noise
