"""The snippets of notebooks 00 and 10 count every nucleus, and count it once."""

import shutil

import numpy as np
import tifffile

from segkit import data, frame, score


def test_count_nuclei(play, own):
    """The nuclei of the first three images are counted, and no noise where there are none."""
    own.write(own.images[[5, 4, 3, 0, 1, 2]])
    assert play("count_nuclei").printed == "[13, 0, 11] objects"


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
