"""Figures for the notebooks: frames, masks, labels, errors and task graphs.

A frame is drawn with row 0 at the top and column 0 at the left, as it lies in memory. Images may be
NumPy or Dask arrays; the Dask arrays of one figure are computed together, once. The colours are
those of Okabe and Ito, "Color Universal Design", 2008, which colour-blind readers can tell apart.
"""

import importlib.util
import os
import subprocess
import sys

import dask
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from dask.core import flatten
from dask.utils import key_split, natural_sort_key
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import Image, display
from matplotlib.colors import ListedColormap, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar
from skimage.segmentation import expand_labels, find_boundaries

from segkit import score, simulate

BAR = 50  # micrometres, length of a scale bar
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
BLACK, REMOVED, ADDED, KEPT = "#000000", "#D55E00", "#56B4E9", "#DDDDDD"
#: Colour of each outcome of `segkit.score.outcomes`.
OUTCOMES = {
    "found": KEPT,
    "missed": "#D55E00",
    "extra": "#F0E442",
    "merged": "#56B4E9",
    "split": "#CC79A7",
}

_settings = {"pixel_size": None}

# ---- on the page


def _in_jupyter():
    """Tell whether this code runs in a Jupyter kernel."""
    return hasattr(get_ipython(), "kernel")


def _new_figure(width, height):
    """Return a figure of a size in inches, with room for all labels.

    Jupyter's inline backend shows every open pyplot figure at the end of a cell. In Jupyter pyplot
    does not know of this one, so that it is not shown twice.
    """
    make = Figure if _in_jupyter() else plt.figure
    return make(figsize=(width, height), layout="constrained")


def described(fig, text):
    """Show a figure in the notebook, with an alternative text, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        From ``plt.subplots()`` or from a function of this module.
    text : str
        One or two sentences for those who cannot see the figure: what it shows.

    Returns
    -------
    matplotlib.figure.Figure or None
        None in Jupyter; elsewhere nothing is shown, and `fig` comes back as it was.
    """
    if not _in_jupyter():
        return fig
    # as metadata: the IPython of Colab has no argument `alt` yet
    display(Image(print_figure(fig), metadata={"alt": " ".join(text.split())}))
    plt.close(fig)
    return None


# ---- frames


def set_pixel_size(micrometres):
    """Set the pixel size that scale bars are drawn for.

    Parameters
    ----------
    micrometres : float or None
        Such as ``data.pixel_size(folder)``. None, which is also how a session begins: the size is
        unknown, and figures number rows and columns instead of drawing a scale bar.
    """
    _settings["pixel_size"] = micrometres


def _computed(**arrays):
    """Return 2-D NumPy arrays of one shape, computed together; the names are for messages."""
    shapes = {name: np.shape(array) for name, array in arrays.items()}
    if len(set(shapes.values())) > 1:
        listed = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise ValueError(f"the shapes differ ({listed}): draw arrays of the same frames")
    for name, array in arrays.items():
        if np.ndim(array) != 2:
            raise ValueError(
                f"{name} has shape {np.shape(array)}, and a picture has (rows, columns): take one "
                "frame of a stack, as in stack[0]"
            )
    return [np.asarray(array) for array in dask.compute(*arrays.values())]


def _contrast(*images):
    """Return the grey levels to draw as black and as white: percentiles 0.5 and 99.5.

    A few hot or saturated pixels do not count; an even image gives an interval of length 1.
    """
    levels = np.concatenate([np.ravel(image) for image in images]).astype(float)
    low, high = np.percentile(levels, (0.5, 99.5))
    return float(low), float(high if high > low else low + 1)


