"""Where the frames are: the real ones of BBBC039, or simulated ones in their place.

BBBC039 version 1 is 200 frames of U2OS nuclei (Hoechst stain) with hand-drawn masks, public domain
(CC0 1.0). `DATASET` says all that the package knows of it, and ``registry.txt`` beside this module
holds the SHA-256 of each file. Another data set is a change of these two.

A data set is a folder with ``images/*.tif``, ``masks/*.png`` and ``metadata/``.
"""

import bz2
import contextlib
import copy
import functools
import hashlib
import os
import re
import shutil
import unicodedata
import zipfile
from collections import Counter
from itertools import chain
from pathlib import Path
from types import SimpleNamespace

import requests
from filelock import FileLock
from tqdm import tqdm

from segkit import SegkitError, explained, writing

DATASET = SimpleNamespace(
    name="BBBC039",
    address="https://data.broadinstitute.org/bbbc/BBBC039/",
    # SHA-256. The smallest comes first, so that a wrong address fails before 78 MB.
    archives={
        "metadata.zip": "a2c1f900bed9ba92a99553efd4c2ae98598433691c7401d818653ab61110deb2",
        "masks.zip": "f9e6043d8ca56344a4886f96a700d804d6ee982f31e2b2cd3194af2a053c2710",
        "images.zip": "6f30a5d4fe38c928ded972704f085975f8dc0d65d9aa366df00e5a9d449fddd7",
    },
    largest=2**20,  # bytes; a limit on each file (a frame has up to 726,354)
    pixel_size=0.645,  # micrometres
)
SUFFIXES = (".tif", ".tiff")  # of frames; a mask is a PNG
SPLITS = ("training", "validation", "test")  # each is a list in metadata/
SIMULATED = "metadata/simulated.json"  # what the simulator says about its frames

# Suffixes of files that may be frames which somebody expects to be read.
IMAGES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".jp2", ".stk", ".lsm"}
IMAGES |= {".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".ims", ".dv", ".zarr", ".h5"}

RETRIES = 3
TIMEOUT = (10, 30)  # seconds to connect, and without a byte of an answer
DELAY = 0.5  # seconds until a progress bar is drawn


class DataError(SegkitError, OSError):
    """The frames are not as they should be; the message is one line and says what to do.

    Characters that do not print are escaped: names, and what a server answers, may hold some that
    control a terminal.
    """

    def __init__(self, message):
        super().__init__("".join(c if c.isprintable() else ascii(c)[1:-1] for c in message))


@functools.cache
def entries():
    """Return the SHA-256 of every file of the data set, as ``{"images/....tif": hexadecimal}``.

    ``registry.txt`` lists them as ``sha256sum -c`` reads it: 200 images, 200 masks, 6 files of
    metadata.
    """
    lines = Path(__file__).with_name("registry.txt").read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split(maxsplit=1) for line in lines)}


def _total():
    """Return the number of frames of the complete data set."""
    return sum(entry.startswith("images/") for entry in entries())


# Find


def root():
    """Return the folder that holds the data sets.

    It is ``$SEGKIT_DATA``; where that is not set, ``data`` in the checkout that this package was
    installed from; where there is no checkout, ``data`` in the current folder.
    """
    if os.environ.get("SEGKIT_DATA"):
        return Path(os.environ["SEGKIT_DATA"]).expanduser().absolute()
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / "data"


def locate():
    """Return the folder of the frames in use: real ones if they are there, else simulated ones.

    Simulated frames are made at the first call, which takes a few seconds, and again after the
    simulator changed. Of several calls at a time one makes them, and the others wait.

    Raises
    ------
    DataError
        If the folder cannot be written to, or holds other files where simulated frames should be.
    """
    real, simulated = root() / DATASET.name, root() / "simulated"
    if _tiffs(real):
        return real
    if not _up_to_date(simulated):
        from segkit import simulate

        with _writing_to(root()):
            root().mkdir(parents=True, exist_ok=True)
            with FileLock(root() / ".simulated.lock"):
                try:
                    simulate.write(simulated)  # does nothing where another call was first
                except ValueError as error:
                    raise DataError(f"{error}, or move or delete {simulated}") from error
    return simulated


