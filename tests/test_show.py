"""Figures: what is drawn is what was given, for readers with any kind of sight."""

import dask
import dask.array as da
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from dask_image import ndfilters
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_hex, to_rgba
from nbclient import NotebookClient

from segkit import show


@pytest.fixture(autouse=True)
def _agg(monkeypatch):
    """Draw without a window, with BBBC039's pixels, and leave no figure behind."""
    monkeypatch.setenv("SEGKIT_VIEWER", "matplotlib")
    monkeypatch.setitem(show._settings, "pixel_size", 0.645)
    with mpl.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


@pytest.fixture
def ax():
    """Return empty axes."""
    return plt.subplots(figsize=(5, 4), layout="constrained")[1]


def frame(rows=100, columns=140):
    """Return a frame in which every pixel differs from its neighbours."""
    return np.arange(rows * columns, dtype=np.uint16).reshape(rows, columns)


def counted(image):
    """Return a lazy copy of an image, and a list that grows each time it is computed."""
    calls = []

    def compute(block):
        calls.append(1)
        return block

    return da.from_array(image, chunks=-1).map_blocks(compute, meta=image[:0, :0]), calls


def pixels(figure):
    """Return the figure as it is painted, rows of red, green and blue."""
    figure.canvas.draw()
    return np.asarray(figure.canvas.buffer_rgba())[..., :3].astype(int)


# ---- frames


def test_row_0_is_at_the_top(ax):
    """The picture has the first row at the top and the first column at the left."""
    image = np.zeros((60, 90))
    image[:30, :45] = 1
    show.gray(ax, image, title="corner", scale_bar=False)
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    box = ax.get_window_extent()
    seen = pixels(ax.figure)[::-1][int(box.y0) + 9 : int(box.y1) - 9, int(box.x0) + 9 :]
    assert seen[-1, 0].min() == 255  # top left, counted from below
    assert seen[0, 0].max() == 0


def test_limits_are_percentiles_or_given(ax):
    """One saturated pixel does not darken the frame, and one grey level is no contrast at all."""
    image = np.random.default_rng(0).normal(150, 5, (100, 100))
    image[3, 3] = 60000
    low, high = show.gray(ax, image, title="a").get_clim()
    assert 130 < low < 145
    assert 155 < high < 170
    assert show.gray(ax, image, title="a", limits=(1, 2)).get_clim() == (1, 2)
    assert show.gray(ax, np.full((9, 9), 7), title="even").get_clim() == (7, 8)
    assert show.gray(ax, np.eye(9) > 0, title="mask").get_clim() == (0, 1)


@pytest.mark.parametrize(("scale_bar", "pixel_size"), [(True, 0.645), (1.0, 1)])
def test_scale_bar_is_50_micrometres(ax, scale_bar, pixel_size):
    """The bar is 50 micrometres long, and white on a dark box, whatever lies under it."""
    show.gray(ax, np.zeros((100, 140)), title="bar", scale_bar=scale_bar)
    box = ax.get_window_extent()
    seen = pixels(ax.figure)[::-1][int(box.y0) + 2 : int(box.y1) - 2, int(box.x0) + 2 :]
    white = (seen.min(axis=-1) == 255)[:, : int(box.width) - 4]
    assert white.sum(axis=1).max() == pytest.approx(50 / pixel_size * box.width / 140, abs=2)
    (bar,) = ax.artists
    *colour, opacity = bar.patch.get_facecolor()
    assert (max(colour), opacity) == (0, 0.7)
    assert not list(ax.get_xticks()) + list(ax.get_yticks())


@pytest.mark.parametrize(
    ("shape", "scale_bar", "known"),
    [((20, 30), True, 0.645), ((100, 140), False, 0.645), ((100, 140), True, None)],
)
def test_rows_and_columns_are_numbered_instead(ax, shape, scale_bar, known):
    """Where the bar does not fit, is not wanted or has no pixel size, the axes are numbered."""
    show.set_pixel_size(known)
    show.gray(ax, frame(*shape), title="small", scale_bar=scale_bar)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")
    assert len(ax.get_xticks()) > 2
    assert not ax.artists


def test_a_stack_is_refused(ax):
    """The message for a stack names the shape and what to do; nothing is computed for it."""
    lazy, calls = counted(np.zeros((3, 5, 6))[0])
    with pytest.raises(ValueError, match=r"\(3, 5, 6\).* as in stack\[0\]"):
        show.gray(ax, da.stack([lazy] * 3), title="stack")
    assert not calls


