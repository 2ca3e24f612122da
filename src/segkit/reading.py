"""Read a frame: the right pixels, or an error that names the file and says what to do.

Opening a TIFF holds Python's global lock, so it is done in as few Python steps as possible.
"""

import contextlib
import logging
import math
import stat
import threading
from collections import Counter
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import tifffile

from segkit import SegkitError, writing

# tifffile's log says nothing that an error here does not say; other callers still get it.
_quiet = threading.local()
logging.getLogger("tifffile").addFilter(lambda _: not getattr(_quiet, "on", False))
# Not inches or centimetres: ImageJ takes them over from the resolution of a printer.
UNITS = dict.fromkeys(("um", "\u00b5m", "\u03bcm", "micron", "microns", "micrometer"), 1.0)
UNITS |= {"nm": 1e-3, "mm": 1e3}
SIMULATED = "Simulated, not real cells: segkit"


class FrameError(SegkitError, ValueError):
    """A frame that cannot be used: the file, and the reason with its cure."""

    def __init__(self, file, reason):
        # a name with bytes that are not UTF-8 could not be printed or written to a table
        super().__init__(writing.printable(file), " ".join(reason.split()))

    file = property(lambda self: self.args[0])
    reason = property(lambda self: self.args[1])

    def __str__(self):
        return f"{self.file}: {self.reason}"


def read_frame(path, *, like=None):
    """Read one frame and check that it can be used.

    Parameters
    ----------
    path : path-like
        A TIFF with one page of grey levels, compressed or not.
    like : (shape, dtype), optional
        What most frames are, as from `common_format`; shape (rows, columns).

    Returns
    -------
    (rows, columns) ndarray
        In the file's dtype.

    Raises
    ------
    FrameError
        If the file cannot be read; if it is damaged or lacks a part of the image; if it holds
        several planes, colours, or white stored as 0; if its shape or dtype is not `like`; if it
        holds NaN or infinite values, or the same value everywhere.
    """
    with open_page(path) as page:
        found = page.shape, page.dtype
        if like is not None and found != like:
            raise FrameError(
                path,
                f"shape {found[0]} and dtype {found[1]}, where most frames have shape {like[0]} "
                f"and dtype {like[1]}; put it in a folder of its own",
            )
        # The bytes are taken in one read where they lie in one piece: tifffile would take them
        # strip by strip, which costs twice the time, all of it with the global lock held.
        if page.is_memmappable:
            dtype = np.dtype(page.parent.byteorder + page.dtype.char)
            image = page.parent.filehandle.read_array(dtype, page.size, page.dataoffsets[0])
            image = image.reshape(page.shape)
        else:
            image = page.asarray(maxworkers=1)  # frames run in parallel already
        image = image.astype(found[1], copy=False)
        if image.dtype.kind == "f" and not np.isfinite(image).all():
            raise FrameError(path, "holds NaN or infinite values; replace them first")
        if (image == image.flat[0]).all():
            raise FrameError(
                path,
                f"every pixel is {image.flat[0]}; move the file away, or leave such frames out",
            )
        if page.photometric == tifffile.PHOTOMETRIC.PALETTE and not _rises(page.colormap, image):
            raise FrameError(
                path, "its colour map does not go from dark to bright; save it as grey levels"
            )
    return image


def common_format(files):
    """Shape and dtype that most frames have.

    Only headers are read, of at most 50 files spread evenly over the list. Files that cannot be
    used do not count.

    Parameters
    ----------
    files : sequence of path-like

    Returns
    -------
    (shape, dtype)
        Shape (rows, columns).

    Raises
    ------
    ValueError
        If the list is empty.
    FrameError
        If none of these files can be used; it names the first.
    """
    if len(files) == 0:
        raise ValueError("the list of files is empty; check the folder and the pattern")
    chosen = np.unique(np.linspace(0, len(files) - 1, min(len(files), 50)).astype(int))
    votes, errors = Counter(), []
    for number in chosen:
        try:
            with open_page(files[number]) as page:
                votes[page.shape, page.dtype] += 1
        except FrameError as error:
            errors.append(error)
    if not votes:
        others = f" (none of the {len(errors)} files checked can be used)" if errors[1:] else ""
        raise FrameError(errors[0].file, errors[0].reason + others)
    return votes.most_common(1)[0][0]


def read_stack(files):
    """Lazy stack of frames, one frame per chunk; each is checked when it is read.

    Parameters
    ----------
    files : sequence of path-like
        The headers of some are read at once, for the shape and dtype of all; see `common_format`.

    Returns
    -------
    (frames, rows, columns) dask.array.Array

    Raises
    ------
    ValueError
        If the list is empty.
    FrameError
        If no frame can be used; when a frame is read, if it cannot be used.
    """
    import dask.array as da

    files = list(files)
    like = shape, dtype = common_format(files)

    def read(index):
        return read_frame(files[index[0]], like=like)[None]

    numbers = da.arange(len(files), chunks=1)
    meta = np.empty((0, 0, 0), dtype)
    return numbers.map_blocks(read, new_axis=(1, 2), chunks=(1, *shape), meta=meta)


