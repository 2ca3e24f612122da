"""Find the archives of `data.fetch`, at the official address or on a mirror, and download them."""

import shutil
import sys
import threading
import time
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm.auto import tqdm

from segkit import writing
from segkit.files import registry
from segkit.files.registry import DataError
from segkit.files.unpack import bar, unpack

OFFICIAL = "https://data.broadinstitute.org/bbbc/BBBC039/"
# Bytes and SHA-256. The smallest comes first: a wrong address shows before 78 MB were loaded.
ARCHIVES = {
    "metadata.zip": (17_816, "a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2"),
    "masks.zip": (2_753_811, "f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710"),
    "images.zip": (77_915_748, "6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7"),
}
RETRIES = 3
TIMEOUT = (10, 30)  # seconds to connect, and without a byte of an answer
WINDOW, SLOWEST = 60, 2**16  # seconds, and the bytes that have to come in them


def run(into, *, mirror=None, progress=True):
    """Fetch what is missing or damaged in a folder; see `segkit.data.fetch`."""
    try:
        if (into / "metadata" / "simulated.json").is_file():
            msg = f"{into} holds simulated frames: choose another folder for the real ones."
            raise DataError(msg)
        left = registry.faults(into)
        if left:
            into.mkdir(parents=True, exist_ok=True)
            with _locked(into, progress):
                left = _complete(into, mirror, progress)
    except DataError:
        raise
    except OSError as error:
        raise unwritable(error, into) from error
    damaged = sorted(entry for entry, state in left.items() if state == "damaged")
    if damaged:
        msg = (
            f"{into / damaged[0]} is damaged (files like it: {len(damaged)}) and {mirror} has "
            "no better: delete what 'segkit verify' calls damaged, or fetch without a mirror."
        )
        raise DataError(msg)
    frames = registry.total() - sum(entry.startswith("images/") for entry in left)
    return f"{frames} of {registry.total()} frames in {into}"


def unwritable(error, folder):
    """Return the `DataError` for an `OSError` that came up in writing to a folder."""
    return DataError(writing.unwritable(error, folder, choose="--into, SEGKIT_DATA"))


def _locked(into, progress):
    """Lock a folder against other processes, until the returned context ends or this process."""
    lock = FileLock(into / ".fetch.lock")
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        if progress:
            tqdm.write(f"Another call is filling {into}: waiting.", file=sys.stderr)
        return lock.acquire()


def _complete(into, mirror, progress):
    """Fetch what a locked folder lacks; return what is still missing or damaged."""
    loading = into / ".loading"
    shutil.rmtree(loading, ignore_errors=True)  # what a killed process left, this and the next
    for pattern in (writing.ASIDE, f"*/{writing.ASIDE}"):
        for part in into.glob(pattern):
            part.unlink()
    left = registry.faults(into)  # once more: another process may have filled the folder
    for name in ARCHIVES:
        wanted = {entry for entry in left if entry.startswith(_members(name))}
        if wanted:
            try:
                path, source = _archive(name, loading, mirror, progress)
                unpacked = unpack(path, source, wanted, into, progress=progress)
            finally:
                shutil.rmtree(loading, ignore_errors=True)
            left = {entry: state for entry, state in left.items() if entry not in unpacked}
    return left


def _members(archive):
    """Return how the names of an archive's members start, such as "images/"."""
    return archive.removesuffix(".zip") + "/"


def _archive(name, loading, mirror, progress):
    """Return the path of an archive, after a download if need be, and its source for messages."""
    if mirror is None:
        size, sha256 = ARCHIVES[name]
        return _download(OFFICIAL, name, loading, progress, limit=size, sha256=sha256)
    if "://" not in str(mirror):
        path = Path(mirror).expanduser() / name
        return path, path
    if not str(mirror).startswith(("http://", "https://")):
        msg = f"The mirror {mirror} is neither a folder nor an http(s) address: give one of them."
        raise DataError(msg)
    # However its members are packed, this is enough for them.
    limit = registry.LARGEST * sum(entry.startswith(_members(name)) for entry in registry.entries())
    return _download(str(mirror).rstrip("/") + "/", name, loading, progress, limit=limit)


