"""A real napari window with the layers of notebook 03, looked at through screenshots.

It needs napari and a display: ``make test-napari`` brings both, the display with ``xvfb-run``.
"""

import json
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from skimage.draw import disk

from segkit import run, show

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

LIMITS = (100, 1000)
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
CENTRES = [[(30, 30), (30, 90), (70, 60)], [(25, 60), (75, 20), (75, 100)]]


@pytest.fixture(scope="module")
def stack():
    """Make two frames with three bright discs each, one frame per chunk."""
    frames = np.random.default_rng(3).normal(150, 20, (2, 100, 120))
    for frame, centres in zip(frames, CENTRES, strict=True):
        for centre in centres:
            frame[disk(centre, 12)] += 500
    return da.from_array(frames.astype(np.uint16), chunks=(1, -1, -1))


@pytest.fixture
def window(stack, monkeypatch, tmp_path):
    """Run the cell of notebook 03 that opens napari; the user's settings are left alone."""
    monkeypatch.delenv("SEGKIT_VIEWER", raising=False)
    monkeypatch.setenv("NAPARI_CONFIG", str(tmp_path / "settings.yaml"))
    cells = json.loads((NOTEBOOKS / "03_thresholding.ipynb").read_text("utf-8"))["cells"]
    (cell,) = [cell for cell in cells if "napari" in cell["metadata"].get("tags", ())]
    given = {"show": show, "images": stack, "mask_otsu": stack > 400, "mask": stack > 450}
    exec("".join(cell["source"]), given)
    given["viewer"].window.resize(900, 700)
    yield given["viewer"]
    given["viewer"].close()


def seen(window, **options):
    """Return what is on the screen, as rows of pixels of red, green and blue."""
    return window.screenshot(flash=False, **options)[..., :3].astype(int)


def only(window, *names):
    """Show these layers, fully opaque, and hide the others."""
    for layer in window.layers:
        layer.visible = layer.name in names
        layer.opacity = 1


def test_layers_are_there(window):
    """The viewer holds an image with the contrast limits given, and two masks as outlines."""
    import napari

    kinds = [(layer.name, type(layer)) for layer in window.layers]
    labels = napari.layers.Labels
    assert kinds == [("frames", napari.layers.Image), ("Otsu", labels), ("local", labels)]
    assert tuple(window.layers["frames"].contrast_limits) == LIMITS
    assert [window.layers[name].contour for name in ("Otsu", "local")] == [1, 1]


def test_screen_is_not_blank(window):
    """The canvas and the whole window show many colours; with all layers hidden it is black."""
    canvas, whole = seen(window), seen(window, canvas_only=False)
    assert len(np.unique(canvas.reshape(-1, 3), axis=0)) > 50
    assert len(np.unique(whole.reshape(-1, 3), axis=0)) > 100
    only(window)
    assert seen(window).max() == 0


def test_a_mask_is_drawn_as_an_outline(window, stack):
    """The mask alone colours far fewer pixels than it has, but some."""
    only(window, "Otsu")
    window.dims.set_current_step(0, 0)
    outlined = (np.ptp(seen(window), axis=-1) > 50).mean()
    window.layers["Otsu"].contour = 0
    filled = (np.ptp(seen(window), axis=-1) > 50).mean()
    assert 0 < outlined < filled / 2


def test_contrast_limits_reach_the_screen(window):
    """The background's grey level comes out at its place between the limits."""
    only(window, "frames")
    picture = seen(window)
    grey = picture[(np.ptp(picture, axis=-1) == 0)][:, 0]
    low, high = LIMITS
    darkest, brightest = (255 * (level - low) / (high - low) for level in (150, 650))
    assert abs(np.median(grey[(grey > 5) & (grey < 60)]) - darkest) <= 2
    assert abs(np.median(grey[grey > 120]) - brightest) <= 2


def test_the_slider_moves_through_the_frames(window):
    """Frames 0 and 1 are different pictures."""
    window.dims.set_current_step(0, 0)
    first = seen(window)
    window.dims.set_current_step(0, 1)
    assert (abs(seen(window) - first).max(axis=-1) > 50).mean() > 0.02


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