def _finish(ax, shape, title, scale_bar):
    """Add the title and the scale bar, or row and column numbers where there is none."""
    ax.set_title(title)
    pixel_size = _settings["pixel_size"] if scale_bar is True else scale_bar
    length = BAR / pixel_size if pixel_size else np.inf
    if not length < 0.7 * shape[1]:
        ax.set(xlabel="column", ylabel="row")
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10), integer=True))
        return
    ax.set(xticks=[], yticks=[])
    thick, text = 0.012 * shape[0], f"{BAR} µm"
    bar = AnchoredSizeBar(
        ax.transData, length, text, "lower right", color="w", size_vertical=thick, label_top=True
    )
    bar.patch.set(facecolor="k", edgecolor="none", alpha=0.7)
    ax.add_artist(bar)


def gray(ax, image, *, title, limits=None, scale_bar=True):
    """Draw one frame in grey levels.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    image : (rows, columns) array
    title : str
    limits : (float, float), optional
        The grey levels to draw as black and as white; percentiles 0.5 and 99.5 if not given.
    scale_bar : bool or float, optional
        True draws a bar of 50 micrometres for the pixel size of `set_pixel_size`, a number for
        pixels of that many micrometres. Rows and columns are numbered instead if it is False, if
        the pixel size is unknown, or if the bar would not fit.

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar.

    Raises
    ------
    ValueError
        If the image does not have two axes.
    """
    (image,) = _computed(image=image)
    low, high = _contrast(image) if limits is None else limits
    drawn = ax.imshow(image, cmap="gray", vmin=low, vmax=high)
    _finish(ax, image.shape, title, scale_bar)
    return drawn