@contextlib.contextmanager
def _writing_to(folder):
    """Turn an error in writing to a folder into one line that says what to do."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        cause = error.__cause__ or error  # the simulator's own error is a sentence already
        raise DataError(writing.unwritable(cause, folder, choose="--into, SEGKIT_DATA")) from error


def _up_to_date(folder):
    """Tell whether a folder holds all frames that today's simulator would write there."""
    from segkit import simulate

    made = simulate.made(folder)
    current = made.get("version") == simulate.VERSION
    return current and made["frames"] <= len(_tiffs(folder))


def _entries(place, *, frames):
    """Yield the frames that a folder shows, or what else it shows."""
    for entry in os.scandir(place) if place.is_dir() else ():
        if entry.name[0] != "." and entry.name.lower().endswith(SUFFIXES) == frames:
            yield entry


def _tiffs(folder):
    """Return the sorted frames in ``folder/images`` or `folder` itself, or an empty list."""
    inner = Path(folder) / "images"
    place = inner if inner.is_dir() else Path(folder)
    return sorted(entry.path for entry in _entries(place, frames=True))


def images(folder, *, kind=Path):
    """Return the sorted paths of the frames, in ``folder/images`` or in `folder` itself.

    These are the files named .tif or .tiff, in capitals or not. Hidden files are passed over:
    half-written ones bear such names, and so do the ``._*.tif`` that macOS leaves on a USB stick.

    Parameters
    ----------
    folder : path-like
    kind : type, optional
        Of the paths. As ``str`` a million of them take 120 MB, and as ``Path`` 300 MB.

    Raises
    ------
    DataError
        If there is none; it says what is there instead.
    """
    if found := _tiffs(folder):
        return list(map(kind, found))
    folder = Path(folder)
    if folder.is_file():
        raise DataError(f"{folder} is a file: give the folder that holds it")
    if folder.absolute() == (root() / DATASET.name).absolute():
        raise DataError(f"there are no frames in {folder}: run 'segkit fetch'")
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}: give the folder of the frames")
    raise DataError(
        f"there are no frames ({', '.join(SUFFIXES)}) in {folder}, which holds "
        f"{passed_over(folder) or 'no images'}: give the folder of the frames, or save them as TIFF"
    )


def passed_over(folder):
    """Say which images lie beside the frames of a folder without being among them.

    Returns
    -------
    str
        Such as "the folder plate/A01, 3 .png", five entries at most; empty if there are none.
    """
    folder = Path(folder).absolute()  # "." has no name
    inner, folders, suffixes = folder / "images", [], Counter()
    beside = _entries(folder, frames=True) if inner.is_dir() else ()
    others = (_entries(place, frames=False) for place in (folder, inner))
    for path in map(Path, chain(beside, *others)):
        if path.name not in ("images", "masks") and path.is_dir() and _tiffs(path):
            folders.append(f"the folder {path.parent.name}/{path.name}")
        elif path.suffix.lower() in IMAGES:
            suffixes[path.suffix] += 1
    found = sorted(folders) + [f"{count} {suffix}" for suffix, count in sorted(suffixes.items())]
    return ", ".join(found[:5] + ["..."] * (len(found) > 5))


def masks(folder, part="all"):
    """Return the path of the mask (``.png``) of each frame of one split, in the order of `split`.

    Raises
    ------
    DataError
        If a frame has no mask.
    """
    stems, place = split(folder, part), Path(folder) / "masks"
    found = {nfc(path.stem): path for path in sorted(place.glob("*.[pP][nN][gG]"))}
    lost = [stem for stem in stems if nfc(stem) not in found]
    if lost:
        fetched = name(folder) == DATASET.name
        cure = "run 'segkit fetch'" if fetched else "save each mask as a PNG under its frame's name"
        counts = f"masks missing: {len(lost)} of {len(stems)}"
        raise DataError(f"{place / lost[0]}.png is missing ({counts}): {cure}")
    return [found[nfc(stem)] for stem in stems]


