"""Where the frames are: the real ones of BBBC039, or simulated ones in their place.

BBBC039 version 1 is 200 frames of U2OS nuclei (Hoechst stain) with hand-drawn masks, public domain
(CC0 1.0). Cite image set BBBC039v1 [Caicedo et al., Cytometry Part A 95(9):952-965, 2019,
doi:10.1002/cyto.a.23863], available from the Broad Bioimage Benchmark Collection [Ljosa et al.,
Nature Methods 9:637, 2012, doi:10.1038/nmeth.2083].

A data set is a folder with ``images/*.tif``, ``masks/*.png`` and ``metadata/``. The real frames
come by ``files.fetch`` (sources), ``files.unpack`` and ``files.registry`` (hashes).
"""

import json
import os
import shutil
from collections import Counter
from pathlib import Path

from filelock import FileLock

from segkit.files import fetch as engine
from segkit.files import registry
from segkit.files.registry import SPLITS, DataError, listed, nfc, tiffs, verify

__all__ = ["DataError", "describe", "fetch", "images", "locate", "masks", "name", "root"]
__all__ += ["passed_over", "pixel_size", "split", "verify"]

# Suffixes of files that may be frames which somebody expects to be read.
IMAGES = {".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp", ".gif", ".jp2", ".stk", ".lsm"}
IMAGES |= {".czi", ".nd2", ".lif", ".oib", ".oif", ".vsi", ".ims", ".dv", ".zarr", ".h5"}


def root():
    """Return the folder that holds the data sets.

    It is ``$SEGKIT_DATA``; where that is not set, ``data`` in the checkout that this package was
    installed from; where there is no checkout, ``data`` in the current folder.
    """
    if os.environ.get("SEGKIT_DATA"):
        return Path(os.environ["SEGKIT_DATA"]).expanduser()
    checkout = Path(__file__).resolve().parents[2]
    return (checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()) / "data"


def locate(*, frames=40, seed=39):
    """Return the folder of the frames in use: real ones if they are there, else simulated ones.

    Simulated frames are made at the first call, which takes a few seconds, and again after the
    simulator changed. They appear all at once, and of several calls at a time one makes them.

    Parameters
    ----------
    frames, seed : int
        For the simulator, where frames have to be made.
    """
    if tiffs(root() / "BBBC039"):
        return root() / "BBBC039"
    simulated, part = root() / "simulated", root() / ".simulated.part"
    if not _up_to_date(simulated):
        from segkit import simulate

        try:
            root().mkdir(parents=True, exist_ok=True)
            with FileLock(root() / ".simulated.lock"):
                if not _up_to_date(simulated):
                    shutil.rmtree(part, ignore_errors=True)
                    simulate.write(part, frames=frames, seed=seed)
                    if simulated.exists():
                        shutil.rmtree(simulated)
                    part.rename(simulated)
        except DataError:
            raise
        except OSError as error:  # the simulator's own names a folder that nobody asked for
            raise engine.unwritable(error.__cause__ or error, root()) from error
    return simulated


def name(folder):
    """Return "BBBC039", "simulated" or "other", judged by what the folder holds.

    "BBBC039" takes a folder whose images all bear names of that data set, whatever the folder is
    called and however many are missing; whether they are whole is for `verify` to tell.
    """
    if (Path(folder) / "metadata" / "simulated.json").is_file():
        return "simulated"
    names = {f"images/{path.name}" for path in tiffs(folder)}
    return "BBBC039" if names and names <= registry.entries().keys() else "other"


def describe(folder):
    """Say in one plain line which data set a folder holds, and how many frames."""
    kind, count = name(folder), len(images(folder))
    if kind == "BBBC039":
        return f"BBBC039, {count} of {registry.total()} frames (real)"
    if kind == "simulated":
        return f"simulated frames, {count}, seed {_manifest(folder)['seed']} (not real cells)"
    return f"frames of your own, {count}, in {folder}"


def pixel_size(folder):
    """Return the pixel size that the first frame of a folder states, in micrometres, or None.

    See `segkit.reading.pixel_size`. The frames of BBBC039 state 0.645.
    """
    from segkit import reading

    return reading.pixel_size(images(folder)[0])


