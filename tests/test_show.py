"""Figures: what is drawn is what was given, and readers with other eyes or none are served."""

from html.parser import HTMLParser

import dask.array as da
import matplotlib as mpl
import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.colors import to_rgb, to_rgba
from nbclient import NotebookClient
from skimage.color import rgb2lab

from segkit import show
from segkit.figures import overlays, pictures
from segkit.pages import page


@pytest.fixture(autouse=True)
def _agg():
    """Draw without a window, and leave no figure behind."""
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


def painted(figure, colour):
    """Return the number of pixels of one colour, up to rounding."""
    return int((abs(pixels(figure) - 255 * np.array(to_rgb(colour))).max(axis=-1) < 3).sum())


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
    """One saturated pixel does not darken the frame; given limits are taken as they are."""
    image = np.random.default_rng(0).normal(150, 5, (100, 100))
    image[3, 3] = 60000
    low, high = show.gray(ax, image, title="a").get_clim()
    assert 130 < low < 145
    assert 155 < high < 170
    assert show.gray(ax, image, title="a", limits=(1, 2)).get_clim() == (1, 2)


def test_even_and_boolean_frames_can_be_drawn(ax):
    """A frame of one grey level and a mask do not make the contrast collapse."""
    assert show.gray(ax, np.full((9, 9), 7), title="even").get_clim() == (7, 8)
    assert show.gray(ax, np.eye(9) > 0, title="mask").get_clim() == (0, 1)


def test_dask_frames_are_computed_once(ax):
    """A lazy frame is computed once for the picture, limits included."""
    lazy, calls = counted(frame())
    show.gray(ax, lazy, title="lazy")
    assert len(calls) == 1
    assert np.array_equal(ax.images[0].get_array(), frame())


def test_scale_bar_is_50_micrometres(ax):
    """The bar is 50 / 0.645 pixels long, says so, and ends inside the picture."""
    show.gray(ax, frame(), title="bar")
    (bar,) = ax.patches
    assert bar.get_width() == pytest.approx(50 / 0.645)
    assert bar.get_x() + bar.get_width() < 140
    assert bar.get_y() + bar.get_height() < 100
    assert [text.get_text() for text in ax.texts] == ["50 µm"]
    assert list(ax.get_xticks()) == list(ax.get_yticks()) == []


def test_scale_bar_follows_the_pixel_size(ax):
    """With pixels of 1 micrometre the bar is 50 pixels long."""
    show.gray(ax, frame(), title="bar", scale_bar=1.0)
    assert ax.patches[0].get_width() == 50


def test_scale_bar_can_be_read_over_bright_nuclei(ax):
    """The text stands on a dark box, the bar has a dark rim, and both lie above lines."""
    show.gray(ax, frame(), title="bright")
    (bar,), (text,) = ax.patches, ax.texts
    *colour, opacity = text.get_bbox_patch().get_facecolor()
    assert max(colour) == 0
    assert opacity > 0.5
    assert bar.get_path_effects()
    (line,) = ax.plot([100, 140], [80, 100])
    assert min(bar.get_zorder(), text.get_zorder()) > line.get_zorder()


@pytest.mark.parametrize(("shape", "scale_bar"), [((20, 30), True), ((100, 140), False)])
def test_rows_and_columns_are_numbered_instead(ax, shape, scale_bar):
    """Where the bar does not fit or is not wanted, the axes are labelled and numbered."""
    show.gray(ax, frame(*shape), title="small", scale_bar=scale_bar)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("column", "row")
    assert len(ax.get_xticks()) > 2
    assert not ax.patches


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
    assert first.images[0].get_clim() == pictures.contrast(frame(), frame() + 50000)
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


def test_frames_and_titles_must_match():
    """A title too few is an error in one line."""
    with pytest.raises(ValueError, match="2 images and 1 titles"):
        show.frames([frame()] * 2, ["a"])


# ---- masks and labels


