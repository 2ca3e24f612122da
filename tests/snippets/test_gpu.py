"""The snippets for a GPU give SciPy's results on the CPU."""

import re
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


def test_segment(play, files):
    """Each row has the frame, area and mean of the nucleus that `segkit.frame` finds."""
    played = play("gpu_segment")
    images = [tifffile.imread(path) for path in files[:10]]
    tables = [frame.measure(one, frame.segment(one.astype(float))) for one in images]
    assert played.printed == f"{sum(map(len, tables))} nuclei in 10 frames, computed with numpy"
    for number, expected in enumerate(tables):
        found = played.table[played.table["frame"] == number]
        np.testing.assert_array_equal(found["area"], expected["area"])
        np.testing.assert_allclose(found["mean_intensity"], expected["mean_intensity"])


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
