"""napari: whether it can open a window here, and the course's layers in it."""

import functools
import importlib.util
import itertools
import os
import subprocess
import sys

PROBE = "from qtpy.QtWidgets import QApplication; QApplication([])"
MASK_OPACITY, LABEL_OPACITY = 0.4, 0.6


@functools.cache
def _qt_fault(settings):
    """Return why no Qt application starts, "" if one does.

    Qt ends the process where it cannot reach the display or lacks a library, so that only a
    process of its own can find out. `settings` are the variables that the answer depends on.
    """
    try:
        done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return "Qt does not start within a minute"
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
    # Python tells the cause in the last line, Qt itself in the first.
    return f"Qt does not start ({said[-1] if said[0].startswith('Traceback') else said[0]})"


def hindrance(*, display_needed=True):
    """Return why napari cannot open a window here, as half a sentence; "" if it can."""
    spec = importlib.util.find_spec("napari")
    if spec is None or spec.origin is None:  # a mere folder of that name has no origin
        return "napari is not installed (pip install 'napari[pyqt6]')"
    screens = [os.environ.get(name, "") for name in ("DISPLAY", "WAYLAND_DISPLAY")]
    if display_needed and sys.platform.startswith("linux") and not any(screens):
        return "this machine has no display"
    return _qt_fault((*screens, os.environ.get("QT_QPA_PLATFORM", "")))


def choose():
    """Return "napari" or "Matplotlib", and why.

    Raises
    ------
    ValueError
        If $SEGKIT_VIEWER is neither.
    OSError
        If $SEGKIT_VIEWER asks for napari, which cannot open.
    """
    wish = os.environ.get("SEGKIT_VIEWER", "").strip().lower()
    if wish not in ("", "napari", "matplotlib"):
        raise ValueError(f"SEGKIT_VIEWER is {wish!r}: set it to napari or matplotlib, or unset it.")
    if wish == "matplotlib":
        return "Matplotlib", "SEGKIT_VIEWER asks for it"
    fault = hindrance(display_needed=not wish)
    if wish and fault:
        raise OSError(f"SEGKIT_VIEWER asks for napari, but {fault}: mend that, or unset it.")
    if fault:
        return "Matplotlib", fault
    return "napari", "SEGKIT_VIEWER asks for it" if wish else "it is installed and has a display"


def opened(layers, *, limits, frame=0, viewer=None):
    """Put layers into a napari viewer, in place of layers of the same names.

    Parameters
    ----------
    layers : list of (kind, name, array)
        The kind is "image", "mask" or "labels".
    limits : dict of str to (float, float)
        Contrast limits of each image, by name.
    frame : int, optional
        The frame to show.
    viewer : napari.Viewer, optional
        A new one if not given.

    Returns
    -------
    napari.Viewer
    """
    import napari
    from napari.utils.colormaps import DirectLabelColormap

    from segkit.figures.overlays import PALETTE

    viewer = napari.Viewer(title="segkit") if viewer is None else viewer
    turn = itertools.cycle(PALETTE)
    added = []
    for kind, name, array in layers:
        if name in viewer.layers:
            viewer.layers.remove(name)
        # Hidden until the right frame is in view: frame 0 would be computed first.
        hidden = {"name": name, "visible": False}
        if kind == "image":
            layer = viewer.add_image(array, contrast_limits=limits[name], **hidden)
        elif kind == "labels":
            layer = viewer.add_labels(array, opacity=LABEL_OPACITY, **hidden)
        else:
            colour = DirectLabelColormap(color_dict={None: "transparent", 1: next(turn)})
            mask = (array != 0).astype("uint8")
            layer = viewer.add_labels(mask, opacity=MASK_OPACITY, colormap=colour, **hidden)
        added.append(layer)
    if viewer.dims.ndim > 2:
        viewer.dims.set_current_step(0, frame)
    for layer in added:
        layer.visible = True
    return viewer
