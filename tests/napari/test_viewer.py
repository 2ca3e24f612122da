"""A real napari window with the layers of notebook 03, of a run, and of truth to be drawn.

It needs napari and a display: ``make test-napari`` brings both, the display with ``xvfb-run``.
``SEGKIT_PICTURE=notebooks/pictures/napari.png make test-napari`` takes the picture again.
"""

import json
import os
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from PIL import Image
from skimage.filters import threshold_otsu

from segkit import data, frame, run, show, simulate

FAULT = show.why_not_napari()
pytestmark = [
    pytest.mark.napari,
    pytest.mark.skipif(bool(FAULT), reason=f"napari cannot open a window: {FAULT}"),
    # Warnings of napari (the first) and of its plug-in engine npe2 while they are imported: both
    # still declare models in the style of pydantic 1.
    pytest.mark.filterwarnings("ignore:`json_encoders` is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings(
        "ignore:Using extra keyword arguments on `Field`:DeprecationWarning"
    ),
    pytest.mark.filterwarnings("ignore:`allow_mutation` is deprecated:DeprecationWarning"),
]

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def window(monkeypatch, tmp_path):
    """Run the cell of notebook 03 that opens napari; the user's settings are left alone."""
    monkeypatch.delenv("SEGKIT_VIEWER", raising=False)
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    cells = json.loads((NOTEBOOKS / "03_thresholding.ipynb").read_text("utf-8"))["cells"]
    (cell,) = [cell for cell in cells if "napari" in cell["metadata"].get("tags", ())]
    paths = data.images(simulate.write(tmp_path / "simulated", frames=3))
    images = [tifffile.imread(path) for path in paths]
    smoothed = [frame.smooth(image) for image in images]
    stacks = {
        "images": images,
        "mask_otsu": [one > threshold_otsu(one) for one in smoothed],
        "mask": [one > frame.local_threshold(one) for one in smoothed],
    }
    lazy = {name: da.from_array(np.stack(one), chunks=(1, -1, -1)) for name, one in stacks.items()}
    given = {"show": show, **lazy}
    exec("".join(cell["source"]), given)
    yield given["viewer"]
    given["viewer"].close()


def test_layers_are_there(window):
    """The viewer holds an image with the contrast limits given, and two masks as outlines."""
    import napari

    kinds = [(layer.name, type(layer)) for layer in window.layers]
    labels = napari.layers.Labels
    assert kinds == [("frames", napari.layers.Image), ("Otsu", labels), ("local", labels)]
    assert tuple(window.layers["frames"].contrast_limits) == (100, 1000)
    assert [window.layers[name].contour for name in ("Otsu", "local")] == [1, 1]


def test_the_window_shows_labels_on_a_frame(window, tmp_path):
    """Labels are coloured, the frame below them is grey; the picture of it is small enough."""
    window.window.resize(1040, 720)
    labels = [frame.tutorial(image) for image in np.asarray(window.layers["frames"].data)]
    window.add_labels(np.stack(labels), name="labels", opacity=0.4)
    colourful = []
    for visible in (False, True):
        for layer in list(window.layers)[1:]:
            layer.visible = visible
        canvas = window.screenshot(flash=False)[..., :3].astype(int)
        colourful.append(np.mean(np.ptp(canvas, axis=-1) > 30))
    assert colourful[0] < 0.001 < 0.05 < colourful[1]
    path = Path(os.environ.get("SEGKIT_PICTURE", tmp_path / "napari.png"))
    picture = Image.fromarray(window.screenshot(canvas_only=False, flash=False)[..., :3])
    picture.quantize(128).save(path, optimize=True)
    assert path.stat().st_size < 200_000


def test_label_store_opens_in_napari(window, tmp_path):
    """napari-ome-zarr shows the label store of a run as labels, in micrometres."""
    numbers = np.zeros((2, 40, 60), np.int32)
    numbers[0, 10:20, 10:30] = 1
    numbers[1, 5:25, 40:50] = 2
    run.create_labels(tmp_path, numbers.shape, shard=2, pixel_size=0.5)
    run.write_labels(tmp_path, 0, numbers)
    (layer,) = window.open(str(tmp_path / "labels.ome.zarr"), plugin="napari-ome-zarr")
    assert type(layer).__name__ == "Labels"
    np.testing.assert_allclose(layer.scale, [1, 0.5, 0.5])
    np.testing.assert_array_equal(np.asarray(layer.data), numbers)


def test_drawing_truth_as_notebook_16_says(monkeypatch, tmp_path):
    """The lines to copy open a viewer with an empty label layer; what is drawn is saved."""
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    notebook = (NOTEBOOKS / "16_your_data.ipynb").read_text("utf-8")
    (cell,) = [c for c in json.loads(notebook)["cells"] if "```python" in "".join(c["source"])]
    text = "".join(cell["source"])
    given = {"np": np, "tifffile": tifffile, "stack": np.zeros((2, 40, 50), np.uint8)}
    exec(text.split("```python\n")[1].split("```")[0], given)
    try:
        given["drawn"].paint((20, 25), 7)
        monkeypatch.chdir(tmp_path)
        exec(text.split("Afterwards `")[1].split("`")[0], given)
    finally:
        given["viewer"].close()
    saved = tifffile.imread(tmp_path / "truth.tif")
    assert (saved.shape, saved.max(), saved[20, 25]) == ((40, 50), 7, 7)
