"""Files that are there whole or not at all, and what to say where none can be written."""

import errno
import os
import uuid

FULL = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}
ASIDE = ".*.part"  # as a pattern: names of files that are not whole


def whole(path, write):
    """Let a function write a file under a hidden name, then give it its own.

    Parameters
    ----------
    path : pathlib.Path
        What is there already is replaced in one go: the last writer wins.
    write : callable
        Takes the path to write to. Where it fails, nothing of the file is left.
    """
    # two workers may write the same part at the same time, where one was thought dead
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        write(aside)
        with aside.open("rb+") as file:  # after a power cut the name must not be there without it
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def printable(name):
    r"""Return a name with the bytes that are not UTF-8 escaped.

    Examples
    --------
    >>> print(printable("cell_\udce4.tif"))
    cell_\xe4.tif
    """
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def put(path, content):
    """Write bytes as a file that is there whole or not at all."""
    whole(path, lambda aside: aside.write_bytes(content))


def unwritable(error, folder, *, choose):
    """Say in one line why a folder could not be written to, and what to do.

    Parameters
    ----------
    error : OSError
    folder : path-like
    choose : str
        What names another folder: options or variables.

    Examples
    --------
    >>> unwritable(OSError(errno.ENOSPC, "No space left on device"), "out", choose="--out")
    'There is no room left in out (No space left on device): make room and try again, or choose another folder (--out).'
    """  # noqa: E501
    reason = error.strerror or error
    if error.errno in FULL:
        return (
            f"There is no room left in {folder} ({reason}): make room and try again, or choose "
            f"another folder ({choose})."
        )
    if error.errno in (errno.EEXIST, errno.ENOTDIR):
        return f"{folder} or a part of its path is a file: choose another folder ({choose})."
    return (
        f"{folder} cannot be written to ({reason}): choose another folder ({choose}), or get the "
        "right to write there."
    )