def split(folder, name="all"):
    """Return the sorted stems of the frames of one split that are present in a folder.

    Parameters
    ----------
    folder : path-like
        A data set folder; ``metadata/training.txt`` and so on list the splits, one name per line,
        in UTF-8.
    name : {"training", "validation", "test", "all"}
        "all" takes every frame and needs no list.

    Raises
    ------
    DataError
        If there are no frames, or the list cannot be read.
    ValueError
        For another name.
    """
    stems = [path.stem for path in images(folder)]
    if name == "all":
        return stems
    if name not in SPLITS:
        raise ValueError(f"unknown split {name!r}: choose {', '.join(SPLITS)} or all")
    members = listed(folder, name)
    return [stem for stem in stems if nfc(stem) in members]


def listed(folder, name):
    """Return the set of stems on the list of one split, in the form of `nfc`, present or not."""
    path = Path(folder) / "metadata" / f"{name}.txt"
    try:
        # A list from Windows may begin with a byte order mark.
        lines = map(str.strip, path.read_text(encoding="utf-8-sig").splitlines())
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise DataError(
            f"{path} cannot be read ({reason}): use split 'all', or list frames there, one name "
            f"per line, in UTF-8 ('segkit fetch' downloads the lists of {DATASET.name})"
        ) from error
    names = (nfc(Path(line).name) for line in lines if line)
    return {re.sub(r"\.(png|tiff?)$", "", entry, flags=re.IGNORECASE) for entry in names}


def nfc(name):
    """Return a name in one form: macOS writes an umlaut as two characters, others as one."""
    return unicodedata.normalize("NFC", name)


# Describe


def name(folder):
    """Return "BBBC039", "simulated" or "other", judged by what the folder holds.

    "BBBC039" takes a folder whose images all bear names of that data set, whatever the folder is
    called and however many are missing; `verify` checks what they hold.
    """
    if (Path(folder) / SIMULATED).is_file():
        return "simulated"
    names = {f"images/{Path(path).name}" for path in _tiffs(folder)}
    return DATASET.name if names and names <= entries().keys() else "other"


def describe(folder):
    """Say in one plain line which data set a folder holds, and how many frames."""
    kind, count = name(folder), len(images(folder))
    if kind == DATASET.name:
        return f"{kind}, {count} of {_total()} frames (real)"
    if kind == "simulated":
        from segkit import simulate

        if made := simulate.made(folder):
            return f"simulated frames, {count}, seed {made['seed']} (not real cells)"
        cure = f"delete {folder} and simulate its frames again"
        raise DataError(f"{Path(folder) / SIMULATED} cannot be read: {cure}")
    return f"frames of your own, {count}, in {folder}"


def pixel_size(folder):
    """Return the pixel size that the first frame of a folder states, in micrometres, or None.

    See `segkit.reading.pixel_size`. The frames of BBBC039 state 0.645.
    """
    from segkit import reading

    return reading.pixel_size(images(folder)[0])


# Fetch