def simulated(colours, matrix):
    """Return colours as CIELAB values, as seen with a missing kind of cone cells."""
    light = np.array([to_rgb(colour) for colour in colours])
    light = np.where(light <= 0.04045, light / 12.92, ((light + 0.055) / 1.055) ** 2.4)
    seen = np.clip(light @ np.array(matrix).T, 0, 1)
    seen = np.where(seen <= 0.0031308, seen * 12.92, 1.055 * seen ** (1 / 2.4) - 0.055)
    return rgb2lab(seen)


# Machado, Oliveira and Fernandes, IEEE TVCG 15(6):1291-1298, 2009: severity 1.0.
BLINDNESS = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "none": np.eye(3),
}


@pytest.mark.parametrize("kind", BLINDNESS)
@pytest.mark.parametrize(
    "colours",
    [
        ("black", *overlays.PALETTE),
        (overlays.BLACK, overlays.REMOVED, overlays.ADDED, overlays.KEPT),
    ],
)
def test_colours_can_be_told_apart(kind, colours):
    """Any two colours, black included, differ by more than 15 CIELAB units for every reader."""
    seen = simulated(colours, BLINDNESS[kind])
    distance = np.linalg.norm(seen[:, None] - seen, axis=-1)
    assert distance[np.triu_indices(len(colours), 1)].min() > 15


def test_label_colours():
    """Background is black or transparent, and no two labels that follow each other are alike."""
    colours = show.label_colours(30)
    assert colours.N == 31
    assert colours(0) == (0, 0, 0, 1)
    assert all(colours(i) != colours(i + 1) for i in range(30))
    assert show.label_colours(3, background="none")(0)[3] == 0


@given(arrays(np.int32, (12, 15), elements=st.sampled_from([0, 0, 3, 7, 8, 15, 22, 29, 400])))
def test_objects_stay_whole(labels):
    """Whatever the labels, the background stays, and each object gets one of seven colours."""
    colours = overlays.apart(labels)
    assert np.array_equal(colours > 0, labels > 0)
    assert colours.max() <= 7
    assert all(len(np.unique(colours[labels == label])) == 1 for label in np.unique(labels))


@given(st.permutations(range(1, 31)), st.integers(0, 5))
def test_neighbours_differ(numbers, gap):
    """However they are numbered, objects side by side or a few pixels apart differ in colour."""
    grid = np.reshape(numbers, (5, 6))
    labels = np.kron(grid, np.pad(np.ones((9, 9), int), (0, gap)))
    colours = overlays.apart(labels)[4 :: 9 + gap, 4 :: 9 + gap]
    assert colours.shape == grid.shape
    assert (colours[1:] != colours[:-1]).all()
    assert (colours[:, 1:] != colours[:, :-1]).all()


def test_labels_are_painted(ax):
    """Two objects of the same turn in the palette (1 and 8) come out in two of its colours."""
    labels = np.zeros((60, 90), int)
    labels[10:50, 10:45], labels[10:50, 45:80] = 1, 8
    show.labels(ax, labels, title="two", scale_bar=False)
    counts = [painted(ax.figure, colour) for colour in overlays.PALETTE]
    assert sum(count > 2000 for count in counts) == 2
    assert max(counts) < 1.2 * sorted(counts)[-2]


def test_labels_over_the_frame_leave_the_background_as_it_is(ax):
    """Outside the objects the picture is that of the frame alone."""
    labels = np.zeros((60, 90), int)
    labels[20:40, 30:60] = 1
    image = np.full((60, 90), 0.5)
    show.labels(ax, labels, image=image, title="over", limits=(0, 1), scale_bar=False)
    grey = painted(ax.figure, (128 / 255,) * 3)
    box = ax.get_window_extent()
    assert grey == pytest.approx(box.width * box.height * (1 - 600 / 5400), rel=0.03)


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
    told = [text.get_text() for text in ax.get_legend().get_texts()]
    assert told == ["removed: 20 pixels", "added: 30 pixels", "kept: 80 pixels"]
    drawn, cmap = ax.images[0].get_array(), ax.images[0].get_cmap()
    samples = {
        text: patch.get_facecolor()
        for text, patch in zip(told, ax.get_legend().get_patches(), strict=True)
    }
    where = {"removed: 20 pixels": (6, 5), "added: 30 pixels": (6, 16), "kept: 80 pixels": (6, 10)}
    for text, place in where.items():
        assert cmap(int(drawn[place])) == samples[text]


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