def test_frames_share_the_contrast():
    """All frames have the limits of all their grey levels, and the bar is labelled."""
    fig = show.frames([frame(), frame() + 50000], ["dark", "bright"])
    first, second, bar = fig.axes
    assert first.images[0].get_clim() == second.images[0].get_clim()
    assert first.images[0].get_clim() == show._contrast(frame(), frame() + 50000)
    assert [ax.get_title() for ax in (first, second)] == ["dark", "bright"]
    assert bar.get_ylabel() == "grey level"


def test_frames_stand_in_rows():
    """Five frames stand in rows of three, without empty axes."""
    fig = show.frames([frame()] * 5, list("abcde"), limits=(0, 9))
    *drawn, _ = fig.axes
    fig.canvas.draw()
    tops = [round(ax.get_position().y1, 3) for ax in drawn]
    assert len(drawn) == 5
    assert tops[0] == tops[1] == tops[2] > tops[3] == tops[4]


# ---- masks and labels


@given(arrays(np.int32, (12, 15), elements=st.sampled_from([0, 0, 3, 7, 8, 15, 22, 29, 400])))
def test_objects_stay_whole(labels):
    """Whatever the labels, the background stays, and each object gets one of seven colours."""
    colours = show._coloured(labels)
    assert np.array_equal(colours > 0, labels > 0)
    assert colours.max() <= 7
    assert all(len(np.unique(colours[labels == label])) == 1 for label in np.unique(labels))


@given(st.permutations(range(1, 31)), st.integers(0, 5))
def test_neighbours_differ(numbers, gap):
    """However they are numbered, objects side by side or a few pixels apart differ in colour."""
    grid = np.reshape(numbers, (5, 6))
    labels = np.kron(grid, np.pad(np.ones((9, 9), int), (0, gap)))
    colours = show._coloured(labels)[4 :: 9 + gap, 4 :: 9 + gap]
    assert colours.shape == grid.shape
    assert (colours[1:] != colours[:-1]).all()
    assert (colours[:, 1:] != colours[:, :-1]).all()


def test_labels_are_coloured_on_black(ax):
    """An object is drawn in a colour of the palette, and what lies outside is black."""
    labels = np.zeros((60, 90), int)
    labels[20:40, 30:60] = 1
    show.labels(ax, labels, title="alone")
    (drawn,) = ax.images
    colours = drawn.get_cmap()(drawn.get_array())
    assert to_hex(colours[20, 30]) in map(str.lower, show.PALETTE)
    assert tuple(colours[0, 0]) == (0, 0, 0, 1)


def test_outlines_run_around_the_objects(ax):
    """The border has the colour asked for; the inside and the surroundings stay grey."""
    labels = np.zeros((40, 40), int)
    labels[10:30, 10:30] = 5
    show.outlines(ax, np.zeros((40, 40)), labels, title="border", colour="tab:blue")
    border = ax.images[1].get_array()
    assert tuple(border[10, 20]) == pytest.approx(to_rgba("tab:blue"))
    assert border[20, 20, 3] == border[5, 5, 3] == 0
    assert (border[..., 3] > 0).sum() == (22**2 - 4) - 18**2


def test_mask_changes_are_counted(ax):
    """The legend counts the pixels added, removed and kept, each painted in its colour."""
    before = np.zeros((20, 30), bool)
    before[5:15, 5:15] = True
    after = np.zeros_like(before)
    after[5:15, 7:18] = True
    show.masks(ax, after, title="moved", before=before)
    legend = ax.get_legend()
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == ["removed: 20 pixels", "added: 30 pixels", "kept: 80 pixels"]
    drawn, cmap = ax.images[0].get_array(), ax.images[0].get_cmap()
    colours = [cmap(int(drawn[place])) for place in ((6, 5), (6, 16), (6, 10))]
    assert [patch.get_facecolor() for patch in legend.get_patches()] == colours


def test_lazy_masks_are_computed_together(ax):
    """A mask and the mask before it share their computation: the frame below them is read once."""
    lazy, calls = counted(frame(30, 40))
    show.masks(ax, lazy > 700, before=lazy > 300, title="both")
    assert len(calls) == 1