def fetch(into=None, *, mirror=None, progress=True):
    """Download the real frames, or take them from a mirror.

    Every file that is there is hashed (all 406 in about 0.3 s): what is right is kept, what is
    missing or damaged is fetched. If nothing is, neither the network nor the mirror is touched.
    No file arrives without the right SHA-256.

    Parameters
    ----------
    into : path-like, optional
        The folder to fill; ``root() / "BBBC039"`` if not given.
    mirror : path-like or str, optional
        A folder, or an http(s) address, with the same images.zip, masks.zip and metadata.zip;
        ``$SEGKIT_MIRROR`` if not given. It may hold some of the frames, stored, deflated or packed
        with bzip2: the hashes of the members count. The next call asks again for the frames that
        it lacked, and so downloads those archives again.
    progress : bool
        Draw progress bars on standard error.

    Returns
    -------
    str
        Such as "151 of 200 frames in data/BBBC039".

    Raises
    ------
    DataError
        One line that says what went wrong and what to do. Files that had arrived by then are
        complete and stay; the next call goes on from there.

    Notes
    -----
    A download starts again, three times, if it fails or if 30 s pass without a byte. It ends for
    good when more comes than 1 MiB per registered member.
    """
    into = root() / DATASET.name if into is None else Path(into).expanduser()
    mirror = mirror or os.environ.get("SEGKIT_MIRROR") or None
    with _writing_to(into):
        if (into / SIMULATED).is_file():
            raise DataError(f"{into} holds simulated frames: choose another folder for real ones")
        left = _defects(into)
        if left:
            into.mkdir(parents=True, exist_ok=True)
            with FileLock(into / ".fetch.lock"):
                left = _complete(into, mirror, progress)
    damaged = sorted(entry for entry, state in left.items() if state == "damaged")
    if damaged:
        raise DataError(
            f"{into / damaged[0]} is damaged (files like it: {len(damaged)}) and {mirror} has no "
            "better: delete what 'segkit verify' calls damaged, or fetch without a mirror"
        )
    frames = _total() - sum(entry.startswith("images/") for entry in left)
    return f"{frames} of {_total()} frames in {into}"


def _complete(into, mirror, progress):
    """Fetch what a locked folder lacks; return what is still missing or damaged."""
    loading = into / ".loading"
    shutil.rmtree(loading, ignore_errors=True)  # what a killed process left, this and the next
    for part in into.glob(f"*/{writing.ASIDE}"):
        part.unlink()
    left = _defects(into)  # once more: another process may have filled the folder
    for name in DATASET.archives:
        members = {entry for entry in entries() if entry.startswith(Path(name).stem + "/")}
        if wanted := members & left.keys():
            try:
                path, source = _archive(name, len(members), loading, mirror, progress)
                unpacked = _unpack(path, source, wanted, into)
            finally:
                shutil.rmtree(loading, ignore_errors=True)
            left = {entry: state for entry, state in left.items() if entry not in unpacked}
    return left


def _archive(name, members, loading, mirror, progress):
    """Return the path of an archive, after a download if need be, and its source for messages."""
    base = str(mirror or DATASET.address)
    if "://" not in base:
        path = Path(base).expanduser() / name
        if not path.is_file():
            raise DataError(f"there is no {path}: a mirror has {', '.join(DATASET.archives)}")
        return path, path
    import pooch  # here: on import it warns in a notebook without ipywidgets

    pooch.get_logger().setLevel("WARNING")  # the bar says what the log would
    sha256 = None if mirror else DATASET.archives[name]
    store = pooch.create(loading, base, registry={name: sha256}, retry_if_failed=RETRIES)
    url = store.get_url(name)
    bar = {"desc": name, "unit": "B", "unit_scale": True, "delay": DELAY, "disable": not progress}
    limit = DATASET.largest * members
    try:
        path = store.fetch(name, downloader=lambda url, path, _: _load(url, path, limit, bar))
        return path, url
    except requests.RequestException as error:
        raise DataError(
            f"{url} could not be loaded ({_cause(error)}; {RETRIES + 1} tries): check the address "
            "and the network and try again, or fetch from a folder or another address (--mirror)"
        ) from error
    except ValueError as error:
        raise DataError(
            f"{url} has a wrong SHA-256 and was deleted: try again later, or with "
            f"--mirror {base}, which checks the files one by one"
        ) from error


def _load(url, path, limit, look):
    """Write what an address sends to a file, unless it is more than a number of bytes.

    pooch's own downloader has no limit.
    """
    # A server may compress on the way all the same: so the limit is on what is written.
    request = {"timeout": TIMEOUT, "headers": {"Accept-Encoding": "identity"}}
    try:
        with (
            requests.get(url, stream=True, **request) as answer,
            Path(path).open("wb") as file,
            tqdm(**look) as bar,
        ):
            answer.raise_for_status()
            bar.total = answer.raw.length_remaining  # None if the header is not a number
            for piece in answer.iter_content(2**14):
                if file.tell() + len(piece) > limit:
                    raise DataError(
                        f"{url} sends more than the {limit:,} bytes that it can have and was not "
                        "kept: check the address, or use another (--mirror)"
                    )
                file.write(piece)
                bar.update(len(piece))
    except OSError:  # these errors of requests, and a full disk
        raise
    except Exception as error:  # an odd answer makes the libraries below raise anything
        raise requests.RequestException(error) from error


