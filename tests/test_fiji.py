"""The page for those who come from Fiji: its code runs, and both columns give the same."""

import re
from pathlib import Path

import dask
import dask.array as da
import numpy as np
import pandas as pd
import pytest
import skimage
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure, ndmorph
from scipy import ndimage

PAGE = (Path(__file__).parents[1] / "site" / "fiji.md").read_text("utf-8")
ROWS = [line.split(" | ") for line in PAGE.splitlines() if line.startswith("| ")][2:]


def code(cell):
    """Return the pieces of code in a cell of the table that do something."""
    return [piece for piece in re.findall(r"`([^`]+)`", cell) if re.search(r"\W", piece)]


@pytest.fixture
def names(tmp_path, monkeypatch):
    """Return what the code of each column may name: that of the stack, and that of one frame."""
    images = np.random.default_rng(4).integers(100, 300, (3, 60, 80)).astype("uint16")
    images[:, 10:30, 20:50] = 900
    images[:, 18:21, 30:33] = 100  # a hole
    images[:, 40:50, 60:70] = 700
    (tmp_path / "images").mkdir()
    for number, image in enumerate(images):
        tifffile.imwrite(tmp_path / "images" / f"{number}.tif", image)
    monkeypatch.chdir(tmp_path)
    mask, cross = images > 500, ndimage.generate_binary_structure(2, 1)
    structure = np.pad([cross], ((1, 1), (0, 0), (0, 0)))
    labels, _ = ndimage.label(mask, structure)
    shared = {"structure": structure, "cross": cross, "threshold": 400, "index": [1]}
    shared |= {"dask": dask, "ndimage": ndimage, "tifffile": tifffile, "function": len}
    shared |= {"paths": ["a", "bc"], "table": pd.DataFrame({"area": [20, 50, 700]})}
    stack = {"images": images, "smoothed": images.astype(float), "mask": mask, "opened": mask}
    stack |= {"labels": labels}
    frame = {name: array[0] for name, array in stack.items()} | {"block_size": 31}
    frame |= {name: getattr(skimage, name) for name in ("filters", "measure", "morphology")}
    frame |= {"image": images[0], "path": "images/0.tif", "segmentation": skimage.segmentation}
    frame |= {"distance": ndimage.distance_transform_edt(mask[0]), "markers": labels[0]}
    stack = {name: da.from_array(a, chunks=(1, -1, -1)) for name, a in stack.items()}
    stack |= {"ndfilters": ndfilters, "ndmeasure": ndmeasure, "ndmorph": ndmorph}
    stack |= {"block_size": (1, 31, 31)}
    stack["imread"] = imread
    stack["above_otsu"] = lambda image: image > skimage.filters.threshold_otsu(image)
    return shared | stack, shared | frame


def test_the_code_of_both_columns_runs_and_agrees(names):
    """Each piece of code runs, and what the stack's gives for frame 0 is what the frame's gives."""
    ran = 0
    for _, *columns, _ in ROWS:
        results = []
        for cell, known in zip(columns, names, strict=True):
            pieces = [piece.partition("mask = ")[2] or piece for piece in code(cell)]
            results.append([eval(piece, dict(known)) for piece in pieces])
            ran += len(pieces)
        for stack, frame in zip(*results, strict=False):
            if getattr(frame, "shape", None) == (60, 80) and stack.ndim == 3:
                np.testing.assert_array_equal(stack[0].compute(), frame)
    assert ran > 20


def test_holes_stay_without_the_empty_planes(names):
    """What the page says of the third axis: a chunk's hole is filled only with `structure`."""
    stack, _ = names
    mask, structure = stack["mask"], stack["structure"]
    filled = mask.map_blocks(ndimage.binary_fill_holes, structure=structure)
    assert filled[0].sum().compute() == 20 * 30 + 10 * 10
    assert mask.map_blocks(ndimage.binary_fill_holes)[0].sum().compute() == 20 * 30 + 10 * 10 - 9