def test_masks_of_two_shapes_are_refused(ax):
    """The message names both shapes."""
    with pytest.raises(ValueError, match=r"mask \(4, 5\), before \(5, 4\)"):
        show.masks(ax, np.ones((4, 5)), before=np.ones((5, 4)), title="no")


# ---- on the page


def test_described_outside_jupyter(ax):
    """Outside Jupyter the figure comes back, open and untouched."""
    assert show.described(ax.figure, "A text.") is ax.figure
    assert plt.fignum_exists(ax.figure.number)


CELLS = {
    "setup": "import dask.array as da\nimport matplotlib.pyplot as plt\nimport numpy as np\n"
    "from segkit import show",
    "pyplot": "fig, ax = plt.subplots()\nax.plot([1])\nshow.described(fig, 'A \"line\"\\n  <up>.')",
    "made": "fig = show.frames([np.eye(9)], ['eye'])",
    "shown": "show.described(fig, 'An eye.')",
    "bare": "show.graph(da.ones(3, chunks=1))",
}


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """Run a notebook without a front end; return the outputs of each cell by the cell's name."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS.values()]
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGKIT_VIEWER", "matplotlib")
        patch.delenv("MPLBACKEND", raising=False)
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}})
        client.execute()
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


@pytest.mark.parametrize(
    ("cell", "texts"),
    [("pyplot", ['A "line" <up>.']), ("made", []), ("shown", ["An eye."]), ("bare", [None])],
)
def test_figures_are_shown_once(outputs, cell, texts):
    """With its text where it is described, or without one as a cell's last value."""
    shown = [out for out in outputs[cell] if "image/png" in out.get("data", {})]
    assert [out.metadata.get("image/png", {}).get("alt") for out in shown] == texts


# ---- errors


def planted():
    """Return a truth and a result with each kind of error, and some that look like another."""
    truth, labels = np.zeros((2, 40, 90), int)
    truth[2:12, 2:12] = labels[2:12, 2:12] = 5  # found
    truth[2:12, 20:30] = 7  # missed
    labels[2:12, 40:50] = 9  # extra
    truth[20:30, 2:12], truth[20:30, 12:22] = 8, 11  # merged in one object
    labels[20:30, 2:22] = 12
    truth[20:30, 40:52] = 20  # split in two
    labels[20:30, 40:46], labels[20:30, 46:52] = 30, 31
    truth[2:12, 60:70], labels[2:12, 60:65] = 40, 40  # a bad outline: neither found nor split
    truth[20:30, 60:70], labels[20:30, 60:68], labels[20:30, 68:70] = 41, 41, 42  # a splinter
    return truth, labels


def test_nothing_to_compare():
    """Without a nucleus and without an object there is still a picture."""
    nothing = np.zeros((30, 30), int)
    assert len(show.compare(nothing, nothing, nothing).axes) == 2


def test_the_legends_count():
    """Each legend counts its side."""
    truth, labels = planted()
    fig = show.compare(truth > 0, truth, labels, title="mine")
    assert [ax.get_title() for ax in fig.axes] == ["the truth", "mine"]
    left, right = ([text.get_text() for text in ax.get_legend().get_texts()] for ax in fig.axes)
    assert left == ["found: 2", "missed: 2", "merged: 2", "split: 1"]
    assert right == ["found: 2", "extra: 2", "merged: 1", "split: 3"]


def test_the_pixels_of_an_error_have_its_colour():
    """The missed nucleus is filled, its border drawn in full; background stays clear."""
    truth, labels = planted()
    picture = show.compare(truth > 0, truth, labels).axes[0].images[-1].get_array()
    assert to_hex(picture[6, 25, :3]) == to_hex(picture[2, 20, :3]) == "#d55e00"
    assert 0 < picture[6, 25, 3] < picture[2, 20, 3] == 1
    assert picture[15, 30, 3] == 0
    assert picture[6, 6, 3] == 0  # a nucleus that is found is not covered up


def test_a_window_keeps_the_outcomes_of_the_complete_frame():
    """A nucleus cut by the window is judged by all of it, and only what is shown is counted."""
    truth, labels = planted()
    labels[2:12, 10:12] = 0  # IoU 0.8 in the frame; within the window alone it would be 0.67
    fig = show.compare(truth > 0, truth, labels, window=np.s_[0:16, 6:36])
    texts = [text.get_text() for text in fig.axes[0].get_legend().get_texts()]
    assert texts == ["found: 1", "missed: 1"]
    assert fig.axes[0].images[-1].get_array().shape[:2] == (16, 30)


