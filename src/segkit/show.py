"""Figures for the notebooks: frames, masks, labels, errors, layers and task graphs.

A frame is drawn with row 0 at the top and column 0 at the left, as it lies in memory. Images may be
NumPy or Dask arrays; the Dask arrays of one figure are computed together, once. The colours are
those of Okabe and Ito, "Color Universal Design", 2008, which colour-blind readers can tell apart.
"""

import functools
import importlib.util
import os
import subprocess
import sys

import dask
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from dask.core import flatten
from dask.utils import key_split
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import display
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import ScaledTranslation
from scipy import ndimage
from skimage.segmentation import expand_labels, find_boundaries

from segkit import score

BAR = 50  # micrometres, length of a scale bar
PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
BLACK, REMOVED, ADDED, KEPT = "#000000", "#D55E00", "#56B4E9", "#DDDDDD"
OUTCOMES = {
    "found": (KEPT, None),
    "missed": ("#D55E00", "X"),
    "extra": ("#F0E442", "P"),
    "merged": ("#56B4E9", "s"),
    "split": ("#CC79A7", "^"),
}
"""Colour and Matplotlib marker of each outcome of `segkit.score.outcomes`."""

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


def _bundle(fig, text):
    """Return a figure as the data and metadata of a Jupyter output: PNG, with `text` as alt."""
    data = {"image/png": print_figure(fig, "png", base64=True), "text/plain": text}
    return data, {"image/png": {"alt": text}}


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

    Raises
    ------
    ValueError
        If the text is empty.
    """
    if not text or not text.strip():
        raise ValueError("the text is empty: say in a sentence what the figure shows")
    if not _in_jupyter():
        return fig
    data, metadata = _bundle(fig, " ".join(text.split()))
    display(data, raw=True, metadata=metadata)
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
    """Return 2-D NumPy arrays, computed together; the names are for the error message."""
    for name, array in arrays.items():
        if np.ndim(array) != 2:
            raise ValueError(
                f"{name} has shape {np.shape(array)}, and a picture has (rows, columns): take one "
                "frame of a stack, as in stack[0]"
            )
    if len({np.shape(array) for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"the shapes differ ({shapes}): draw arrays of one frame")
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
    right, bottom, height = 0.96 * shape[1], 0.95 * shape[0], 0.012 * shape[0]
    dark = [withStroke(linewidth=4, foreground="k")]  # the bar may lie over a bright nucleus
    bar = (right - length, bottom - height), length, height
    ax.add_patch(Rectangle(*bar, fc="w", ec="none", path_effects=dark, zorder=3))
    box = {"fc": "k", "ec": "none", "alpha": 0.7, "pad": 1.5}
    place = right - length / 2, bottom - 2 * height
    ax.text(*place, f"{BAR} µm", color="w", ha="center", va="bottom", bbox=box)


def _grid(count, shape, *, columns=3):
    """Return a figure with `count` axes for frames of a shape, `columns` per row."""
    columns = min(columns, count)
    rows = -(-count // columns)
    height = 3.1 * min(shape[0] / shape[1], 1.5) + 0.4
    fig = _new_figure(3.3 * columns + 0.8, rows * height + 0.3)
    axes = fig.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[count:]:
        ax.remove()
    return fig, list(axes[:count])


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
    images, titles = list(images), list(titles)
    if not images or len(images) != len(titles):
        raise ValueError(f"{len(images)} images and {len(titles)} titles: give a title for each")
    images = dask.compute(*images)
    limits = _contrast(*images) if limits is None else limits
    fig, axes = _grid(len(images), np.shape(images[0]), columns=columns)
    for ax, image, title in zip(axes, images, titles, strict=True):
        drawn = gray(ax, image, title=title, limits=limits)
    fig.colorbar(drawn, ax=axes, label="grey level", shrink=0.85)
    return fig


# ---- masks and labels


def _coloured(labels):
    """Replace labels by numbers 1..7 of colours, different ones for objects near each other."""
    near = expand_labels(labels, 4)
    pairs = [(near[:-1], near[1:]), (near[:, :-1], near[:, 1:])]
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in pairs])
    pairs = pairs[(pairs[:, 0] != pairs[:, 1]) & pairs.all(axis=1)]
    neighbours = nx.Graph(np.unique(pairs, axis=0).tolist())
    known = np.unique(labels)
    # A greedy colouring needs four or five colours; objects without neighbours get all in turn.
    greedy = nx.greedy_color(neighbours, strategy="smallest_last")
    turn = [greedy.get(label, i) % len(PALETTE) + 1 for i, label in enumerate(known.tolist())]
    return np.where(known > 0, turn, 0)[np.searchsorted(known, labels)]


def labels(ax, labels, *, image=None, title, limits=None, scale_bar=True):
    """Draw a label image in colours, over the frame if it is given.

    Objects close to each other get different colours; a colour says nothing else.

    Parameters
    ----------
    ax : matplotlib.axes.Axes
    labels : (rows, columns) array of int
        0 is background.
    image : (rows, columns) array, optional
        The frame.
    title : str
    limits, scale_bar
        As in `gray`.
    """
    background, alpha = "black", 1
    if image is None:
        (labels,) = _computed(labels=labels)
    else:
        labels, image = _computed(labels=labels, image=image)
        gray(ax, image, title=title, limits=limits, scale_bar=scale_bar)
        background, alpha = "none", 0.6
    colours = ListedColormap([background, *PALETTE])
    picture = _coloured(labels.astype(int))
    ax.imshow(picture, cmap=colours, vmin=0, vmax=7, interpolation="nearest", alpha=alpha)
    if image is None:
        _finish(ax, labels.shape, title, scale_bar)


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
        The mask before the step. A legend counts the pixels.
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
        ]
        _legend_below(ax, samples)


def _legend_below(ax, handles, **look):
    """Put a legend below the axes, and below the column numbers if there are any."""
    under = ScaledTranslation(0, -0.5 if ax.get_xlabel() else -0.02, ax.figure.dpi_scale_trans)
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0)}
    ax.legend(handles=handles, bbox_transform=ax.transAxes + under, **place, **look)


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
    """Draw the objects of one side in the colours of their outcomes, with symbols and a legend."""
    known = np.unique(objects[objects != 0])
    names = np.append("background", names)
    dense = np.searchsorted(known, objects[window]) + 1
    dense[objects[window] == 0] = 0
    border = find_boundaries(dense, mode="inner")
    picture = np.zeros((*dense.shape, 4))
    shown = np.unique(dense[dense > 0])
    handles = []
    for name, (colour, marker) in OUTCOMES.items():
        own = shown[names[shown] == name]
        if not own.size:
            continue
        here = np.isin(dense, own)
        picture[here] = (*to_rgb(colour), 0 if marker is None else 0.4)
        picture[here & border, 3] = 1
        symbol = {"color": colour, "marker": marker, "markeredgecolor": "k", "markersize": 9}
        if marker:
            rows, columns = np.transpose(ndimage.center_of_mass(dense > 0, dense, own))
            # Not clipped: a nucleus at the edge keeps its complete symbol.
            ax.plot(columns, rows, ls="none", clip_on=False, **symbol)
        handles.append(Line2D([], [], lw=3, label=f"{name}: {own.size}", **symbol))
    ax.imshow(picture, interpolation_stage="rgba")
    # Light grey lines would vanish on the white of the page.
    _legend_below(ax, handles, ncols=4, facecolor="#555555", labelcolor="w", framealpha=1)


# ---- layers, in napari or drawn


@functools.cache
def _qt_error(*variables):
    """Return why no Qt application starts, "" if one does.

    Qt ends the process where it cannot reach the display or lacks a library, so that only a
    process of its own can find out. The answer is kept for the variables that it depends on.
    """
    probe = "from qtpy.QtWidgets import QApplication; QApplication([])"
    try:
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "Qt does not start within a minute"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    # Python names the cause in the last line, Qt itself in the first.
    return f"Qt does not start ({said[-1] if said[0].startswith('Traceback') else said[0]})"


def why_not_napari():
    """Return why napari cannot open a window here, as half a sentence; "" if it can.

    ``SEGKIT_VIEWER=matplotlib`` counts as a reason.
    """
    if os.environ.get("SEGKIT_VIEWER") == "matplotlib":
        return "SEGKIT_VIEWER asks for it"
    spec = importlib.util.find_spec("napari")
    if spec is None or spec.origin is None:  # a mere folder of that name has no origin
        return "napari is not installed (pip install 'napari[pyqt6]')"
    screens = [os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY")]
    platform = os.environ.get("QT_QPA_PLATFORM", "")
    if sys.platform.startswith("linux") and not any((*screens, platform)):
        return "this machine has no display"
    return _qt_error(*screens, platform)


def layers(*, images, masks=None, limits=None, frame=0):
    """Show frames with masks on top of them.

    napari opens where it is installed and has a display. Elsewhere, or with
    ``SEGKIT_VIEWER=matplotlib``, frame and masks are drawn with Matplotlib, in Jupyter with a
    slider for the frame. One line says which of the two it is, and why.

    Parameters
    ----------
    images : (frames, rows, columns) array
        NumPy or Dask: only the frame in view is computed.
    masks : dict of str to (frames, rows, columns) array, optional
        Masks by name: 0 is background.
    limits : (float, float), optional
        As in `gray`.
    frame : int, optional
        The frame to show first.

    Returns
    -------
    napari.Viewer or ipywidgets.IntSlider or matplotlib.figure.Figure
        The slider in Jupyter, the figure elsewhere.

    Raises
    ------
    ValueError
        If the shapes differ, or there is no such frame.
    """
    masks = masks or {}
    for name, mask in masks.items():
        if np.shape(mask) != np.shape(images):
            raise ValueError(
                f"mask {name!r} has shape {np.shape(mask)}, the images {np.shape(images)}: "
                "both must be of the same frames"
            )
    if not 0 <= frame < len(images):
        raise ValueError(f"there is no frame {frame}: choose one of 0..{len(images) - 1}")
    reason = why_not_napari()
    print(f"Shown with Matplotlib: {reason}." if reason else "Shown with napari.")
    if not reason:
        return _in_napari(images, masks, limits or _contrast(images[frame]), frame)

    def drawn(frame):
        image, *planes = dask.compute(images[frame], *(mask[frame] for mask in masks.values()))
        fig, (first, *axes) = _grid(1 + len(planes), image.shape)
        gray(first, image, title="frame", limits=limits)
        for ax, name, plane in zip(axes, masks, planes, strict=True):
            outlines(ax, image, plane != 0, title=name, limits=limits)
        fig.suptitle(f"Frame {frame} of 0..{len(images) - 1}")
        covered = [
            f"{name} on {np.mean(m != 0):.0%}" for name, m in zip(masks, planes, strict=True)
        ]
        text = f"Frame {frame}, and outlines of masks over it: {', '.join(covered)} of the pixels."
        return fig, text

    fig, text = drawn(frame)
    if not _in_jupyter():
        return fig
    return _with_slider(drawn, fig, text, frame, len(images))


def _in_napari(images, masks, limits, frame):
    """Open a napari viewer with the layers; return it."""
    import napari
    from napari.utils.colormaps import DirectLabelColormap

    viewer = napari.Viewer(title="segkit")
    # Hidden until the right frame is in view: frame 0 would be computed first.
    viewer.add_image(images, name="frames", contrast_limits=limits, visible=False)
    for turn, (name, mask) in enumerate(masks.items()):
        colour = {None: "transparent", 1: PALETTE[turn % len(PALETTE)]}
        colours, layer = DirectLabelColormap(color_dict=colour), (mask != 0).astype("uint8")
        viewer.add_labels(layer, name=name, opacity=0.4, colormap=colours, visible=False)
    viewer.dims.set_current_step(0, frame)
    for layer in viewer.layers:
        layer.visible = True
    return viewer


def _with_slider(drawn, fig, text, frame, count):
    """Show a figure in Jupyter, and a slider that draws another frame in its place."""
    from ipywidgets import IntSlider

    picture, metadata = _bundle(fig, text)
    shown = display(picture, raw=True, metadata=metadata, display_id=True)
    # Only once the slider rests: each frame that it passes would be computed.
    slider = IntSlider(frame, max=count - 1, description="frame", continuous_update=False)

    def move(change):
        picture, metadata = _bundle(*drawn(change["new"]))
        shown.update(picture, raw=True, metadata=metadata)

    slider.observe(move, "value")
    return slider


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
        those that use its result. The tasks whose results are asked for are orange.

    Raises
    ------
    ValueError
        If it is not a Dask collection, or has too many tasks.
    """
    if not dask.is_dask_collection(collection):
        raise ValueError(f"a {type(collection).__name__} has no task graph: give a Dask array")
    uses = collection.__dask_graph__().get_all_dependencies()
    results = set(flatten(collection.__dask_keys__()))
    found = nx.DiGraph((used, key) for key, inputs in uses.items() for used in inputs)
    found.add_nodes_from(results)
    found = found.subgraph(results.union(*(nx.ancestors(found, key) for key in results)))
    if len(found) > 60:
        raise ValueError(
            f"the graph has {len(found)} tasks, and a picture shows 60 at most: draw a part of it, "
            "such as show.graph(stack[:3])"
        )
    # Layers from the results upwards: each task stands right above the first one that uses it.
    layers = [sorted(layer, key=_index) for layer in nx.topological_generations(found.reverse())]
    breadth = max(map(len, layers))
    places = {
        key: ((position + 0.5) * breadth / len(layer), depth)
        for depth, layer in enumerate(layers)
        for position, key in enumerate(layer)
    }
    fig = _new_figure(max(3.5, 1.9 * breadth), 0.6 + 0.75 * len(layers))
    ax = fig.add_subplot()
    for key, place in places.items():
        face, edge = ("#FBE3B5", "#B36B00") if key in results else ("#CFE8F7", "#0072B2")
        box = {"boxstyle": "round,pad=0.35", "facecolor": face, "edgecolor": edge}
        ax.text(*place, _task_name(key), ha="center", va="center", fontsize=9, bbox=box)
    for start, end in found.edges:
        arrow = {"arrowstyle": "-|>", "color": "#555555", "shrinkA": 16, "shrinkB": 16}
        ax.annotate("", places[end], places[start], arrowprops=arrow, zorder=0)
    ax.set(xlim=(0, breadth), ylim=(-0.6, len(layers) - 0.4))
    ax.axis("off")
    ax.set_title(f"{len(found)} task{'s' * (len(found) > 1)}", fontsize=12)
    return fig


def _index(key):
    """Return what to sort tasks by: the chunk's index, then the name."""
    parts = key[1:] if isinstance(key, tuple) else ()
    return [part for part in parts if isinstance(part, int)], str(key)


def _task_name(key):
    """Return what to write on a task: its function and the chunk's index, without the hash.

    >>> print(_task_name(("gaussian_filter-baef148940f20f547b1d2ccd9e143b16", 2, 0, 0)))
    gaussian_filter
    (2, 0, 0)
    """
    name = key_split(key)
    name = name if len(name) <= 20 else f"{name[:19]}…"
    return f"{name}\n{key[1:]}" if isinstance(key, tuple) and len(key) > 1 else name
