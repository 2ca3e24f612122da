"""What a data set must hold, with the SHA-256 of every file of BBBC039, and what a folder holds."""

import functools
import hashlib
import os
import re
import unicodedata
from pathlib import Path

SPLITS = ("training", "validation", "test")
LARGEST = 2**20  # bytes; no file of BBBC039 is larger (a frame has up to 726,354)


class DataError(OSError):
    """The frames are not as they should be; the message is one line and says what to do.

    Characters that do not print are escaped: names, and what a server answers, may hold some that
    control a terminal.
    """

    def __init__(self, message):
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


@functools.cache
def entries():
    """Return the SHA-256 of every file of BBBC039, as ``{"images/....tif": hexadecimal}``.

    ``registry.txt`` lists them as ``sha256sum -c`` reads it: 200 images, 200 masks, 6 files of
    metadata.
    """
    lines = Path(__file__).with_name("registry.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def total():
    """Return the number of frames of the complete data set.

    >>> total()
    200
    """
    return sum(entry.startswith("images/") for entry in entries())


def faults(folder):
    """Return the files that a folder lacks, as ``{name: "missing" or "damaged"}``.

    Every file that is there is read and hashed. What is not a file, such as a folder or a pipe
    under that name, is damaged.
    """
    found = {}
    for entry, digest in entries().items():
        path = Path(folder) / entry
        try:
            if not path.is_file():
                found[entry] = "damaged" if path.exists() else "missing"
            elif path.stat().st_size > LARGEST or _sha256(path) != digest:
                found[entry] = "damaged"
        except OSError:  # no right to read, a failing disk
            found[entry] = "damaged"
    return found


def verify(folder):
    """List the files of a data set that are missing or damaged, or that do not belong to it.

    Any folder but the simulator's is compared with the registry, file by file with SHA-256;
    `segkit.data.fetch` into the same folder replaces what is missing or damaged. For simulated
    frames no hash is known: those on the lists in ``metadata`` must be there with their masks,
    and every file must open with the right shape (520 x 696 pixels) and dtype.

    Returns
    -------
    dict of str to list of str
        "missing", "damaged" and "foreign": sorted names relative to `folder`. Hidden files, our
        locks among them, do not count.

    Raises
    ------
    DataError
        If there is no such folder.
    """
    folder = Path(folder)
    if not folder.is_dir():
        msg = f"There is no folder {folder}: give the folder of a data set."
        raise DataError(msg)
    present = _visible(folder)
    if (folder / "metadata" / "simulated.json").is_file():
        present = {entry for entry in present if not entry.startswith("metadata/")}
        known, found = _simulated(folder)
    else:
        known, found = entries().keys(), faults(folder)
    kinds = ("missing", "damaged")
    result = {kind: sorted(name for name in found if found[name] == kind) for kind in kinds}
    return result | {"foreign": sorted(present - known)}


def tiffs(folder):
    """Return the sorted frames in ``folder/images`` or `folder` itself, or an empty list."""
    inner = Path(folder) / "images"
    place = inner if inner.is_dir() else Path(folder)
    paths = place.iterdir() if place.is_dir() else ()
    return sorted(path for path in paths if _is_tiff(path.name))


def _is_tiff(name):
    return name.lower().endswith((".tif", ".tiff")) and not name.startswith(".")


def nfc(name):
    """Return a name in one form: macOS writes an umlaut as two characters, others as one."""
    return unicodedata.normalize("NFC", name)


def listed(folder, name):
    """Return the set of stems on the list of one split, in the form of `nfc`."""
    path = Path(folder) / "metadata" / f"{name}.txt"
    try:
        # A list from Windows may begin with a byte order mark.
        lines = map(str.strip, path.read_text(encoding="utf-8-sig").splitlines())
    except UnicodeDecodeError as error:
        msg = f"{path} cannot be read: it is not UTF-8 text; save it as UTF-8."
        raise DataError(msg) from error
    except OSError as error:
        msg = (
            f"{path} cannot be read ({error.strerror}): use split 'all', or list frames there, "
            "one name per line ('segkit fetch' brings the lists of BBBC039)."
        )
        raise DataError(msg) from error
    names = (nfc(Path(line).name) for line in lines if line)
    return {re.sub(r"\.(png|tiff?)$", "", entry, flags=re.IGNORECASE) for entry in names}


def _sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _visible(folder):
    """Return the names of all files below a folder, relative to it; hidden ones do not count."""
    names = set()
    for place, folders, files in os.walk(folder):
        folders[:] = [entry for entry in folders if not entry.startswith(".")]
        paths = (Path(place) / entry for entry in files if not entry.startswith("."))
        names.update(path.relative_to(folder).as_posix() for path in paths)
    return names


def _simulated(folder):
    """Return the names that simulated frames must have, and what is missing or damaged."""
    stems = {path.stem for path in tiffs(folder) if path.suffix == ".tif"}
    stems = stems.union(*(listed(folder, name) for name in SPLITS))
    known = {f"images/{stem}.tif" for stem in stems} | {f"masks/{stem}.png" for stem in stems}
    found = {entry: "missing" for entry in known if not (folder / entry).is_file()}
    there = known - found.keys()
    return known, found | {entry: "damaged" for entry in there if not _opens(folder / entry)}


def _opens(path):
    """Tell whether a frame or a mask can be read and has the right shape and dtype."""
    import numpy as np
    import tifffile
    from PIL import Image

    try:  # the pixels last: a damaged header may claim more of them than the memory holds
        if path.suffix == ".tif":
            with tifffile.TiffFile(path) as file:
                (page,) = file.pages
                return page.shape == (520, 696) and page.asarray().dtype == np.uint16
        with Image.open(path) as mask:
            return mask.size == (696, 520) and np.asarray(mask).shape == (520, 696, 4)
    except Exception:  # for a broken file the readers raise a dozen kinds, each of them an answer
        return False
