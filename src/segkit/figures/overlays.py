"""Masks and label images in colours, alone or over the frame.

The colours are those of Okabe and Ito, "Color Universal Design", 2008, without black: colour-blind
readers can tell them apart as well.
"""

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.transforms import ScaledTranslation
from skimage.segmentation import expand_labels, find_boundaries

from segkit.figures.pictures import computed, finish, gray

PALETTE = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
BLACK, REMOVED, ADDED, KEPT = "#000000", "#D55E00", "#56B4E9", "#DDDDDD"


def label_colours(n, *, background="black"):
    """Return a colour map for the labels 0..n: the background, then seven colours in turn.

    Parameters
    ----------
    n : int
        The largest label.
    background : str, optional
        A Matplotlib colour; "none" is transparent.

    Examples
    --------
    >>> colours = label_colours(8)
    >>> colours.N, colours(0) == (0, 0, 0, 1), colours(1) == colours(8)
    (9, True, True)
    """
    return ListedColormap([background, *(PALETTE[i % len(PALETTE)] for i in range(n))])


def apart(labels, *, reach=4):
    """Give the objects new numbers, so that objects close to each other differ.

    Parameters
    ----------
    labels : (rows, columns) ndarray of int
        0 is background.
    reach : int, optional
        Pixels: objects up to twice as far from each other count as close.

    Returns
    -------
    (rows, columns) ndarray of int
        0 is background, and 1..7 stand for the colours of `label_colours`.

    Examples
    --------
    >>> apart(np.array([[1, 1, 8, 8], [0, 0, 0, 0]]))
    array([[1, 1, 2, 2],
           [0, 0, 0, 0]])
    """
    known = np.unique(labels)
    known = known[known > 0]
    dense = np.searchsorted(np.append(0, known), labels)
    grown = expand_labels(dense, reach)
    beside = np.concatenate(
        [
            np.stack([grown[:-1].ravel(), grown[1:].ravel()], axis=1),
            np.stack([grown[:, :-1].ravel(), grown[:, 1:].ravel()], axis=1),
        ]
    )
    beside = beside[(beside[:, 0] != beside[:, 1]) & beside.all(axis=1)]
    neighbours = [set() for _ in range(len(known) + 1)]
    for one, other in np.unique(beside, axis=0).tolist():
        neighbours[one].add(other)
        neighbours[other].add(one)
    colours = np.zeros(len(known) + 1, int)
    for one in range(1, len(known) + 1):
        taken = {colours[other] for other in neighbours[one]}
        turn = [(one - 1 + step) % len(PALETTE) + 1 for step in range(len(PALETTE))]
        colours[one] = next((colour for colour in turn if colour not in taken), turn[0])
    return colours[dense]


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
    if image is None:
        (labels,) = computed(labels=labels)
    else:
        labels, image = computed(labels=labels, image=image)
        gray(ax, image, title=title, limits=limits, scale_bar=scale_bar)
    colours = label_colours(len(PALETTE), background="black" if image is None else "none")
    picture = apart(labels.astype(int))
    alpha = 1 if image is None else 0.6
    ax.imshow(picture, cmap=colours, vmin=0, vmax=7, interpolation="nearest", alpha=alpha)
    if image is None:
        finish(ax, labels.shape, title, scale_bar)


def outlines(ax, image, labels, *, title, colour="tab:orange", limits=None, scale_bar=True):
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
    limits, scale_bar
        As in `gray`.
    """
    image, labels = computed(image=image, labels=labels)
    gray(ax, image, title=title, limits=limits, scale_bar=scale_bar)
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
        (mask,) = computed(mask=mask)
        state, colours = mask.astype(bool), ListedColormap([BLACK, KEPT])
    else:
        mask, before = (array.astype(bool) for array in computed(mask=mask, before=before))
        state, colours = before + 2 * mask, ListedColormap([BLACK, REMOVED, ADDED, KEPT])
    ax.imshow(state, cmap=colours, vmin=0, vmax=colours.N - 1, interpolation="nearest")
    finish(ax, mask.shape, title, scale_bar)
    if before is not None:
        counts = np.bincount(state.ravel(), minlength=4)
        samples = [
            Patch(facecolor=colours(i), edgecolor="k", label=f"{name}: {counts[i]:,} pixels")
            for i, name in enumerate(("", "removed", "added", "kept"))
            if name
        ]
        # Below the axes, and below the column numbers if there are any: so many inches.
        under = ScaledTranslation(0, -0.5 if ax.get_xlabel() else -0.02, ax.figure.dpi_scale_trans)
        ax.legend(
            handles=samples,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=ax.transAxes + under,
            frameon=False,
        )
