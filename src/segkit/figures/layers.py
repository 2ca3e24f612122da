"""Layers on top of each other: in napari where that can be, else drawn with Matplotlib."""

import dataclasses

import dask
import numpy as np
from IPython.display import display
from matplotlib.figure import Figure

from segkit.figures import overlays, pictures
from segkit.figures import viewer as window
from segkit.figures.notebook import bundle, kernel


def _checked(images, masks, labels, frame):
    """Return the layers as a list of (kind, name, array), and the number of frames."""
    given = {"image": images or {}, "mask": masks or {}, "labels": labels or {}}
    found = [(kind, name, array) for kind, some in given.items() for name, array in some.items()]
    if not found:
        raise ValueError("There is no layer: give images, masks or labels as {name: array}.")
    names = [name for _, name, _ in found]
    if len(set(names)) < len(names):
        raise ValueError(f"Two layers have the same name among {', '.join(names)}: rename one.")
    for _, name, array in found:
        if np.ndim(array) not in (2, 3):
            msg = f"Layer {name!r} has shape {np.shape(array)}: it must be one frame or a stack."
            raise ValueError(msg)
    shapes = {np.shape(array)[-2:] for *_, array in found}
    depths = {len(array) for *_, array in found if np.ndim(array) == 3}
    if len(shapes) > 1 or len(depths) > 1:
        shapes = ", ".join(f"{name!r} {np.shape(array)}" for _, name, array in found)
        raise ValueError(f"The layers do not lie on each other: {shapes}.")
    depth = depths.pop() if depths else 1
    if not 0 <= frame < depth:
        raise ValueError(f"There is no frame {frame}: choose one of 0..{depth - 1}.")
    return found, depth


def _planes(found, frame):
    """Compute one frame of every layer; return (kind, name, 2-D array)."""
    lazy = [array[frame] if np.ndim(array) == 3 else array for *_, array in found]
    planes = [np.asarray(plane) for plane in dask.compute(*lazy)]
    return [(kind, name, plane) for (kind, name, _), plane in zip(found, planes, strict=True)]


def _limits(planes, given):
    """Complete the limits of the images among some planes, for this frame and those to come."""
    for kind, name, plane in planes:
        if kind == "image" and name not in given:
            given[name] = pictures.contrast(plane)
    return given


def _told(kind, name, plane):
    """Return a layer in words, for the alternative text."""
    if kind == "image":
        return f"image {name}"
    if kind == "mask":
        return f"mask {name}, {np.mean(plane != 0):.0%} of the pixels"
    count = int(np.count_nonzero(np.unique(plane)))
    return f"labels {name}, {count} object{'s' * (count != 1)}"


def _drawn(found, depth, frame, limits):
    """Draw one frame: a picture a layer, masks and labels over the first image."""
    planes = _planes(found, frame)
    limits = _limits(planes, limits)
    base_name, base = next(
        ((name, plane) for kind, name, plane in planes if kind == "image"), (None, None)
    )
    fig, axes = pictures.grid(len(planes), planes[0][2].shape)
    for ax, (kind, name, plane) in zip(axes, planes, strict=True):
        if kind == "image":
            pictures.gray(ax, plane, title=name, limits=limits[name])
        else:
            numbers = plane if kind == "labels" else (plane != 0).astype(int)
            overlays.labels(ax, numbers, image=base, title=name, limits=limits.get(base_name))
    where = f"frame {frame} of 0..{depth - 1}" if depth > 1 else "one frame"
    fig.suptitle(where.capitalize())
    told = "; ".join(_told(*plane) for plane in planes)
    return fig, f"Layers of {where}: {told}."


@dataclasses.dataclass(repr=False)
class Drawing:
    """What `layers` drew: the last ``figure``, and the ``slider`` that chooses the frame, or None.

    As the last value of a cell it shows as one line of text: the picture is there already.
    """

    figure: Figure
    slider: object = None

    def __repr__(self):
        return "<layers drawn with Matplotlib>"


def _draw(found, depth, frame, limits):
    """Draw one frame; in Jupyter show it, with a slider that draws another in its place."""
    figure, text = _drawn(found, depth, frame, limits)
    drawing = Drawing(figure)
    if not kernel():
        return drawing
    picture, metadata = bundle(figure, text)
    shown = display(picture, raw=True, metadata=metadata, display_id=True)
    if depth > 1:
        from ipywidgets import IntSlider

        def move(change):
            drawing.figure, text = _drawn(found, depth, change["new"], limits)
            picture, metadata = bundle(drawing.figure, text)
            shown.update(picture, raw=True, metadata=metadata)

        # Only once the slider rests: each frame that it passes would be computed.
        drawing.slider = IntSlider(
            frame, max=depth - 1, description="frame", continuous_update=False
        )
        drawing.slider.observe(move, "value")
        on_paper = {"text/plain": "In Jupyter, a slider here chooses the frame."}
        display(drawing.slider._repr_mimebundle_() | on_paper, raw=True)
    return drawing


def layers(*, images=None, masks=None, labels=None, limits=None, frame=0, viewer=None):
    """Show images, masks and labels on top of each other.

    napari opens where it is installed and a window can open; else each layer is drawn with
    Matplotlib, masks and labels over the first image, in Jupyter with a slider for the frame.
    ``SEGKIT_VIEWER=napari`` or ``=matplotlib`` overrides that. One line says what was chosen.

    Parameters
    ----------
    images, masks, labels : dict of str to array, optional
        Layers by name: (rows, columns) or (frames, rows, columns), NumPy or Dask. For a drawing
        only the frame in view is computed; napari computes each frame when it comes into view.
    limits : (float, float), optional
        The grey levels to show as black and as white in all images; percentiles 0.5 and 99.5 of
        each image's first view if not given.
    frame : int, optional
        The frame to show first.
    viewer : napari.Viewer, optional
        Add the layers to this one; layers of the same names are replaced.

    Returns
    -------
    napari.Viewer or Drawing
        A `Drawing` has the ``figure`` and, in Jupyter, the ``slider``.

    Raises
    ------
    ValueError
        If there is no layer, the layers do not fit together, or there is no such frame.
    OSError
        If $SEGKIT_VIEWER asks for napari and it cannot open.
    """
    found, depth = _checked(images, masks, labels, frame)
    limits = dict.fromkeys(images or {}, limits) if limits is not None else {}
    choice, reason = ("napari", "the viewer is given") if viewer is not None else window.choose()
    print(f"Shown with {choice}: {reason}.")
    if choice == "napari":
        bare = [layer for layer in found if layer[0] == "image" and layer[1] not in limits]
        limits = _limits(_planes(bare, frame), limits)
        return window.opened(found, limits=limits, frame=frame, viewer=viewer)
    return _draw(found, depth, frame, limits)
