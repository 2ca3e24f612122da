"""The engine of ``data.fetch``: find the archives, at the official address or on a mirror."""

import json
import shutil
from pathlib import Path

from segkit.files import registry
from segkit.files.registry import DataError
from segkit.files.unpack import bar, clean, lock, put, unpack, unwritable

OFFICIAL = "https://data.broadinstitute.org/bbbc/BBBC039/"
# The smallest first: a wrong address shows before 78 MB were loaded. The values are SHA-256.
ARCHIVES = {
    "metadata.zip": "a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2",
    "masks.zip": "f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710",
    "images.zip": "6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7",
}
RETRIES = 3
TIMEOUT = (10, 30)  # seconds to connect, and between two pieces of an answer


def run(into, *, mirror=None, progress=True):
    """Bring what is missing or damaged in a folder; see `segkit.data.fetch`."""
    try:
        if (into / "metadata" / "simulated.json").is_file():
            msg = f"{into} holds simulated frames: choose another folder for the real ones."
            raise DataError(msg)
        left = registry.faults(into)
        if left:
            into.mkdir(parents=True, exist_ok=True)
            with lock(into / ".fetch.lock", progress=progress):
                left = _complete(into, mirror, progress)
    except DataError:
        raise
    except OSError as error:
        raise unwritable(error, into) from error
    damaged = sorted(entry for entry, fault in left.items() if fault == "damaged")
    if damaged:
        msg = (
            f"{into / damaged[0]} is damaged (files like it: {len(damaged)}) and {mirror} has "
            "no better: delete what 'segkit verify' calls damaged, or fetch without a mirror."
        )
        raise DataError(msg)
    frames = registry.total() - sum(entry.startswith("images/") for entry in left)
    return f"{frames} of {registry.total()} frames in {into}"


def _complete(into, mirror, progress):
    """Fetch what a locked folder lacks, and return the faults that stay."""
    clean(into)
    loading = into / ".loading"
    shutil.rmtree(loading, ignore_errors=True)
    left = registry.faults(into)  # anew: another process may have filled the folder meanwhile
    try:
        for archive in ARCHIVES:
            inner = archive.removesuffix(".zip") + "/"
            wanted = {entry for entry in left if entry.startswith(inner)}
            if wanted:
                come = _from_source(archive, wanted, into, loading, mirror, progress)
                left = {entry: fault for entry, fault in left.items() if entry not in come}
    finally:
        shutil.rmtree(loading, ignore_errors=True)
    return left


def _from_source(archive, wanted, into, loading, mirror, progress):
    """Unpack the wanted members of one archive, and return the names that came."""
    if mirror is None:
        path = _download(OFFICIAL, archive, loading, progress, sha256=ARCHIVES[archive])
        return unpack(path, OFFICIAL + archive, wanted, into, progress=progress)[0]
    if "://" not in str(mirror):
        path = Path(mirror).expanduser() / archive
        return unpack(path, path, wanted, into, progress=progress)[0]
    if not str(mirror).startswith(("http://", "https://")):
        msg = f"The mirror {mirror} is neither a folder nor an http(s) address: give one of them."
        raise DataError(msg)
    base = str(mirror).rstrip("/") + "/"
    url, seen = base + archive, _seen(into)
    state = _state(url)
    before = seen.get(url, {})
    if state and before.get("state") == state and wanted.isdisjoint(before["members"]):
        return set()  # this very archive was unpacked here before and had none of these
    path = _download(base, archive, loading, progress)
    come, members = unpack(path, url, wanted, into, progress=progress)
    path.unlink()  # room for the next one
    seen[url] = {"state": state, "members": sorted(members)}
    put(into / ".mirrors.json", json.dumps(seen).encode())
    return come


def _seen(into):
    """Return what earlier calls noted about the archives of mirrors; a damaged note is none."""
    try:
        return dict(json.loads((into / ".mirrors.json").read_bytes()))
    except (OSError, TypeError, ValueError):
        return {}


def _state(url):
    """Return what tells one state of a file on a server from another, or None."""
    import requests

    try:
        with requests.head(url, timeout=TIMEOUT, allow_redirects=True) as answer:
            state = [answer.headers.get(key) for key in ("ETag", "Last-Modified")]
            return state if answer.ok and any(state) else None
    except requests.RequestException:
        return None  # loading the file will tell what is wrong


def _download(base, archive, loading, progress, *, sha256=None):
    """Download an archive with pooch, which tries again, from the start, after a broken line."""
    import pooch
    import requests

    def once(url, output, _):
        # pooch asks for the bar's truth, which tqdm takes from the total: any but 0 will do.
        look = {"desc": archive, "total": 1, "unit": "B", "unit_scale": True}
        with bar(progress=progress, **look) as drawn:
            try:
                pooch.HTTPDownloader(drawn, chunk_size=2**16, timeout=TIMEOUT)(url, output, None)
            except requests.HTTPError as error:
                if error.response.status_code in (408, 429) or error.response.status_code >= 500:
                    raise
                raise _refused(error) from error  # asking again would not change the answer

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")  # the bar says what the log would
    try:
        store = pooch.create(loading, base, registry={archive: sha256}, retry_if_failed=RETRIES)
        return Path(store.fetch(archive, downloader=once))
    except requests.HTTPError as error:
        raise _refused(error) from error
    except requests.RequestException as error:
        msg = (
            f"{base + archive} could not be loaded ({_cause(error)}; {RETRIES + 1} tries): look "
            "at the network and try again, or fetch from a folder or another address (--mirror)."
        )
        raise DataError(msg) from error
    except ValueError as error:
        msg = (
            f"What came from {base + archive} has a wrong SHA-256 and was deleted: try again "
            f"later, or with --mirror {base}, which checks the files one by one."
        )
        raise DataError(msg) from error
    finally:
        logger.setLevel(level)


def _refused(error):
    """Return the `DataError` for an answer of the server that is not the file."""
    status, url = error.response.status_code, error.response.url
    if status in (404, 410):
        msg = f"{url} is not there (HTTP {status}): check the address, or use another (--mirror)."
    else:
        msg = f"{url} was refused (HTTP {status}): try again later, or use a mirror (--mirror)."
    return DataError(msg)


def _cause(error):
    """Return, in a few words, the first cause of a chain of network errors."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    return " ".join(str(getattr(error, "strerror", None) or error).split())
