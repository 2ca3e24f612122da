"""Unpack files of the data set from a zip archive: no more than needed, and only what is right."""

import bz2
import copy
import hashlib
import lzma
import zipfile
import zlib
from pathlib import Path

from tqdm.auto import tqdm

from segkit import writing
from segkit.files import registry
from segkit.files.registry import DataError

DELAY = 0.5  # seconds until a progress bar is drawn


def unpack(path, source, wanted, into, *, progress=False):
    """Unpack the wanted members of an archive.

    Only names of the registry are unpacked, and a member is written only if its SHA-256 is right.
    So it does not matter what else an archive holds, or what its headers claim.

    Parameters
    ----------
    path : path-like
        The zip archive.
    source : str or path-like
        Where it came from, for the messages.
    wanted : set of str
        Names as in the registry.
    into : Path
        The folder of the data set.
    progress : bool
        Draw a bar on standard error.

    Returns
    -------
    set of str
        The wanted names that the archive held; they are in `into` now.

    Raises
    ------
    DataError
        If the archive cannot be read, has no file of BBBC039, or a wanted member is damaged. Files
        that were unpacked before are complete and stay.
    """
    with _opened(path, source) as archive:
        held = registry.entries().keys() & set(archive.namelist())
        if not held:
            msg = (
                f"{source} holds no file of BBBC039: a mirror needs the three archives with "
                "images/, masks/ and metadata/ inside, as the official ones."
            )
            raise DataError(msg)
        for entry in bar(
            sorted(wanted & held), progress=progress, desc=Path(path).name, unit="file"
        ):
            content = _read(archive, entry, source)
            (into / entry).parent.mkdir(parents=True, exist_ok=True)
            writing.put(into / entry, content)
    return wanted & held


def bar(items=None, *, progress, **look):
    """Return a progress bar on standard error for what takes longer than a moment."""
    return tqdm(items, delay=DELAY, disable=not progress, **look)


def _opened(path, source):
    """Open a zip archive."""
    try:
        if Path(path).is_file():
            return zipfile.ZipFile(path)
    except Exception as error:  # zipfile raises several kinds for a directory cut anywhere
        raise _broken(source, error) from error
    msg = f"There is no file {source}: a mirror needs images.zip, masks.zip and metadata.zip."
    raise DataError(msg)


def _read(archive, entry, source):
    """Return the bytes of a member whose SHA-256 is right."""
    try:
        content = _decompressed(archive, archive.getinfo(entry))
    except Exception as error:  # zlib, bz2, lzma and zipfile raise kinds of their own
        raise _broken(source, error) from error
    if hashlib.sha256(content).hexdigest() != registry.entries()[entry]:
        msg = (
            f"{entry} in {source} has a wrong SHA-256 and was not kept: copy or download that "
            "archive again, or fetch from another place."
        )
        raise DataError(msg)
    return content


def _decompressed(archive, info):
    """Return the first bytes of a member, `registry.LARGEST` at most.

    zipfile itself decompresses bzip2 and LZMA without a limit, a thousand bytes to a gigabyte. So
    the member is read as if it were only stored, and decompressed here. The checksum (CRC) of the
    archive is left to the SHA-256.
    """
    stored = copy.copy(info)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    stored.CRC = None
    with archive.open(stored) as member:
        packed = member.read(registry.LARGEST)
    if info.compress_type == zipfile.ZIP_STORED:
        return packed
    if info.compress_type == zipfile.ZIP_DEFLATED:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, registry.LARGEST)
    if info.compress_type == zipfile.ZIP_BZIP2:
        return bz2.BZ2Decompressor().decompress(packed, registry.LARGEST)
    if info.compress_type == zipfile.ZIP_LZMA:
        # As an .lzma file: the properties (here after 4 bytes), an unknown size, the data.
        decompressor = lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=2**27)
        packed = packed[4:9] + b"\xff" * 8 + packed[9:]
        return decompressor.decompress(packed, registry.LARGEST)
    msg = f"compression method {info.compress_type} of {info.filename!r} is unknown"
    raise NotImplementedError(msg)


def _broken(source, error):
    """Return the `DataError` for an archive that cannot be read."""
    reason = " ".join(str(error).split()) or type(error).__name__
    msg = (
        f"{source} cannot be unpacked ({reason}): copy or download it again, or fetch from another "
        "place."
    )
    return DataError(msg)
