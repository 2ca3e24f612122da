"""The checks of notebook 13 tell right answers from the usual wrong ones."""

import dask
import dask.array as da
import numpy as np
import pytest
import tifffile
from answers import said
from distributed import Client

from segkit.check import scaling as check


def task(worker, *parts):
    """Return a task of a task stream; each part is an action, a start and a stop."""
    named = [dict(zip(("action", "start", "stop"), part, strict=True)) for part in parts]
    return {"worker": worker, "thread": 1, "startstops": named}


# 2 + 1 + 3 seconds of computing and one of transfer, on two workers, from 10 to 15
STREAM = [
    task("a", ("compute", 10, 12)),
    task("b", ("transfer", 10, 11), ("compute", 11, 12)),
    task("a", ("compute", 12, 15)),
]


def test_busy_is_right():
    """Six seconds of computing in two times five."""
    assert check.busy(0.6, STREAM)
    assert check.busy(np.float64(0.6), STREAM)


def test_busy_may_be_rounded():
    """Two decimals are right where the share has more of them; one is not."""
    third = [task("a", ("compute", 0, 2)), task("b", ("compute", 2, 3))]
    longer = [*third, task("b", ("transfer", 3, 3.509))]
    share = 3 / (2 * 3.509)  # 0.42747
    assert check.busy(0.43, longer)
    assert check.busy(share, longer)
    assert not check.busy(0.4, longer)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (6 / 5, "in one second"),
        (6, "seconds of work"),
        (60, "in percent"),
        (0.4, "they waited"),
        (7 / 10, "every action"),
        (6 / 7, "leaves the waiting out"),
        (2, "mean length of a task"),
        (0.5, "is not the share"),
    ],
)
def test_busy_hints(capsys, answer, hint):
    """Each usual mistake about the share has a hint of its own."""
    assert hint in said(capsys, check.busy, answer, STREAM)


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Twenty-two small frames of different levels, as the data set in use."""
    folder = tmp_path / "BBBC039" / "images"
    folder.mkdir(parents=True)
    for number in range(22):
        image = np.random.default_rng(number).integers(0, 100 + 50 * number, (80, 120))
        tifffile.imwrite(folder / f"{number:02}.tif", image.astype(np.uint16))
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    return sorted(folder.iterdir())


def level(path):
    """Return the mean level of a file."""
    return float(tifffile.imread(path).mean())


def mean(image):
    """Return the mean of an image."""
    return float(image.mean())


@pytest.mark.parametrize(
    "answer",
    [
        lambda files: [dask.delayed(level)(path) for path in files[:20]],
        lambda files: tuple(dask.delayed(level)(str(path)) for path in files[:20]),
        lambda files: [dask.delayed(tifffile.imread)(path).mean() for path in files[:20]],
    ],
)
def test_light_is_right(files, answer):
    """A function of the path, or a chain of calls that begins with it."""
    assert check.light(answer(files))


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda files: dask.delayed(list)(map(level, files[:20])), "one Delayed: make a list"),
        (lambda files: [dask.delayed(level)(path) for path in files], "22 are there"),
        (lambda files: [level(path) for path in files[:20]], "of type float: wrap the function"),
        (
            lambda files: [dask.delayed(level(path)) for path in files[:20]],
            "the results are there already: wrap the function",
        ),
        (
            lambda files: [
                *(dask.delayed(level)(path) for path in files[:19]),
                dask.delayed(level(files[19])),
            ],
            "the results are there already: wrap the function",
        ),
        (lambda files: [dask.delayed(level)] * 20, "not called yet"),
        (lambda files: [da.from_array(tifffile.imread(p)).mean() for p in files[:20]], "lazy too"),
        (
            lambda files: [dask.delayed(mean)(tifffile.imread(path)) for path in files[:20]],
            "are there pixels in it",
        ),
        (
            lambda files: [dask.delayed(tifffile.imread)(p) for p in files[:20]],
            "One number per frame",
        ),
        (lambda files: [dask.delayed(level)(p) for p in files[:20][::-1]], "in another order"),
        (lambda files: [dask.delayed(len)(str(p)) for p in files[:20]], "not the mean level"),
    ],
)
def test_light_hints(capsys, files, answer, hint):
    """Each usual mistake about the tasks has a hint of its own."""
    assert hint in said(capsys, check.light, answer(files))


def test_light_sees_pixels_that_were_sent_before(capsys, files):
    """Pixels on a worker are not in the graph; they were sent all the same."""
    with Client(processes=False, n_workers=1, dashboard_address=None) as client:
        sent = [client.scatter(tifffile.imread(path)) for path in files[:20]]
        answer = [dask.delayed(mean)(pixels) for pixels in sent]
        assert "were sent to a worker before" in said(capsys, check.light, answer)


def test_expected_seconds_is_right():
    """Two seconds of start, and 0.015 seconds a frame among ten workers."""
    assert check.expected_seconds(2 + 100_000 * 0.015 / 10)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (150, "paid once, before"),
        (150.2, "do they share the start"),
        (1502, "that is one worker."),
        (1500, "one worker, and what is paid once"),
        (2500, "5 s for 200"),
        (250, "5 s for 200"),
        (200, "8 s for 400"),
        (17, "200 frames more"),
    ],
)
def test_expected_seconds_hints(capsys, answer, hint):
    """Each usual mistake about the prediction has a hint of its own."""
    assert hint in said(capsys, check.expected_seconds, answer)