def frames(images, titles, *, limits=None, columns=3):
    """Draw frames side by side with the same contrast, and a colour bar of the grey levels.

    Parameters
    ----------
    images : sequence of (rows, columns) arrays
    titles : sequence of str
    limits : (float, float), optional
        As in `gray`; the percentiles are those of all the images.
    columns : int, optional
        Pictures per row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    images = dask.compute(*images)
    limits = _contrast(*images) if limits is None else limits
    columns, shape = min(columns, len(images)), np.shape(images[0])
    rows = -(-len(images) // columns)
    height = 3.1 * min(shape[0] / shape[1], 1.5) + 0.4
    fig = _new_figure(3.3 * columns + 0.8, rows * height + 0.3)
    for place, (image, title) in enumerate(zip(images, titles, strict=True), 1):
        ax = fig.add_subplot(rows, columns, place)
        drawn = gray(ax, image, title=title, limits=limits)
    fig.colorbar(drawn, ax=fig.axes, label="grey level", shrink=0.85)
    return fig


# ---- masks and labels


def _coloured(labels):
    """Replace labels by numbers 1..7 of colours, different ones for objects near each other."""
    neighbours = simulate.touching(expand_labels(labels, 4))
    known = np.unique(labels)
    # A greedy colouring needs four or five colours; objects without neighbours get all in turn.
    greedy = nx.greedy_color(neighbours, strategy="smallest_last")
    turn = [greedy.get(label, i) % len(PALETTE) + 1 for i, label in enumerate(known.tolist())]
    return np.where(known > 0, turn, 0)[np.searchsorted(known, labels)]


def labels(ax, labels, *, title):
    """Draw a label image in colours.

    Objects close to each other get different colours; a colour says nothing else.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    labels : (rows, columns) array of int
        0 is background.
    title : str
    """
    (labels,) = _computed(labels=labels)
    colours = ListedColormap([BLACK, *PALETTE])
    picture = _coloured(labels.astype(int))
    ax.imshow(picture, cmap=colours, vmin=0, vmax=7, interpolation="nearest")
    _finish(ax, labels.shape, title, scale_bar=True)


def outlines(ax, image, labels, *, title, colour="tab:orange", limits=None):
    """Draw the borders of the objects over the frame.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    image : (rows, columns) array
        The frame.
    labels : (rows, columns) array of int
        0 is background; a border is two pixels wide, one on either side of the edge.
    title : str
    colour : str, optional
        A Matplotlib colour.
    limits
        As in `gray`.
    """
    image, labels = _computed(image=image, labels=labels)
    gray(ax, image, title=title, limits=limits)
    border = ListedColormap(["none", colour])(find_boundaries(labels).astype(int))
    ax.imshow(border, interpolation_stage="rgba")


def masks(ax, mask, *, title, before=None, scale_bar=True):
    """Draw a binary picture; with `before`, colour what a step has added, removed and kept.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    mask : (rows, columns) array of bool
    title : str
    before : (rows, columns) array of bool, optional
        The mask before the step. A legend counts the pixels of each colour in the picture.
    scale_bar
        As in `gray`.
    """
    if before is None:
        (mask,) = _computed(mask=mask)
        state, colours = mask.astype(bool), ListedColormap([BLACK, KEPT])
    else:
        mask, before = (array.astype(bool) for array in _computed(mask=mask, before=before))
        state, colours = before + 2 * mask, ListedColormap([BLACK, REMOVED, ADDED, KEPT])
    ax.imshow(state, cmap=colours, vmin=0, vmax=colours.N - 1, interpolation="nearest")
    _finish(ax, mask.shape, title, scale_bar)
    if before is not None:
        counts = np.bincount(state.ravel(), minlength=4)
        samples = [
            Patch(facecolor=colours(i), edgecolor="k", label=f"{name}: {counts[i]:,} pixels")
            for i, name in enumerate(("removed", "added", "kept"), 1)
            if counts[i]
        ]
        _legend_below(ax, samples)


def _legend_below(ax, samples):
    """Put a legend below the axes, and below the column numbers if there are any."""
    under = ScaledTranslation(0, -0.5 if ax.get_xlabel() else -0.02, ax.figure.dpi_scale_trans)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0), "ncols": 4}
    ax.legend(handles=samples, bbox_transform=ax.transAxes + under, **place)


def compare(image, truth, labels, *, title="the result", window=None, scale_bar=True):
    """Draw the truth beside a result, each over the frame, with the errors in colour.

    Parameters
    ----------
    image : (rows, columns) array
        The frame.
    truth, labels : (rows, columns) arrays of integers
        True nuclei and labelled objects; 0 is background. See `segkit.score.outcomes`.
    title : str, optional
        For the right picture.
    window : (slice, slice), optional
        The part to draw, rows and columns; outcomes are those of the complete frame. The legends
        count what the picture shows.
    scale_bar
        As in `gray`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes differ, or one of them is not a label image.
    """
    of_truth, of_objects = score.outcomes(truth, labels)
    window = np.s_[:, :] if window is None else window
    image = np.asarray(image)[window]
    fig = _new_figure(10.6, 5.2 * min(image.shape[0] / image.shape[1], 1.2) + 1.0)
    sides = ((truth, of_truth, "the truth"), (labels, of_objects, title))
    for ax, (objects, names, side) in zip(fig.subplots(1, 2), sides, strict=True):
        gray(ax, image, title=side, scale_bar=scale_bar)
        _draw_outcomes(ax, np.asarray(objects), names, window)
    return fig


def _draw_outcomes(ax, objects, names, window):
    """Draw the objects of one side in the colours of their outcomes, with a legend."""
    known = np.unique(objects[objects != 0])
    names = np.append("background", names)
    dense = np.searchsorted(known, objects[window]) + 1
    dense[objects[window] == 0] = 0
    border = find_boundaries(dense, mode="inner")
    picture = np.zeros((*dense.shape, 4))
    shown = np.unique(dense[dense > 0])
    samples = []
    for name, colour in OUTCOMES.items():
        own = shown[names[shown] == name]
        if own.size:
            here = np.isin(dense, own)
            picture[here] = to_rgba(colour, 0 if name == "found" else 0.5)
            picture[here & border, 3] = 1
            samples.append(Patch(facecolor=colour, edgecolor="k", label=f"{name}: {own.size}"))
    ax.imshow(picture, interpolation_stage="rgba")
    _legend_below(ax, samples)


# ---- layers, in napari or drawn


def why_not_napari():
    """Return why napari cannot open a window here, as half a sentence; "" if it can.

    ``SEGKIT_VIEWER=matplotlib`` counts as a reason. Qt ends the process where it cannot reach a
    display or lacks a library, so that only a process of its own can find out.
    """
    if os.environ.get("SEGKIT_VIEWER") == "matplotlib":
        return "SEGKIT_VIEWER asks for it"
    spec = importlib.util.find_spec("napari")
    if spec is None or spec.origin is None:  # a mere folder of that name has no origin
        return "napari is not installed (pip install 'napari[pyqt6]')"
    probe = "import sys; sys.tracebacklimit = 0; import qtpy.QtWidgets as qt; qt.QApplication([])"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60)
    cause = done.stderr.strip().partition("\n")[0]
    return f"Qt does not start ({cause})" if done.returncode else ""


# ---- task graphs


def graph(collection):
    """Draw the task graph of a small Dask collection, without Graphviz.

    ``collection.visualize()`` is Dask's own picture; it needs the program Graphviz.

    Parameters
    ----------
    collection : dask collection
        Of at most 60 tasks. Tasks that its result does not need are left out.

    Returns
    -------
    matplotlib.figure.Figure
        A box per task, with the function's name and the chunk's index; arrows lead from a task to
        those that use its result. The results that are asked for stand at the bottom.

    Raises
    ------
    ValueError
        If it has too many tasks.
    """
    results = set(flatten(collection.__dask_keys__()))
    uses = collection.__dask_graph__().cull(results).get_all_dependencies()
    if len(uses) > 60:
        raise ValueError(
            f"the graph has {len(uses)} tasks, and a picture shows 60 at most: draw a part of it, "
            "such as show.graph(stack[:3])"
        )

    def in_turn(keys):
        return sorted(keys, key=lambda key: natural_sort_key(str(key)))

    uses = nx.from_dict_of_lists({key: in_turn(uses[key]) for key in in_turn(uses)}, nx.DiGraph)
    # Layers from the results upwards: each task stands right above the first one that uses it.
    layers = list(nx.topological_generations(uses))
    places = {
        key: ((position + 0.5) / len(layer), depth)
        for depth, layer in enumerate(layers)
        for position, key in enumerate(layer)
    }
    fig = _new_figure(max(3.5, 1.9 * max(map(len, layers))), 0.6 + 0.75 * len(layers))
    ax = fig.add_subplot(xlim=(0, 1), ylim=(-0.6, len(layers) - 0.4))
    box = {"boxstyle": "round,pad=0.35", "facecolor": "#CFE8F7", "edgecolor": "#0072B2"}
    for key, place in places.items():
        ax.text(*place, _task_name(key), ha="center", va="center", fontsize=9, bbox=box)
    arrow = {"arrowstyle": "-|>", "color": "#555555", "shrinkA": 16, "shrinkB": 16}
    for user, used in uses.edges:
        # Past the boxes between, where there are any.
        bend = 0 if places[used][1] == places[user][1] + 1 else 0.3
        arrow["connectionstyle"] = f"arc3,rad={bend}"
        ax.annotate("", places[user], places[used], arrowprops=arrow, zorder=0)
    ax.axis("off")
    ax.set_title(f"{len(uses)} task{'s' * (len(uses) > 1)}", fontsize=12)
    return fig


def _task_name(key):
    """Return what to write on a task: its function and the chunk's index, without the hash.

    >>> print(_task_name(("gaussian_filter-baef148940f20f547b1d2ccd9e143b16", 2, 0, 0)))
    gaussian_filter
    (2, 0, 0)
    """
    name = key_split(key)[:20]
    return f"{name}\n{key[1:]}" if isinstance(key, tuple) and len(key) > 1 else name