@pytest.mark.parametrize("text", ["", "  \n", None])
def test_a_figure_needs_a_text(ax, text):
    """An empty text is an error, in Jupyter or not."""
    with pytest.raises(ValueError, match="what the figure shows"):
        show.described(ax.figure, text)


CELLS = {
    "setup": "import dask.array as da\nimport matplotlib.pyplot as plt\nimport numpy as np\n"
    "from segkit import show",
    "pyplot": "fig, ax = plt.subplots()\nax.plot([1])\nshow.described(fig, 'A \"line\"\\n  <up>.')",
    "made": "fig = show.frames([np.eye(9)], ['eye'])",
    "shown": "show.described(fig, 'An eye.')",
    "bare": "show.graph(da.ones(3, chunks=1))",
    "layers": "view = show.layers(images={'raw': da.ones((3, 60, 90), chunks=(1, -1, -1))})",
    "value": "view",
    "moved": "view.slider.value = 2\nview.figure.get_suptitle()",
}


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    """Run a notebook without a front end; return it."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS.values()]
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGKIT_VIEWER", "matplotlib")
        patch.delenv("MPLBACKEND", raising=False)
        client = NotebookClient(notebook, timeout=120, resources={"metadata": {"path": folder}})
        return client.execute()


@pytest.fixture(scope="module")
def outputs(notebook):
    """Return the outputs of each cell by the cell's name."""
    return {name: cell.outputs for name, cell in zip(CELLS, notebook.cells, strict=True)}


@pytest.mark.parametrize(
    ("cell", "texts"),
    [("pyplot", ['A "line" <up>.']), ("made", []), ("shown", ["An eye."]), ("value", [])],
)
def test_described_shows_once(outputs, cell, texts):
    """A figure is shown where it is described, once, with its text, and nowhere else."""
    shown = [out for out in outputs[cell] if "image/png" in out.get("data", {})]
    assert [out.metadata["image/png"]["alt"] for out in shown] == texts


def test_undescribed_figures_show_once_too(outputs):
    """A figure of ours that is a cell's last value is one picture, not two."""
    assert ["image/png" in out.get("data", {}) for out in outputs["bare"]] == [True]


def test_layers_have_a_slider_and_a_picture(outputs):
    """Layers say what they chose, show a described picture, and a slider that moves it."""
    line, picture, slider = outputs["layers"]
    assert line.text == "Shown with Matplotlib: SEGKIT_VIEWER asks for it.\n"
    # Moved to frame 2 by the last cell: the picture is replaced in its place.
    assert picture.metadata["image/png"]["alt"] == "Layers of frame 2 of 0..2: image raw."
    assert "application/vnd.jupyter.widget-view+json" in slider.data
    assert outputs["moved"][0].data["text/plain"] == "'Frame 2 of 0..2'"
    assert outputs["value"][0].data["text/plain"] == "<layers drawn with Matplotlib>"


def test_the_page_has_pictures_and_texts(notebook):
    """The HTML page holds the described pictures with their alternative texts, and no widget."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: (
        found.append(dict(attributes)["alt"]) if tag == "img" else None
    )
    html = page.page(notebook, title="figures")
    parser.feed(html)
    texts = ['A "line" <up>.', "An eye.", "Layers of frame 2 of 0..2: image raw."]
    assert [text for text in found if text] == texts
    assert "In Jupyter, a slider here chooses the frame." in html