@contextlib.contextmanager
def open_page(path):
    """Open a TIFF and yield its page of grey levels; whatever goes wrong is a `FrameError`."""
    path = Path(path)
    _quiet.on = True
    try:
        path.name.encode()
        if not stat.S_ISREG(path.stat().st_mode):  # opening a named pipe would wait for ever
            raise FrameError(path, "is a folder, a pipe or a device; move it away or rename it")
        # Other files of the same acquisition are frames of their own.
        alone = {"_multifile": False, "is_mmstack": False, "is_ndtiff": False}
        with np.errstate(all="ignore"), tifffile.TiffFile(path, **alone) as tif:
            for right, reason in _checks(tif):
                if not right:
                    raise FrameError(path, reason)
            yield tif.pages.first
    except FrameError:
        raise
    except Exception as error:  # a damaged file can lead tifffile into any of them
        raise FrameError(path, _reason(path, error)) from error
    finally:
        _quiet.on = False


def _checks(tif):
    """Yield what must hold for a header, with the reason to give if it does not."""
    pages = len(tif.pages)
    # the list of pages stands at the end of a MetaMorph file
    yield pages > 0, "cut off before its list of pages; copy the file again"
    yield pages == 1, f"{pages} pages; save one frame per file"
    tif.filehandle.seek(tif.pages.next_page_offset)
    end = tif.filehandle.read(tif.tiff.offsetsize)
    yield not any(end), "cut off or damaged after its first page; copy or save the file again"
    page = tif.pages.first
    yield page.ndim == 2, f"shape {page.shape}, not rows and columns; save grey levels"
    planes = _planes(tif)
    yield planes == 1, f"{planes} planes according to its metadata; save one frame per file"
    colours = page.photometric if 262 in page.tags else tifffile.PHOTOMETRIC.MINISBLACK
    yield colours != 0, "white is stored as 0 (MinIsWhite); invert it and save it as MinIsBlack"
    kind = f"{getattr(colours, 'name', colours)} of dtype {page.dtype}"
    grey = colours in (1, 3) and page.dtype is not None and page.dtype.kind in "uif"
    yield grey, f"its pixels are {kind}; save grey levels, as integers or floating point"
    offsets, counts = page.dataoffsets, page.databytecounts
    complete = len(offsets) >= math.prod(page.chunked) and 0 not in offsets and 0 not in counts
    yield complete, "some of its strips or tiles hold no data; save the file again"
    if page.compression != 1:  # a codec may not miss the last bytes
        end = max(map(sum, zip(offsets, counts, strict=False)))
        yield end <= tif.filehandle.size, "cut off before the end of its data; copy the file again"


def _planes(tif):
    """Return the number of planes in a file of one page: in some formats they share the page."""
    page = tif.pages.first
    if tif.is_stk:  # for the count alone, because tifffile would read all metadata of each plane
        tag = page.tags.get(33629)
        return tag.count if tag else 1
    # ImageJ's own number also counts planes that were cut off
    named = (tif.imagej_metadata or {}).get("images", 1)
    return max(tif.series[0].size // page.size, named)


def _rises(colours, image):
    """Tell whether higher grey levels are shown brighter, of those that are in the image."""
    shown = np.array([0.299, 0.587, 0.114]) @ colours[:, np.unique(image)]
    falls = np.maximum.accumulate(shown) - shown
    return shown[-1] > shown[0] and falls.max() < 0.01 * 65535


def no_memory(error):
    """Reason to give where a frame needs more memory than there is."""
    return f"needs more memory than is free ({error}); use fewer workers, or smaller frames"


def _reason(path, error):
    """Say in one line why a file cannot be read, and what to do."""
    text = str(error) or type(error).__name__
    if isinstance(error, UnicodeEncodeError):
        return "its name is not valid UTF-8; rename the file"
    if isinstance(error, MemoryError):
        return no_memory(text)
    if isinstance(error, FileNotFoundError):
        return "does not exist, or is a link to nothing; it may have been moved or renamed"
    if isinstance(error, OSError) and error.errno:
        return f"cannot be read ({error.strerror}); check the drive and your permissions"
    if isinstance(error, ImportError) or "COMPRESSION" in text:
        cure = "install imagecodecs if it is missing, or save without compression"
        return f"cannot be read ({text}); {cure}"
    with contextlib.suppress(OSError), path.open("rb") as file:
        start = file.read(8)
        if not start:
            return "is empty (0 bytes); copy or save the file again"
        if start[:2] not in (b"II", b"MM"):
            return f"cannot be read as TIFF (it starts with {start!r}); save the frame as TIFF"
    return f"cannot be read ({text}); copy or save the file again"


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
    with open_page(path) as page:
        stated = _calibration(page.parent)
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
