"""Unpack an archive into a folder so that no interruption leaves half a file.

One process at a time works on a folder (`lock`); a file is put there whole (`put`); its SHA-256
was found right before (`unpack`).
"""

import contextlib
import errno
import hashlib
import stat
import sys
import time
import zipfile
from pathlib import Path, PureWindowsPath

from tqdm.auto import tqdm

from segkit import writing
from segkit.files import registry
from segkit.files.registry import DataError

DELAY = 0.5  # seconds until a progress bar is drawn


def unpack(path, source, wanted, into, *, progress=False):
    """Put the wanted members of an archive in place.

    Parameters
    ----------
    path : path-like
        The zip archive.
    source : str
        Where it came from, for the messages.
    wanted : set of str
        Names as in the registry. Members that the registry does not have are never unpacked.
    into : Path
        The folder of the data set.
    progress : bool
        Draw a bar on standard error.

    Returns
    -------
    come, members : set of str
        The wanted names that are in place now, and all names that the archive could give.

    Raises
    ------
    DataError
        If the archive cannot be read, a member would land outside `into`, has a wrong SHA-256, or
        there is none of BBBC039's. What was unpacked before is whole and stays.
    """
    with _opened(path, source) as archive:
        for info in archive.infolist():
            if _leads_outside(info):
                msg = (
                    f"{source} holds {info.filename!r}, which would land outside the folder: "
                    "nothing of it was unpacked; take the archive from another place."
                )
                raise DataError(msg)
        members = registry.entries().keys() & set(archive.namelist())
        if not members:
            msg = (
                f"{source} holds no file of BBBC039: a mirror needs the three archives with "
                "images/, masks/ and metadata/ inside, as the official ones."
            )
            raise DataError(msg)
        come = wanted & members
        for entry in bar(sorted(come), progress=progress, desc=Path(path).name, unit="file"):
            put(into / entry, _read(archive, entry, source))
    return come, members


def put(path, content):
    """Write a file, and the folder that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writing.put(path, content)


def clean(into):
    """Remove what a killed `put` left in a folder; the caller holds its lock."""
    for pattern in (writing.ASIDE, f"*/{writing.ASIDE}"):
        for part in into.glob(pattern):
            part.unlink()


def bar(items=None, *, progress, **look):
    """Return a progress bar on standard error for what takes longer than a moment."""
    return tqdm(items, delay=DELAY, disable=not progress, **look)


@contextlib.contextmanager
def lock(path, *, progress=False):
    """Hold a lock file while the block runs; wait as long as another process holds it.

    The lock is the operating system's, on an open file: it ends with its holder, even with
    kill -9. The file itself stays, for removing it would let two processes lock two files.
    """
    with Path(path).open("ab") as file:
        waiting = False
        while not _locked(file):
            if progress and not waiting:
                tqdm.write(f"Another call is filling {path.parent}: waiting.", file=sys.stderr)
            waiting = True
            time.sleep(0.1)
        yield


def unwritable(error, folder):
    """Return the `DataError` for an `OSError` that came up in writing to a folder."""
    return DataError(writing.unwritable(error, folder, choose="--into, SEGKIT_DATA"))


def _opened(path, source):
    """Open a zip archive."""
    try:
        return zipfile.ZipFile(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        msg = f"There is no {source}: a mirror needs images.zip, masks.zip and metadata.zip."
        raise DataError(msg) from error
    except Exception as error:  # zipfile raises several kinds for a directory cut anywhere
        raise _broken(source, error) from error


def _read(archive, entry, source):
    """Return the bytes of a member whose SHA-256 is right."""
    try:
        content = archive.read(entry)
    except Exception as error:  # zlib, bz2, lzma and zipfile raise kinds of their own
        raise _broken(source, error) from error
    if hashlib.sha256(content).hexdigest() != registry.entries()[entry]:
        msg = (
            f"{entry} in {source} has a wrong SHA-256 and was not kept: copy or download that "
            "archive again, or fetch from another place."
        )
        raise DataError(msg)
    return content


def _broken(source, error):
    """Return the `DataError` for an archive that cannot be read."""
    reason = " ".join(str(error).split()) or type(error).__name__
    msg = f"{source} is not a whole zip archive ({reason}): copy or download it again."
    return DataError(msg)


def _leads_outside(info):
    """Tell whether a member's name or kind could lead out of the folder it is unpacked in."""
    name = info.filename.replace("\\", "/")
    outside = name.startswith("/") or ".." in name.split("/") or PureWindowsPath(name).drive
    return bool(outside) or stat.S_ISLNK(info.external_attr >> 16)


def _locked(file):
    """Try to lock an open file, and tell whether that worked."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            return False
        raise
    return True
