"""The checks of notebook 01 tell right answers from the usual wrong ones."""

import numpy as np
import pytest
import tifffile
from answers import said
from dask.array.image import imread

from segkit.check import reading as check

FRAMES = 23


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Return a lazy stack of 23 small noisy frames, as the data set in use."""
    noise = np.random.default_rng(1).integers(100, 900, (FRAMES, 12, 16)).astype(np.uint16)
    folder = tmp_path / "BBBC039" / "images"
    folder.mkdir(parents=True)
    for number, frame in enumerate(noise):
        tifffile.imwrite(folder / f"{number:02}.tif", frame)
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    return imread(str(folder / "*.tif"), imread=tifffile.imread)


def test_files_read(images, capsys):
    """Four frames, all frames, two chunks of ten; each wrong guess gets a hint of its own."""
    assert check.files_read(4, FRAMES, 20)
    assert "a step" in said(capsys, check.files_read, 8, FRAMES, 20)
    assert "list its frames" in said(capsys, check.files_read, 3, FRAMES, 20)
    assert "one_pixel" in said(capsys, check.files_read, 4, 1, 20)
    assert "as a whole" in said(capsys, check.files_read, 4, FRAMES, 2)
    assert "frame 9" in said(capsys, check.files_read, 4, FRAMES, 10)
    assert "count their files" in said(capsys, check.files_read, 4, FRAMES, FRAMES)
    assert "Not answered yet" in said(capsys, check.files_read, 4, ..., 20)
    assert "steps: one number" in said(capsys, check.files_read, images[4:12:2], FRAMES, 20)
    assert "rechunked: one number" in said(capsys, check.files_read, 4, FRAMES, "20")


def test_every_second_frame(images, capsys):
    """Chosen first and rechunked then, along axis 0 only."""
    assert check.every_second(images[::2].rechunk({0: 5}))
    assert check.every_second(images[::2].rechunk((5, -1, -1)))
    for lazy, hint in (
        (images.rechunk({0: 8})[::2], "5 each were asked for. Were the frames"),
        (images.rechunk({0: 5})[::2], "before they were chosen"),
        (images[::2].rechunk({0: 10}), "5 each were asked for."),
        (images[::2].rechunk(5), "cut into pieces"),
        (images[:12].rechunk({0: 5}), "other frames"),
        (images[1:23:2].rechunk({0: 5}), "11 frames, where every second one of 23 makes 12"),
        (images.rechunk({0: 5}), "23 frames"),
        (images[:, ::2].rechunk({0: 5}), "whole frames"),
        (images[::2].rechunk({0: 5}).compute(), "not computed yet; this is a ndarray"),
        (5, "this is a int"),
    ):
        assert hint in said(capsys, check.every_second, lazy)
    not_rechunked = said(capsys, check.every_second, images[::2])
    assert "5 each were asked for." in not_rechunked
    assert "rechunked before" not in not_rechunked


def test_every_second_frame_of_an_even_number(images, capsys, tmp_path):
    """The odd frames are told from the even ones where there are as many of each."""
    (tmp_path / "BBBC039" / "images" / "22.tif").unlink()
    images = images[:22]
    assert check.every_second(images[::2].rechunk({0: 5}))
    assert "start with frame 0" in said(capsys, check.every_second, images[1::2].rechunk({0: 5}))


def test_brightest(images, capsys):
    """One computed maximum a frame; other axes, other functions and lazy arrays are told apart."""
    right = images.max(axis=(1, 2)).compute()
    assert check.brightest(right)
    assert check.brightest(right.tolist())
    wrong = right.copy()
    wrong[[4, 7]] -= 1
    for answer, hint in (
        (images.max(axis=(1, 2)), "still lazy"),
        (images.max().compute(), "keep the frame axis"),
        (images.max(axis=0).compute(), "over the frames"),
        (images.max(axis=1).compute(), "the shape is (23, 16)"),
        (images.min(axis=(1, 2)).compute(), "23 of 23 values"),
        (wrong, "2 of 23 values are no maximum, the first that of frame 4"),
        (None, "keep the frame axis"),
        ([[1], [2, 3]], "could not use this answer"),
    ):
        assert hint in said(capsys, check.brightest, answer)
