"""The checks of notebook 13 tell right answers from the usual wrong ones."""

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from answers import in_use, said, tried
from distributed import Client

from segkit.check import scaling as check


def task(worker, *parts):
    """Return a task of a task stream; each part is an action, a start and a stop."""
    named = [dict(zip(("action", "start", "stop"), part, strict=True)) for part in parts]
    return {"worker": worker, "thread": 1, "startstops": named}


# 2 + 1 + 3 seconds of computing and 1.037 of transfer, on two workers
STREAM = [
    task("a", ("compute", 10, 12)),
    task("b", ("transfer", 10, 11), ("compute", 11, 12)),
    task("a", ("compute", 12, 15), ("transfer", 15, 15.037)),
]
ELAPSED = 5.037
SHARE = 6 / (2 * ELAPSED)  # 0.5956


@tried(
    ("Right.", SHARE, np.float64(SHARE), 0.6),
    ("in one second", 6 / ELAPSED),
    ("seconds of work", 6),
    ("in percent", 100 * SHARE, 60),
    ("they waited", 1 - SHARE),
    ("every action", 7.037 / (2 * ELAPSED)),
    ("leaves the waiting out", 6 / 7.037),
    ("mean length of a task", 2),
    ("is not the share", 0.5, 0.62),
)
def test_busy(capsys, answer, hint):
    """Computing in all the time there was, rounded or not; each usual mistake has its hint."""
    assert hint in said(capsys, check.busy, answer, STREAM)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Twenty-two small frames of different levels, as the data set in use."""
    noise = np.random.default_rng(13).random((22, 80, 120))
    levels = np.arange(100, 1200, 50)[:, None, None]
    return in_use(monkeypatch, tmp_path, (noise * levels).astype(np.uint16))


def level(path):
    """Return the mean level of a file."""
    return float(tifffile.imread(path).mean())


def mean(image):
    """Return the mean of an image."""
    return float(image.mean())


def lazily(function, paths):
    """Return a list of Delayed, one for each path."""
    return [dask.delayed(function)(path) for path in paths]


@tried(
    ("Right.", lambda files: lazily(level, files[:20])),
    ("Right.", lambda files: [pixels.mean() for pixels in lazily(tifffile.imread, files[:20])]),
    ("one Delayed: make a list", lambda files: dask.delayed(list)(map(level, files[:20]))),
    ("22 are there", lambda files: lazily(level, files)),
    ("of type float: wrap the function", lambda files: [level(path) for path in files[:20]]),
    ("there already", lambda files: [*lazily(level, files[:19]), dask.delayed(level(files[19]))]),
    ("not called yet", lambda files: [dask.delayed(level)] * 20),
    ("lazy too", lambda files: [da.from_array(tifffile.imread(p)).mean() for p in files[:20]]),
    ("are there pixels in it", lambda files: lazily(mean, map(tifffile.imread, files[:20]))),
    ("One number per frame", lambda files: lazily(tifffile.imread, files[:20])),
    ("in another order", lambda files: lazily(level, files[:20][::-1])),
    ("not the mean level", lambda files: lazily(len, map(str, files[:20]))),
)
def test_light(capsys, files, answer, hint):
    """A function of the path, or a chain that begins with it; each usual mistake is named."""
    assert hint in said(capsys, check.light, answer(files))


def test_light_sees_pixels_that_were_sent_before(capsys, files):
    """Pixels on a worker are not in the graph; they were sent all the same."""
    with Client(processes=False, n_workers=1, dashboard_address=None) as client:
        sent = [client.scatter(tifffile.imread(path)) for path in files[:20]]
        answer = [dask.delayed(mean)(pixels) for pixels in sent]
        assert "were sent to a worker before" in said(capsys, check.light, answer)


@tried(
    ("Right.", 2 + 100_000 * 0.015 / 10),
    ("paid once, before", 150),
    ("do they share the start", 150.2),
    ("that is one worker.", 1502),
    ("one worker, and what is paid once", 1500),
    ("5 s for 200", 2500, 250),
    ("8 s for 400", 2000, 200),
    ("200 frames more", 17),
)
def test_expected_seconds(capsys, answer, hint):
    """Two seconds of start, and 0.015 seconds per frame among ten workers."""
    assert hint in said(capsys, check.expected_seconds, answer)