def images(folder):
    """Return the sorted paths of the frames, in ``folder/images`` or in `folder` itself.

    These are the files named .tif or .tiff, in capitals or not. Hidden files are passed over:
    half-written ones bear such names, and so do the ``._*.tif`` that macOS leaves on a USB stick.

    Raises
    ------
    DataError
        If there is none; it says what is there instead.
    """
    found = tiffs(folder)
    if found:
        return found
    folder = Path(folder)
    if folder.is_file():
        msg = f"{folder} is a file: give the folder that holds it."
    elif folder.absolute() == (root() / "BBBC039").absolute():
        msg = f"There are no frames in {folder}: bring them with 'segkit fetch'."
    elif folder.is_dir():
        others = _listed(_others(folder)) or "nothing"
        msg = (
            f"There are no frames (.tif, .tiff) in {folder}, which holds {others}: give the "
            "folder of the frames, or save them as TIFF."
        )
    else:
        msg = f"There is no folder {folder}: give the folder of the frames."
    raise DataError(msg)


def passed_over(folder):
    """Say which images lie beside the frames of a folder without being among them.

    Returns
    -------
    str
        Such as "the folder plate/A01, 3 .png"; empty if there are none.
    """
    return _listed(
        path
        for path in _others(Path(folder))
        if path.suffix.lower() in IMAGES or (path.is_dir() and path.name != "masks" and tiffs(path))
    )


def _others(folder):
    """Return what a folder, and ``images`` in it, hold besides the frames; no hidden files."""
    folder = folder.absolute()  # "." has no name
    inner, frames = folder / "images", set(tiffs(folder))
    places = [folder, inner] if inner.is_dir() else [folder]
    paths = [path for place in places for path in sorted(place.iterdir())]
    return [p for p in paths if p != inner and p not in frames and not p.name.startswith(".")]


def _listed(paths):
    """Name folders and count files by suffix, five entries at most."""
    paths = list(paths)
    suffixes = Counter(path.suffix or path.name for path in paths if not path.is_dir())
    entries = [f"the folder {path.parent.name}/{path.name}" for path in paths if path.is_dir()]
    entries += [f"{count} {suffix}" for suffix, count in suffixes.items()]
    return ", ".join(entries[:5] + ["..."] * (len(entries) > 5))


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
        cure = "save each frame's mask as a PNG under the frame's name"
        if name(folder) == "BBBC039":
            cure = "'segkit fetch' brings it"
        counts = f"{len(lost)} of {len(stems)}"
        msg = f"{place / lost[0]}.png is missing (masks missing: {counts}): {cure}."
        raise DataError(msg)
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
        msg = f"There is no split {name!r}: choose one of {', '.join(SPLITS)}, all."
        raise ValueError(msg)
    members = listed(folder, name)
    return [stem for stem in stems if nfc(stem) in members]


def fetch(into=None, *, mirror=None, progress=True):
    """Bring the real frames here, from the official address or from a mirror.

    Every file that is there is hashed (all 400 in about 0.3 s): what is right is kept, what is
    missing or damaged is fetched. If nothing is, neither the network nor the mirror is touched.
    No file arrives without the right SHA-256.

    Parameters
    ----------
    into : path-like, optional
        The folder to fill; ``root() / "BBBC039"`` if not given.
    mirror : path-like or str, optional
        A folder, or an http(s) address, with the same images.zip, masks.zip and metadata.zip;
        ``$SEGKIT_MIRROR`` if not given. It may hold some of the frames, packed in any way: the
        hashes of the members count. The next call asks again for the frames that it lacked, and
        so downloads those archives again.
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
    A download starts again, three times, if the connection breaks, if 30 s pass without a byte,
    or 60 s with less than 64 KiB. It ends for good when more comes than the official archive has;
    from a mirror, 1 MiB per registered member.
    """
    into = root() / "BBBC039" if into is None else Path(into).expanduser()
    mirror = mirror or os.environ.get("SEGKIT_MIRROR") or None
    return engine.run(into, mirror=mirror, progress=progress)


def _manifest(folder):
    """Return what the simulator wrote about a folder."""
    path = Path(folder) / "metadata" / "simulated.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {key: found[key] for key in ("seed", "frames", "version")}
    except (OSError, ValueError, TypeError, KeyError) as error:
        msg = f"{path} cannot be read: delete {folder} and simulate its frames again."
        raise DataError(msg) from error


def _up_to_date(folder):
    """Tell whether a folder holds all frames that today's simulator would write there."""
    from segkit import simulate

    if not folder.is_dir() or not any(folder.iterdir()):
        return False
    if name(folder) != "simulated":
        msg = (
            f"{folder} holds files that the simulator did not write or not finish: move or delete "
            "that folder."
        )
        raise DataError(msg)
    made = _manifest(folder)
    return made["version"] == simulate.VERSION and made["frames"] <= len(tiffs(folder))
