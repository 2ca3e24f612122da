"""The snippets of notebooks 07 to 09 run as they stand, and find what a plain loop finds."""

import numpy as np
import tifffile
from scipy import ndimage
from skimage.filters import threshold_otsu


def test_map_overlap_leaves_no_seam(folder, run):
    """The chunks give the pixels of the whole image."""
    assert run("map_overlap_filter", folder, cwd=folder) == (
        "0 of 361920 pixels differ from the image filtered in one piece"
    )


def test_apply_parallel_is_right_at_the_border(folder, run):
    """The chunks give the grey levels of the whole image, at its border too."""
    assert run("apply_parallel_filter", folder) == (
        "largest difference from the image filtered in one piece: 0.000 grey levels"
    )


def test_delayed_table_has_all_nuclei(folder, files, run, tmp_path):
    """Two tasks for twelve files, and as many nuclei as a loop finds; no file is left behind."""
    nuclei = 0
    for path in files:
        smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
        nuclei += ndimage.label(smoothed > threshold_otsu(smoothed))[1]
    assert nuclei > 500
    assert run("delayed_table", folder, cwd=tmp_path) == f"{nuclei} objects in 12 files, 2 tasks"
    assert list(tmp_path.iterdir()) == []


def test_frame_statistics_are_those_of_each_frame(files, play):
    """A row a frame, with the levels that NumPy finds."""
    rows = play("frame_statistics").rows.compute()
    assert rows.shape == (10, 5)
    first = tifffile.imread(files[0])
    assert rows[0, 0] == first.min()
    assert rows[0, 3] == first.max()
    assert [row[4] for row in rows] == [(tifffile.imread(p) == 4095).sum() for p in files[:10]]


def test_frame_statistics_keep_fractions(play, own):
    """Levels between 0 and 1 are not printed as 0."""
    levels = np.linspace(0.125, 0.875, 600, dtype="float32").reshape(20, 30)
    *_, row = play("frame_statistics", own([levels])).printed.splitlines()
    assert row.split() == ["00", "0.125", "0.5", "0.8675", "0.875", "0"]


def test_larger_than_memory_stays_small(files, play):
    """Sixty frames are filtered, in a fraction of the memory that they take."""
    done = play("larger_than_memory")
    assert done.filtered.shape == (60, 520, 696)
    assert done.peak < done.filtered.nbytes / 2
    last = ndimage.uniform_filter(tifffile.imread(files[9]).astype("float32"), 5)
    assert abs(done.filtered[-1].compute() - last).max() < 0.01