def _download(base, name, loading, progress, *, limit, sha256=None):
    """Download an archive with pooch, which tries again, from the start, if the network fails."""
    import pooch
    import requests

    def once(url, output, _):
        look = {"desc": name, "unit": "B", "unit_scale": True}
        try:
            with Path(output).open("wb") as file, bar(progress=progress, **look) as drawn:
                _load(url, file, limit, drawn)
        except requests.HTTPError as error:
            if error.response.status_code in (408, 429) or error.response.status_code >= 500:
                raise
            raise _refused(error) from error  # asking again would not change the answer

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the bar says what the log would
    try:
        store = pooch.create(loading, base, registry={name: sha256}, retry_if_failed=RETRIES)
        return store.fetch(name, downloader=once), base + name
    except requests.HTTPError as error:
        raise _refused(error) from error
    except requests.RequestException as error:
        msg = (
            f"{base + name} could not be loaded ({_cause(error)}; {RETRIES + 1} tries): check the "
            "network and try again, or fetch from a folder or another address (--mirror)."
        )
        raise DataError(msg) from error
    except ValueError as error:
        msg = (
            f"What came from {base + name} has a wrong SHA-256 and was deleted: try again "
            f"later, or with --mirror {base}, which checks the files one by one."
        )
        raise DataError(msg) from error
    finally:
        logger.setLevel(level)


def _load(url, file, limit, drawn):
    """Write what an address sends to an open file, and give up if it comes too slowly.

    A server that sends a byte now and then, in the body or in a header, keeps within any time
    limit on a single read. So one thread reads, and this one looks at what came. A thread that
    hangs on such a server is left behind; it can write no more, as its file is closed then.
    """
    import requests

    failed = []
    thread = threading.Thread(target=_receive, args=(url, file, limit, drawn, failed), daemon=True)
    thread.start()
    checked, size = time.monotonic(), 0
    while thread.is_alive():
        thread.join(0.1)
        drawn.update(file.tell() - drawn.n)
        if time.monotonic() - checked > WINDOW:
            if file.tell() - size < SLOWEST:
                raise requests.Timeout(f"less than {SLOWEST:,} bytes in {WINDOW} seconds")
            checked, size = time.monotonic(), file.tell()
    drawn.update(file.tell() - drawn.n)  # what came since the last look, or before the first
    if failed:
        raise failed[0]


def _receive(url, file, limit, drawn, failed):
    """Write what an address sends to an open file; append an error, if there is one, to a list."""
    import requests

    try:
        # a server may compress on the way all the same: so the limit is on what is written
        headers = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=TIMEOUT, headers=headers) as answer:
            answer.raise_for_status()
            drawn.total = answer.raw.length_remaining  # None if the header is no number
            for piece in answer.iter_content(2**14):
                file.write(piece)
                if file.tell() > limit:
                    msg = (
                        f"{url} sends more than the {limit:,} bytes that it can have and was not "
                        "kept: check the address, or use another (--mirror)."
                    )
                    raise DataError(msg)
    except OSError as error:  # of requests, and of a disk that is full
        failed.append(error)
    except Exception as error:  # what an odd answer makes the libraries below raise
        failed.append(requests.RequestException(error))


def _refused(error):
    """Return the `DataError` for an answer of the server that is not the file."""
    status, url = error.response.status_code, error.response.url[:300]
    if status in (404, 410):
        msg = f"{url} is not there (HTTP {status}): check the address, or use another (--mirror)."
    else:
        msg = f"{url} was refused (HTTP {status}): try again later, or use a mirror (--mirror)."
    return DataError(msg)


def _cause(error):
    """Return, in a few words, the first cause of a chain of network errors."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return " ".join(str(getattr(error, "strerror", None) or error).split())[:300]
