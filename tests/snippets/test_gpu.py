"""The snippets for a GPU give SciPy's results on the CPU."""

import re
import shutil
import sys

import numpy as np
import pytest
import tifffile
from scipy import ndimage

from segkit import frame


@pytest.fixture(autouse=True)
def _no_gpu(monkeypatch):
    """Hide CuPy: on a machine with a GPU the snippets would take it."""
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_segment(play, folder, files, tmp_path):
    """Each row has the image, area and mean of the object that `segkit.frame` finds."""
    shutil.copytree(folder / "images", tmp_path / "images")
    played = play("gpu_segment")
    images = [tifffile.imread(path) for path in files[:10]]
    tables = [frame.measure(one, frame.segment(one.astype(float))) for one in images]
    assert len(played.table) == sum(map(len, tables))
    assert played.printed.endswith("computed with numpy")
    for number, expected in enumerate(tables):
        found = played.table[played.table["image"] == number]
        np.testing.assert_array_equal(found["area"], expected["area"])
        np.testing.assert_allclose(found["mean_intensity"], expected["mean_intensity"])


def test_segment_where_there_are_no_images(play):
    """The error names the pattern to change."""
    with pytest.raises(ValueError, match=r"images/\*\.tif"):
        play("gpu_segment")


def test_dask_image(play, files):
    """The mask is that of SciPy, frame by frame, and four frames share a chunk."""
    played = play("gpu_dask_image")
    covered = []
    for path in files[:4]:
        smoothed = ndimage.gaussian_filter(tifffile.imread(path).astype(float), 1)
        mask = smoothed > frame.local_threshold(smoothed)
        covered.append(ndimage.binary_opening(mask).mean())
    assert played.opened.chunksize[0] == 4
    assert float(re.match(r"[\d.]+", played.printed)[0]) == round(100 * np.mean(covered), 2)
    assert played.printed.endswith("computed with numpy")
