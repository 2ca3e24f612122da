"""The snippets of notebooks 00 and 10 count every nucleus, and count it once."""

import shutil

import numpy as np
import pytest
import tifffile

from segkit import data, frame, score


@pytest.fixture(scope="session")
def tables(files):
    """Return the table of each frame, made by a plain loop."""
    images = [tifffile.imread(path) for path in files]
    return [frame.measure(image, frame.segment(image)) for image in images]


def test_count_nuclei(play, folder, tables, tmp_path):
    """The objects of the first three images are counted, as a plain loop counts them."""
    shutil.copytree(folder / "images", tmp_path / "images")
    done = play("count_nuclei")
    assert done.printed == f"{[len(table) for table in tables[:3]]} objects"


def test_split_touching(play, folder, files, tmp_path):
    """Touching nuclei are counted apart, and nothing is found in a frame of noise."""
    images = tmp_path / "images"
    shutil.copytree(folder / "images", images)
    noise = np.random.default_rng(0).normal(155, 5, tifffile.imread(files[0]).shape)
    tifffile.imwrite(images / "zz.tif", noise.astype(np.uint16))
    done = play("split_touching")
    truth = [score.read_truth(path).max() for path in data.masks(folder)]
    otsu = [frame.segment(tifffile.imread(path), method="otsu").max() for path in files]
    *counts, empty = done.counts
    assert empty == 0
    assert np.abs(np.subtract(counts, truth)).sum() < np.abs(np.subtract(otsu, truth)).sum() / 2
    assert done.printed == f"{done.counts} objects per frame"
