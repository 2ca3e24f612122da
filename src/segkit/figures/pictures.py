"""Frames in grey levels.

A frame is drawn with row 0 at the top and column 0 at the left, as it lies in memory. It may be a
NumPy or a Dask array; the Dask arrays of one picture are computed together, once.
"""

import dask
import numpy as np
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from segkit.figures.notebook import new_figure

PIXEL_SIZE = 0.645  # micrometres, BBBC039
BAR = 50  # micrometres


def computed(**arrays):
    """Return 2-D NumPy arrays, computed together; the names are for the error message."""
    for name, array in arrays.items():
        if np.ndim(array) != 2:
            msg = (
                f"{name} has shape {np.shape(array)}, but a picture has (rows, columns): take one "
                "frame of a stack, as in stack[0]."
            )
            raise ValueError(msg)
    if len({np.shape(array) for array in arrays.values()}) > 1:
        shapes = ", ".join(f"{name} {np.shape(array)}" for name, array in arrays.items())
        raise ValueError(f"These do not lie on each other: {shapes}. They must be of one frame.")
    return [np.asarray(array) for array in dask.compute(*arrays.values())]


def contrast(*images):
    """Return the grey levels to draw as black and as white: percentiles 0.5 and 99.5.

    A few hot or saturated pixels do not count; an even image gives an interval of length 1.
    """
    levels = np.concatenate([np.ravel(image) for image in images]).astype(float)
    low, high = np.percentile(levels, (0.5, 99.5))
    return float(low), float(high if high > low else low + 1)


def finish(ax, shape, title, scale_bar):
    """Add the title and the scale bar, or row and column numbers where a bar has no place."""
    ax.set_title(title)
    length = BAR / (PIXEL_SIZE if scale_bar is True else scale_bar or np.inf)
    if not 0 < length < 0.7 * shape[1]:
        ax.set(xlabel="column", ylabel="row")
        ax.xaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10), integer=True))
        ax.yaxis.set_major_locator(MaxNLocator(5, steps=(1, 2, 5, 10), integer=True))
        return
    ax.set(xticks=[], yticks=[])
    right, bottom = 0.96 * shape[1], 0.95 * shape[0]
    height = 0.012 * shape[0]
    dark = [withStroke(linewidth=4, foreground="k")]  # whatever lies below can be bright
    bar = (right - length, bottom - height), length, height
    ax.add_patch(Rectangle(*bar, fc="w", ec="none", path_effects=dark, zorder=3))
    ax.text(
        right - length / 2,
        bottom - 2 * height,
        f"{BAR} µm",
        color="w",
        ha="center",
        va="bottom",
        bbox={"fc": "k", "ec": "none", "alpha": 0.7, "pad": 1.5},
    )


def grid(count, shape, *, columns=3):
    """Return a figure with `count` axes for frames of a shape, `columns` in a row."""
    columns = min(columns, count)
    rows = -(-count // columns)
    height = 3.1 * min(shape[0] / shape[1], 1.5) + 0.4
    fig = new_figure(3.3 * columns + 0.8, rows * height + 0.3)
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
        True draws a bar of 50 micrometres for the pixels of BBBC039 (0.645 micrometres), a number
        for pixels of that many micrometres. Rows and columns are numbered instead if it is False,
        or if the bar would not fit.

    Returns
    -------
    matplotlib.image.AxesImage
        For a colour bar.

    Raises
    ------
    ValueError
        If the image has not two axes.
    """
    (image,) = computed(image=image)
    low, high = contrast(image) if limits is None else limits
    drawn = ax.imshow(image, cmap="gray", vmin=low, vmax=high)
    finish(ax, image.shape, title, scale_bar)
    return drawn


def frames(images, titles, *, limits=None, columns=3):
    """Draw frames side by side with the same contrast, and a bar of the grey levels.

    Parameters
    ----------
    images : sequence of (rows, columns) arrays
    titles : sequence of str
    limits : (float, float), optional
        As in `gray`; the percentiles are those of all the images.
    columns : int, optional
        Pictures in a row.

    Returns
    -------
    matplotlib.figure.Figure
    """
    images, titles = list(images), list(titles)
    if not images or len(images) != len(titles):
        raise ValueError(f"{len(images)} images and {len(titles)} titles: give a title for each.")
    images = dask.compute(*images)
    limits = contrast(*images) if limits is None else limits
    fig, axes = grid(len(images), np.shape(images[0]), columns=columns)
    for ax, image, title in zip(axes, images, titles, strict=True):
        drawn = gray(ax, image, title=title, limits=limits)
    fig.colorbar(drawn, ax=axes, label="grey level", shrink=0.85)
    return fig
