"""The snippet for a GPU gives SciPy's results on the CPU."""

import shutil
import sys

import numpy as np
import tifffile

from segkit import frame


def test_segment(play, folder, files, tmp_path, monkeypatch):
    """Each row has the image, area and mean of the object that `segkit.frame` finds."""
    monkeypatch.setitem(sys.modules, "cupy", None)  # else a machine with a GPU would take it
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
