"""The snippets of notebooks 07 to 09 run as they stand, and find what a plain loop finds."""

import numpy as np
import pytest
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
    assert run("apply_parallel_filter", folder, cwd=folder) == (
        "largest difference from the image filtered in one piece: 0.000 grey levels"
    )


def test_delayed_table_has_all_nuclei(folder, files, run):
    """As many nuclei as a loop finds, in all files."""
    nuclei = 0
    for path in files:
        image = tifffile.imread(path)
        nuclei += ndimage.label(image > threshold_otsu(image), np.ones((3, 3)))[1]
    assert nuclei > 500
    assert run("delayed_table", folder, cwd=folder) == f"{nuclei} objects in 12 files"


def test_delayed_table_refuses_colours(play, tmp_path):
    """A colour image is not labelled as if it were a volume, and the message names it."""
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "rgb.tif", np.zeros((20, 30, 3), np.uint8))
    with pytest.raises(AssertionError, match=r"rgb\.tif is not one grey frame"):
        play("delayed_table")


FILTERS = {
    "map_overlap_filter": "0 of 35100 pixels differ from the image filtered in one piece",
    "apply_parallel_filter": (
        "largest difference from the image filtered in one piece: 0.000 grey levels"
    ),
    "delayed_table": "2 objects in 1 files",
}


@pytest.mark.parametrize("name", FILTERS)
def test_copies_run_beside_own_images(name, play, tmp_path):
    """Each takes a small image of 8 bits, in chunks of uneven size."""
    image = np.full((130, 270), 20, np.uint8)
    image[:9, 50:60] = image[100:110, 250:] = 200
    (tmp_path / "images").mkdir()
    tifffile.imwrite(tmp_path / "images" / "a.tif", image)
    assert play(name).printed == FILTERS[name]


@pytest.mark.parametrize("name", FILTERS)
def test_copies_say_that_there_are_no_images(name, play):
    """Where nothing matches, the message holds the pattern, and no frames are simulated."""
    with pytest.raises((OSError, ValueError), match=r"images/\*\.tif"):
        play(name)


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