# ---- napari


QT = {
    "starts": "QApplication = list",
    "lacks a library": "raise ImportError('no libEGL')",
    "aborts": "import os\nos.write(2, b'no xcb\\nand more')\nos.abort()",
}


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Make up a machine: set what there is of napari and Qt."""

    def make(*, napari="napari/__init__.py", qt="starts", wish=""):
        for name, text in {napari: "", "qtpy/__init__.py": "", "qtpy/QtWidgets.py": QT[qt]}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text)
        monkeypatch.setattr("sys.path", [str(tmp_path)])
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))
        monkeypatch.setenv("SEGKIT_VIEWER", wish)

    return make


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ({}, ""),
        ({"napari": "napari/notes.txt"}, "napari is not installed (pip install 'napari[pyqt6]')"),
        ({"qt": "lacks a library"}, "Qt does not start (ImportError: no libEGL)"),
        ({"qt": "aborts"}, "Qt does not start (no xcb)"),
        ({"wish": "matplotlib"}, "SEGKIT_VIEWER asks for it"),
    ],
)
def test_choice(machine, made, reason):
    """Napari is chosen where it can open and nothing else is asked for; else there is a reason."""
    machine(**made)
    assert show.why_not_napari() == reason


# ---- task graphs


def written(figure):
    """Return what is written on the boxes of a figure."""
    return sorted(text.get_text() for text in figure.axes[0].texts if text.get_text())


def test_gaussian_filter_on_eleven_frames():
    """The blur's picture shows reading, overlap, filter and trimming, in the frames' order."""
    frames = da.zeros((11, 20, 30), chunks=(1, -1, -1))
    figure = show.graph(ndfilters.gaussian_filter(frames, [0, 1, 1]))
    names = [text.split("\n")[0] for text in written(figure)]
    steps = ("zeros_like", "getitem", "overlap", "gaussian_filter", "trim")
    assert {name: names.count(name) for name in names} == dict.fromkeys(steps, 11)
    assert figure.axes[0].get_title() == "55 tasks"
    filters = [text for text in figure.axes[0].texts if "gauss" in text.get_text()]
    left_to_right = sorted(filters, key=lambda text: text.get_position()[0])
    indices = [text.get_text().split("\n")[1] for text in left_to_right]
    assert indices == [f"({n}, 0, 0)" for n in range(11)]


def test_delayed_objects():
    """A sum of delayed calls has an arrow from each of them; chains do not cross."""
    parts = [dask.delayed(abs)(dask.delayed(int)(number)) for number in range(5)]
    axes = show.graph(dask.delayed(sum)(parts)).axes[0]
    assert written(axes.figure) == ["abs"] * 5 + ["int"] * 5 + ["sum"]
    arrows = [text for text in axes.texts if not text.get_text()]
    assert len(arrows) == 5 + 5
    assert sum(arrow.xy[0] == arrow.get_position()[0] for arrow in arrows) >= 5


def test_what_the_result_does_not_need_is_left_out():
    """Of a long stack's slice, only the chunks of the slice count: that makes it small enough."""
    lazy = da.ones((200, 4, 4), chunks=(1, 4, 4)) + 1
    with pytest.raises(ValueError, match=r"400 tasks, .* 60 at most: .* show.graph\(stack\[:3\]\)"):
        show.graph(lazy)
    assert show.graph(lazy[:3]).axes[0].get_title() == "9 tasks"


def a_function_with_quite_a_long_name(block):
    """Fail, because drawing a graph computes nothing."""
    raise AssertionError("computed")


@pytest.mark.parametrize(
    "lazy",
    [
        da.ones((8, 8), chunks=(2, 8)).rechunk((8, 2)).sum(axis=0),
        da.ones(12, chunks=1).map_blocks(a_function_with_quite_a_long_name, meta=np.ones(0)),
    ],
)
def test_boxes_do_not_overlap(lazy):
    """No box covers a part of another, and none leaves the figure."""
    figure = show.graph(lazy)
    figure.canvas.draw()
    texts = [text for text in figure.axes[0].texts if text.get_text()]
    boxes = [text.get_bbox_patch().get_window_extent() for text in texts]
    for number, box in enumerate(boxes):
        assert figure.bbox.containsx(box.x0)
        assert figure.bbox.containsx(box.x1)
        assert not any(box.overlaps(other) for other in boxes[:number])
