"""The snippets of notebooks 07 to 09 and 12 run as they stand, and find what a plain loop finds."""

import shutil

import numpy as np
import pytest
import tifffile

from segkit import unet


def test_delayed_table_has_all_nuclei(own, folder, run, tmp_path):
    """It finds the nuclei of all files, dim and bright, and none where there are none."""
    found = run("delayed_table", folder, cwd=tmp_path)
    assert found == f"{sum(own.counts)} objects in 6 files"


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


def test_model_per_worker_counts_what_segkit_finds(files, folder, run, tmp_path):
    """Frames of any shape have as many nuclei as with segkit's method; colours are refused."""
    (tmp_path / "images").mkdir()
    shutil.copy(unet.MODEL, tmp_path / "model.onnx")
    images = [tifffile.imread(path)[:170, :230] for path in files[:3]]
    for number, image in enumerate(images):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", image)
    counts = [int(unet.segment(image).max()) for image in images]
    assert min(counts) > 0
    assert run("model_per_worker", folder, cwd=tmp_path) == f"{counts} nuclei per image"
    tifffile.imwrite(tmp_path / "images" / "0.tif", np.stack([images[0]] * 3, axis=-1))
    with pytest.raises(AssertionError, match="too many values"):
        run("model_per_worker", folder, cwd=tmp_path)
