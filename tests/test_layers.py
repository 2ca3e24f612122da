"""Layers: what is drawn, what is computed for it, and which viewer is chosen."""

import dask.array as da
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest

from segkit import show
from segkit.figures import layers as room
from segkit.figures import pictures, viewer


@pytest.fixture(autouse=True)
def _matplotlib(monkeypatch):
    """Draw with Matplotlib, without a window."""
    monkeypatch.setenv("SEGKIT_VIEWER", "matplotlib")
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


def stack():
    """Return three lazy frames of 60 x 80 pixels, and a list of those that were computed."""
    frames = np.random.default_rng(5).integers(0, 1000, (3, 60, 80)).astype(np.uint16)
    computed = []

    def read(block, block_info=None):
        computed.append(block_info[0]["chunk-location"][0])
        return block

    lazy = da.from_array(frames, chunks=(1, -1, -1), inline_array=True)
    return frames, lazy.map_blocks(read, meta=frames[:0, :0, :0]), computed


def test_each_layer_is_drawn():
    """There is a picture a layer, titled; masks and labels lie over the first image."""
    frames, lazy, _ = stack()
    labels = np.zeros((60, 80), int)
    labels[5:20, 5:20] = 9
    drawing = show.layers(
        images={"raw": lazy, "twice": 2 * lazy},
        masks={"bright": lazy > 500},
        labels={"nuclei": labels},
        frame=1,
    )
    raw, twice, bright, nuclei = drawing.figure.axes
    assert [ax.get_title() for ax in (raw, twice, bright, nuclei)] == [
        "raw",
        "twice",
        "bright",
        "nuclei",
    ]
    for ax, image in ((raw, frames[1]), (bright, frames[1]), (nuclei, frames[1])):
        assert np.array_equal(ax.images[0].get_array(), image)
    assert np.array_equal(twice.images[0].get_array(), 2 * frames[1])
    assert np.array_equal(bright.images[1].get_array() > 0, frames[1] > 500)
    assert np.array_equal(nuclei.images[1].get_array() > 0, labels > 0)
    assert drawing.figure.get_suptitle() == "Frame 1 of 0..2"
    assert drawing.slider is None


def test_only_the_frame_shown_is_computed_and_once():
    """Four layers of one stack read one frame, one time."""
    _, lazy, computed = stack()
    show.layers(
        images={"raw": lazy},
        masks={"a": lazy > 500, "b": lazy > 700},
        labels={"c": (lazy > 900).astype(int)},
        frame=2,
    )
    assert computed == [2]


def test_limits_hold_for_all_images():
    """Given limits hold for every image; else each has its percentiles in the first view."""
    frames, lazy, _ = stack()
    drawing = show.layers(images={"a": lazy, "b": 2 * lazy}, limits=(10, 20))
    assert [ax.images[0].get_clim() for ax in drawing.figure.axes] == [(10, 20)] * 2
    kept = {}
    room._drawn([("image", "a", lazy)], 3, 0, kept)
    figure, _ = room._drawn([("image", "a", lazy * 0)], 3, 1, kept)
    assert figure.axes[0].images[0].get_clim() == pictures.contrast(frames[0])


def test_alternative_text_counts():
    """The text names the layers, and says how much is in the mask and in the labels."""
    mask = np.zeros((10, 10), bool)
    mask[:5] = True
    found, depth = room._checked({"raw": mask}, {"half": mask}, {"one": mask.astype(int)}, 0)
    _, text = room._drawn(found, depth, 0, {})
    assert text == (
        "Layers of one frame: image raw; mask half, 50% of the pixels; labels one, 1 object."
    )


