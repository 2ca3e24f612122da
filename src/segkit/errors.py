"""What became of each nucleus: truth and result side by side, with the errors in colour.

`segkit.score` counts errors; here each has a place in the frame. The thresholds are the same, and
every nucleus and every object gets one name. The colours are those of `segkit.figures.overlays`,
which colour-blind readers can tell apart, and each kind of error has a symbol of its own too.
"""

import numpy as np
from matplotlib.lines import Line2D
from scipy import ndimage
from skimage.segmentation import find_boundaries

from segkit import score
from segkit.figures.notebook import new_figure
from segkit.figures.pictures import gray

STYLES = {
    "found": ("#DDDDDD", None),
    "missed": ("#D55E00", "X"),
    "extra": ("#F0E442", "P"),
    "merged": ("#56B4E9", "s"),
    "split": ("#CC79A7", "^"),
}
"""Colour and Matplotlib marker of each name."""


def fates(truth, labels):
    """Name what became of each true nucleus, and what each labelled object is.

    A nucleus is *found* if an object agrees with it (IoU > 0.7). If not, it is *merged* where an
    object that covers it covers another nucleus too (IoU > 0.1 with both), *split* where several
    objects cover it, and otherwise *missed*: not there, or badly outlined. An object has the same
    names, with *extra* instead of missed.

    Parameters
    ----------
    truth, labels : (rows, columns) arrays of integers
        As for `segkit.score.match`.

    Returns
    -------
    of_truth, of_objects : 1-D arrays of str
        In ascending order of the labels.

    Examples
    --------
    >>> truth = np.array([[1, 1, 2, 2, 0, 3, 3, 0, 4, 4]])
    >>> labels = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3, 4]])
    >>> for names in fates(truth, labels):
    ...     print(*names)
    merged merged found split
    merged found split split
    """
    iou = score.match(truth, labels)
    found, touched = iou > score.COUNTED_AT, iou > score.TOUCHED_AT
    several = touched.sum(axis=0) > 1
    parts = touched.sum(axis=1) > 1
    of_truth = np.select(
        [found.any(axis=1), (touched & several).any(axis=1), parts],
        ["found", "merged", "split"],
        "missed",
    )
    of_objects = np.select(
        [found.any(axis=0), several, (touched & parts[:, None]).any(axis=0)],
        ["found", "merged", "split"],
        "extra",
    )
    return of_truth, of_objects


def compare(image, truth, labels, *, title="the result", window=None, scale_bar=True):
    """Draw the truth beside a result, each over the frame, with the errors in colour.

    Parameters
    ----------
    image : (rows, columns) array
        The frame.
    truth, labels : (rows, columns) arrays of integers
        True nuclei and labelled objects; 0 is background.
    title : str, optional
        For the right picture.
    window : (slice, slice), optional
        The part to draw, rows and columns; names come from the whole frame all the same. The
        legends count what the picture shows.
    scale_bar : bool or float, optional
        As in `segkit.figures.pictures.gray`.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError
        If the shapes differ, or one of them is not a label image.
    """
    of_truth, of_objects = fates(truth, labels)
    window = np.s_[:, :] if window is None else window
    image = np.asarray(image)[window]
    height = 5.2 * min(image.shape[0] / image.shape[1], 1.2) + 1.0
    fig = new_figure(10.6, height)
    axes = fig.subplots(1, 2)
    sides = ((truth, of_truth, "the truth"), (labels, of_objects, title))
    for ax, (objects, names, side) in zip(axes, sides, strict=True):
        gray(ax, image, title=side, scale_bar=scale_bar)
        _colour(ax, np.asarray(objects), names, window)
    return fig


def _colour(ax, objects, names, window):
    """Draw the objects of one side in the colours of their names, with symbols and a legend."""
    known = np.unique(objects)
    dense = np.searchsorted(known[known != 0], objects[window]) + 1
    dense[objects[window] == 0] = 0
    kinds = list(STYLES)
    kind = np.append(-1, [kinds.index(name) for name in names]).astype(int)
    border = find_boundaries(dense, mode="inner")
    picture = np.zeros((*dense.shape, 4))
    shown = np.unique(dense[dense > 0])
    handles = []
    for number, (name, (colour, marker)) in enumerate(STYLES.items()):
        here = kind[dense] == number
        red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        picture[here] = red, green, blue, 0 if marker is None else 0.4
        picture[here & border, 3] = 1
        own = shown[kind[shown] == number]
        if not own.size:
            continue
        if marker:
            rows, columns = np.transpose(ndimage.center_of_mass(dense > 0, dense, own))
            # A nucleus at the edge has its symbol there: not cut in half by the picture's end.
            symbol = {"color": colour, "markeredgecolor": "k", "markersize": 9, "clip_on": False}
            ax.plot(columns, rows, marker, **symbol)
        line = {"color": colour, "marker": marker, "markeredgecolor": "k", "markersize": 9}
        handles.append(Line2D([], [], lw=3, label=f"{name}: {own.size}", **line))
    ax.imshow(picture, interpolation_stage="rgba")
    ax.legend(
        handles=handles,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.02 if not ax.get_xlabel() else -0.14),
        ncols=4,
        # Light grey lines would vanish on the white of the page.
        facecolor="#555555",
        labelcolor="w",
        framealpha=1,
    )
