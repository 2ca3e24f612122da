"""The checks of notebook 01 tell right answers from the usual wrong ones."""

import pytest
import tifffile
from answers import noise_in_use, said

from segkit.check import lazy_frames
from segkit.check import reading as check

FRAMES = 22


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Return a lazy stack of 22 small noisy frames, as the data set in use."""
    noise_in_use(monkeypatch, tmp_path, FRAMES, seed=1, shape=(12, 16))
    return lazy_frames()


def test_as_many_files_are_read_as_the_check_says(images):
    """Dask reads 4 files for the steps, all for a pixel of each, and 20 for two chunks of ten."""
    opened = []

    def read(path):
        opened.append(path)
        return tifffile.imread(path)

    images, counts = lazy_frames(read), []
    for part in (images[4:12:2], images[:, 0, 0], images.rechunk({0: 10})[9:11]):
        opened.clear()
        part.compute()
        counts.append(len(opened))
    assert check.files_read(*counts)


def test_files_read(images, capsys):
    """Four frames, all frames, two chunks of ten; each wrong guess gets a hint of its own."""
    for answers, hint in (
        ((4, FRAMES, 20), "Right."),
        ((8, FRAMES, 20), "a step"),
        ((3, FRAMES, 20), "list its frames"),
        ((4, 1, 20), "one_pixel"),
        ((4, FRAMES, 2), "as a whole"),
        ((4, FRAMES, 10), "frame 9"),
        ((4, FRAMES, FRAMES), "count their files"),
        ((4, FRAMES, "20"), "rechunked: one number"),
    ):
        assert hint in said(capsys, check.files_read, *answers)


def test_brightest(images, capsys):
    """One computed maximum for each frame; the usual mistakes are told apart."""
    right = images.max(axis=(1, 2)).compute()
    for answer, hint in (
        (right, "Right."),
        (right.tolist(), "Right."),
        (images.max(axis=(1, 2)), "still lazy"),
        (images.mean(axis=(1, 2)).compute(), "the mean of each frame"),
        (images.max().compute(), "one value for all frames"),
        (int(right.max()), "one value for all frames"),
        (images.max(axis=0).compute(), "over the frames"),
        (images.max(axis=1).compute(), "the shape is"),
        (images.min(axis=(1, 2)).compute(), "not the largest"),
        ("images", "array"),
    ):
        assert hint in said(capsys, check.brightest, answer)