def test_labels_alone():
    """Without an image the labels are drawn on black."""
    drawing = show.layers(labels={"n": np.eye(60, 80, dtype=int)})
    assert len(drawing.figure.axes[0].images) == 1


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "There is no layer"),
        ({"images": {"a": np.ones((3, 4))}, "masks": {"a": np.ones((3, 4))}}, "the same name"),
        ({"images": {"a": np.ones((3, 4)), "b": np.ones((4, 3))}}, r"'a' \(3, 4\), 'b' \(4, 3\)"),
        ({"images": {"a": np.ones((2, 3, 4)), "b": np.ones((5, 3, 4))}}, "do not lie on each"),
        ({"images": {"a": np.ones(3)}}, r"'a' has shape \(3,\)"),
        ({"images": {"a": np.ones((2, 3, 4))}, "frame": 2}, r"no frame 2: choose one of 0..1"),
    ],
)
def test_bad_layers_are_refused(given, said):
    """What does not fit together is named in one line."""
    with pytest.raises(ValueError, match=said):
        show.layers(**given)


# ---- the choice


@pytest.fixture
def machine(monkeypatch):
    """Make up a machine: set what there is of napari, a display, and Qt."""

    class Spec:
        origin = "somewhere"

    def make(*, napari=True, display=True, qt="", wish=""):
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name: Spec if napari and name == "napari" else None
        )
        monkeypatch.setattr("sys.platform", "linux")
        monkeypatch.setenv("DISPLAY", ":9" if display else "")
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        monkeypatch.setattr(viewer, "_qt_fault", lambda settings: qt)
        monkeypatch.setenv("SEGKIT_VIEWER", wish)

    return make


@pytest.mark.parametrize(
    ("made", "choice", "reason"),
    [
        ({}, "napari", "it is installed and has a display"),
        ({"napari": False}, "Matplotlib", "napari is not installed"),
        ({"display": False}, "Matplotlib", "no display"),
        ({"qt": "Qt does not start (no libEGL)"}, "Matplotlib", "no libEGL"),
        ({"wish": "matplotlib"}, "Matplotlib", "SEGKIT_VIEWER asks for it"),
        ({"wish": "napari", "display": False}, "napari", "SEGKIT_VIEWER asks for it"),
    ],
)
def test_choice(machine, made, choice, reason):
    """Napari is chosen where it can open and nothing else is asked for; the reason is told."""
    machine(**made)
    chosen, why = viewer.choose()
    assert chosen == choice
    assert reason in why


def test_wayland_is_a_display(machine, monkeypatch):
    """A Wayland session counts as a display too."""
    machine(display=False)
    monkeypatch.setenv("WAYLAND_DISPLAY", "wayland-0")
    assert viewer.choose()[0] == "napari"


def test_a_folder_called_napari_is_not_napari(tmp_path, monkeypatch):
    """A folder of that name on the path, such as that of a test, does not count."""
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    (tmp_path / "napari").mkdir()
    assert "not installed" in viewer.hindrance()


def test_impossible_and_unknown_wishes(machine):
    """Asking for napari where it cannot open, or for another viewer, is an error in one line."""
    machine(napari=False, wish="napari")
    with pytest.raises(OSError, match="asks for napari, but napari is not installed"):
        viewer.choose()
    machine(wish="imagej")
    with pytest.raises(ValueError, match="'imagej': set it to napari or matplotlib"):
        viewer.choose()


def test_qt_is_tried_in_a_process_of_its_own(monkeypatch):
    """A Qt that ends its process is reported with what it said, and ends nothing here."""
    probe = "import os, sys; print('could not connect to display', file=sys.stderr, flush=True)"
    monkeypatch.setattr(viewer, "PROBE", f"{probe}; os.abort()")
    assert viewer._qt_fault(("aborts",)) == "Qt does not start (could not connect to display)"
    monkeypatch.setattr(viewer, "PROBE", "import no_such_binding")
    assert "No module named 'no_such_binding'" in viewer._qt_fault(("raises",))
    monkeypatch.setattr(viewer, "PROBE", "pass")
    assert viewer._qt_fault(("starts",)) == ""


def test_the_choice_is_told(capsys):
    """One line on standard output says what was chosen and why."""
    show.layers(images={"a": np.ones((9, 9))})
    assert capsys.readouterr().out == "Shown with Matplotlib: SEGKIT_VIEWER asks for it.\n"