def _cause(error):
    """Return, in a few words, the first cause of a chain of errors."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(reason.split())[:300]


def _unpack(path, source, wanted, into):
    """Unpack the wanted members of an archive into a folder; return the names that it held.

    Only names of the registry are unpacked, and a member is written only if its SHA-256 is right.
    So it does not matter what else an archive holds, or what its headers claim.
    """
    cure = "copy or download it again, or fetch from another place"
    damaged = functools.partial(explained, DataError, f"{source} cannot be unpacked", cure)
    with damaged():
        archive = zipfile.ZipFile(path)
    with archive:
        methods = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
        members = {m.filename: m for m in archive.infolist() if m.compress_type in methods}
        held = entries().keys() & members.keys()
        if not held:
            raise DataError(
                f"{source} holds no file of {DATASET.name}: a mirror needs the three archives with "
                "images/, masks/ and metadata/ inside, packed like the official ones"
            )
        for entry in sorted(wanted & held):
            with damaged():
                content = _member(archive, members[entry])
            if hashlib.sha256(content).hexdigest() != entries()[entry]:
                raise DataError(
                    f"{entry} in {source} has a wrong SHA-256 and was not kept: copy or download "
                    "that archive again, or fetch from another place"
                )
            (into / entry).parent.mkdir(parents=True, exist_ok=True)
            writing.put(into / entry, content)
    return wanted & held


def _member(archive, info):
    """Return the first bytes of a member, `DATASET.largest` at most."""
    if info.compress_type != zipfile.ZIP_BZIP2:
        with archive.open(info) as member:
            return member.read(DATASET.largest)
    # zipfile would unpack bzip2 without a limit, a thousand bytes to a gigabyte: so it reads the
    # member as if it were only stored. The checksum of the archive is left to the SHA-256.
    stored = copy.copy(info)
    stored.compress_type, stored.file_size = zipfile.ZIP_STORED, info.compress_size
    stored.CRC = None
    with archive.open(stored) as packed, bz2.open(packed) as member:
        return member.read(DATASET.largest)


# Verify


def verify(folder):
    """List the files of a data set that are missing or damaged, or that do not belong to it.

    Every file is compared by its SHA-256. `fetch` into the same folder replaces what is missing or
    damaged.

    Returns
    -------
    dict of str to list of str
        "missing", "damaged" and "unexpected": sorted names relative to `folder`. Hidden files, our
        locks among them, do not count.

    Raises
    ------
    DataError
        If there is no such folder, or it holds no file of the data set.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}: run 'segkit fetch', or give another folder")
    found = _defects(folder)
    names = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    present = {n.as_posix() for n in names if all(part[0] != "." for part in n.parts)}
    if (folder / SIMULATED).is_file() or not present & entries().keys():
        raise DataError(f"{folder} holds no file of {DATASET.name}: give its own folder")
    kinds = ("missing", "damaged")
    result = {kind: sorted(name for name in found if found[name] == kind) for kind in kinds}
    return result | {"unexpected": sorted(present - entries().keys())}


def _defects(folder):
    """Return which files a folder lacks, as ``{name: "missing" or "damaged"}``.

    Every file that is there is read and hashed. What is not a file, such as a folder or a pipe
    under that name, is damaged.
    """
    import pooch

    found = {}
    for entry, digest in entries().items():
        path = Path(folder) / entry
        try:
            right = path.is_file() and pooch.file_hash(path) == digest
        except OSError:  # no right to read, a failing disk
            right = False
        if not right:
            found[entry] = "damaged" if path.exists() else "missing"
    return found
