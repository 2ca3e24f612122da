"""Reading a frame, with a check on it: one that cannot be used is named, with the cure.

Opening a TIFF holds Python's global lock, so it is done in as few Python steps as possible.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

# Not inches or centimetres: ImageJ takes them over from the resolution of a printer.
NAMES = {
    1e-3: ("nm", "nanometer", "nanometre"),
    1.0: ("um", "\u00b5m", "\u03bcm", "micron", "microns", "micrometer", "micrometre"),
    1e3: ("mm", "millimeter", "millimetre"),
}
UNITS = {name: size for size, names in NAMES.items() for name in names}
SIMULATED = "Simulated, not real cells: segkit"


class FrameError(ValueError):
    """A frame that cannot be used: the file, and the reason with its cure."""

    def __init__(self, file, reason):
        super().__init__(str(file), reason)

    file = property(lambda self: self.args[0])
    reason = property(lambda self: self.args[1])

    def __str__(self):
        return f"{self.file}: {self.reason}"


def read_frame(path, *, like=None):
    """Read one frame and check that it can be used.

    Parameters
    ----------
    path : path-like
        A TIFF with one page of grey levels.
    like : (shape, dtype), optional
        What the other frames are; shape (rows, columns).

    Returns
    -------
    (rows, columns) ndarray

    Raises
    ------
    FrameError
        If the file cannot be read, is no whole TIFF, has several pages or colours, differs from
        the others in shape or dtype, holds NaN or infinite values, or one single value.
    """
    try:
        # The bytes are taken in one read where they lie in one piece: tifffile would take them
        # strip by strip, which costs twice the time, all of it with the global lock held.
        with tifffile.TiffFile(path) as tif:
            pages = len(tif.pages)
            if pages == 0:  # the list of pages stands at the end of a MetaMorph file
                raise FrameError(path, "cut off before its list of pages; copy the file again")
            if pages != 1:
                raise FrameError(path, f"{pages} pages; save one frame a file")
            page = tif.pages.first
            if page.ndim != 2:
                raise FrameError(
                    path, f"shape {page.shape}, not rows and columns; save grey levels"
                )
            if page.is_memmappable:
                dtype = np.dtype(tif.byteorder + page.dtype.char)
                image = tif.filehandle.read_array(dtype, page.size, page.dataoffsets[0])
                image = image.reshape(page.shape).astype(page.dtype, copy=False)
            else:
                image = page.asarray()
    except FrameError:
        raise
    except Exception as error:  # a damaged file can lead tifffile into any of them
        raise FrameError(path, f"cannot be read ({error}); copy the file again") from error
    _check(path, image, like)
    return image


def _check(path, image, like):
    """Raise FrameError unless the frame can be segmented beside the others."""
    if like is not None and (image.shape, image.dtype) != like:
        raise FrameError(
            path,
            f"shape {image.shape} and dtype {image.dtype}, where the others have shape "
            f"{like[0]} and dtype {like[1]}; put it in a folder of its own",
        )
    if image.dtype.kind not in "uif":
        raise FrameError(path, f"dtype {image.dtype} holds no grey levels; save numbers")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise FrameError(path, "holds NaN or infinite values; replace them first")
    if (image == image.flat[0]).all():
        raise FrameError(path, f"every pixel is {image.flat[0]}; nothing was recorded")


def like_first(files, *, skip=False):
    """Shape and dtype of the first frame that can be used.

    Parameters
    ----------
    files : sequence of path-like
    skip : bool, optional
        Go on to the next file where one cannot be used.

    Returns
    -------
    (shape, dtype)

    Raises
    ------
    FrameError
        If the first frame cannot be used; with `skip`, if none can.
    """
    for path in files:
        try:
            image = read_frame(path)
        except FrameError:
            if not skip:
                raise
        else:
            return image.shape, image.dtype
    raise FrameError(Path(files[0]).parent, "no frame there can be used; look at one by hand")


def pixel_size(path):
    """Return the pixel size that a TIFF states, if rows and columns have the same.

    It is taken from the metadata of OME, ImageJ, MetaMorph or MetaXpress, and of this package's
    simulated frames (as in BBBC039). The resolution of a plain TIFF is that of a printer, or of a
    screen, and does not count.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    float or None
        Micrometres, to six digits; None if the file does not state it.

    Raises
    ------
    FrameError
        If the file cannot be read.
    """
    if not Path(path).is_file():  # opening a named pipe would wait for ever
        raise FrameError(path, "is missing, or not a file")
    try:
        with tifffile.TiffFile(path) as tif:
            stated = _calibration(tif)
    except Exception as error:  # a damaged file can lead tifffile into any of them
        raise FrameError(path, f"its metadata cannot be read ({error})") from error
    sizes = {_micrometres(size, unit) for size, unit in stated}
    return sizes.pop() if len(sizes) == 1 else None


def _calibration(tif):
    """Return (size, unit) as a TIFF states them, for each axis."""
    page = tif.pages.first
    if tif.is_ome:
        pixels = list(ElementTree.fromstring(tif.ome_metadata).iterfind(".//{*}Pixels"))
        names = ("PhysicalSizeX", "PhysicalSizeY")
        return [(one.get(name), one.get(f"{name}Unit", "um")) for one in pixels for name in names]
    if tif.is_imagej:
        unit = tif.imagej_metadata.get("unit")
        tags = [page.tags.valueof(name) for name in ("XResolution", "YResolution")]
        return [(below / above, unit) for above, below in tags]
    if tif.is_stk:
        known = tif.stk_metadata
        used, unit = known.get("SpatialCalibration"), known.get("CalibrationUnits")
        return [(known[f"{axis}Calibration"], unit) for axis in "XY" if used]
    if tif.is_metaseries:
        known = tif.metaseries_metadata["PlaneInfo"]
        start, unit = "spatial-calibration-", known.get("spatial-calibration-units")
        return [(known[f"{start}{axis}"], unit) for axis in "xy" if known.get(f"{start}state")]
    return [(0.645, "um")] if page.description.startswith(SIMULATED) else []


def _micrometres(size, unit):
    """Convert a length, or return None for what is not a length."""
    try:
        size = float(size) * UNITS[unit.replace("\\u00B5", "u")]
    except (TypeError, ValueError, KeyError, AttributeError):
        return None
    return float(f"{size:.6g}") if 0 < size < np.inf else None
