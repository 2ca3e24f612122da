"""Read masks and other people's label images.

Label images come as a folder with one TIFF or PNG per frame, or as one TIFF stack or Zarr array in
the name order of the frames. A file in a folder belongs to the frame with the longest name that the
file's name begins with; an ending without digits may follow, such as ``_cp_masks``.
"""

import contextlib
import functools
import math
import re
from pathlib import Path

import numpy as np

from segkit import data, score
from segkit.data import nfc

ENDINGS = (".tif", ".tiff", ".png")


def read_truth(path):
    """Read the true labels of one frame from its mask.

    Parameters
    ----------
    path : path-like
        A PNG: a mask in the data set's own colours (see `segkit.score.decode_mask`), labels as grey
        levels, each in one piece, or one grey level for all objects.

    Returns
    -------
    (rows, columns) int32 array
        1..n for the objects, 0 for the background.

    Raises
    ------
    ValueError
        If the file is damaged, has other colours, could be read in two ways, or its background is
        not 0.
    """
    mask = _read(path)
    truth = _decode(path, mask)
    levels = np.unique(mask[mask > 0]).size if mask.ndim == 2 else 0
    pieces = truth.max()
    if 1 < levels < pieces:
        msg = (
            f"{path} has {levels} grey levels in {pieces} pieces: save labels as 16-bit grey "
            "levels, one level per object, each object in one piece."
        )
        raise ValueError(msg)
    edges = (truth[0], truth[-1], truth[:, 0], truth[:, -1])
    around = functools.reduce(np.intersect1d, edges).any()
    if around or (levels == 1 < pieces and (truth > 0).mean() > 0.5):
        msg = f"{path}: the background is not 0; invert the mask, or give the background label 0."
        raise ValueError(msg)
    return truth


def read_labels(path):
    """Read a label image, or a stack of them, from a TIFF, PNG or Zarr.

    A colour PNG is read as a mask in the data set's own colours.

    Returns
    -------
    ndarray or zarr.Array

    Raises
    ------
    ValueError
        If the file is damaged or holds something else, with its name and the cure.
    """
    path = Path(path)
    if path.is_dir():
        return _open_zarr(path)
    labels = _read(path)
    return _decode(path, labels) if path.suffix.lower() == ".png" and labels.ndim == 3 else labels


def label_reader(labels, folder, stems):
    """Find the label images of some frames.

    Parameters
    ----------
    labels : path-like
        A folder of label images, a TIFF stack or a Zarr. A stack holds one image for each frame in
        `folder`, or for each of `stems`, in name order.
    folder : path-like
        The data set folder.
    stems : list of str
        The names of the frames, without suffix, in name order.

    Returns
    -------
    read : callable
        From a number in `stems` to the label image of that frame.
    note : str
        Which frames the first and the last image of a stack belong to; empty for a folder.

    Raises
    ------
    ValueError
        If there is not exactly one label image for each frame, or if a stack may be in another
        order.
    """
    labels = Path(labels)
    if not labels.exists():
        msg = f"{labels} does not exist: give a folder, a TIFF stack or a Zarr of label images."
        raise ValueError(msg)
    everything = data.split(folder)
    if labels.is_dir() and not _is_zarr(labels):
        frames = {path.resolve() for path in data.images(folder)}
        paths = list(_files(labels, frames, everything, stems))
        return lambda i: read_labels(paths[i]), ""
    stack = read_labels(labels)
    lead = stack.shape[:-2]  # of (t, c, z, y, x), one axis at most is longer than 1
    if stack.ndim < 2 or sum(length != 1 for length in lead) > 1:
        msg = f"{labels} has shape {stack.shape}: give (frames, rows, columns)."
        raise ValueError(msg)
    count = math.prod(lead)
    if count not in (len(everything), len(stems)):
        msg = (
            f"{labels} holds {count} label images; this split has {len(stems)} frames, the folder "
            f"{len(everything)}: give one image for each of either, in name order."
        )
        raise ValueError(msg)
    order = everything if count == len(everything) else stems
    natural, wanted = sorted(order, key=_natural), set(stems)
    rows = [i for i, stem in enumerate(order) if stem in wanted]
    doubt = next((i for i in rows if order[i] != natural[i]), None)
    # What `segkit segment` wrote is in name order; of any other stack nobody knows.
    if doubt is not None and not (labels.parent / "run.json").is_file():
        msg = (
            f"{labels}: image {doubt + 1} may belong to {order[doubt]} (name order) or to "
            f"{natural[doubt]} (number order): give a folder with one label image per frame, under "
            "the frame's name."
        )
        raise ValueError(msg)

    def read(i):
        with _named(labels):
            return np.asarray(stack[tuple(map(int, np.unravel_index(rows[i], lead)))])

    return read, f"stack read in name order: first {order[0]}, last {order[-1]}"


def _natural(stem):
    """Sort img2 before img10, and in either case, as file managers and Fiji do."""
    parts = re.split(r"(\d+)", stem.casefold())
    return [int(part) if part.isdecimal() else part for part in parts]


def _files(folder, frames, everything, stems):
    """Return the one label image of each of `stems`; `frames` are not label images."""
    known, found = set(map(nfc, everything)), {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in ENDINGS and path.resolve() not in frames:
            name = nfc(path.stem)
            cuts = [end.start() for end in re.finditer(r"[ ._-]|$", name)]
            owner = next((name[:cut] for cut in reversed(cuts) if name[:cut] in known), name)
            rest = name[len(owner) :]
            if not re.search(r"\d", rest):  # A01_2 is not of A01, even if there is no frame A01_2
                found.setdefault(owner, []).append(path)
    for stem in stems:
        files = found.get(nfc(stem), [])
        if len(files) > 1:
            names = ", ".join(path.name for path in files)
            msg = f"{folder} holds {len(files)} label images for {stem}: leave one of {names}."
            raise ValueError(msg)
        if not files:
            msg = (
                f"{folder} has no label image for {stem}: save it as {stem}.tif or {stem}.png; an "
                "ending without digits may follow the name, such as _cp_masks."
            )
            raise ValueError(msg)
        yield files[0]


@contextlib.contextmanager
def _named(path):
    """Turn any error of a library into one line with the name of the file."""
    try:
        yield
    except Exception as error:  # a damaged file leads the readers into a dozen kinds
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        msg = f"{path} cannot be read ({reason}): copy it or save it again."
        raise ValueError(msg) from error


def _decode(path, mask):
    try:
        return score.decode_mask(mask)
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ValueError(msg) from error


def _read(path):
    with _named(path):
        if Path(path).suffix.lower() == ".png":
            from PIL import Image

            with Image.open(path, formats=["PNG"]) as picture:
                # Pillow reads these as 8 bits: labels up to 255 would be lost.
                if picture.mode in ("RGB", "RGBA", "LA") and "16" in str(picture.tile[0].args):
                    raise ValueError("16 bits per colour; save grey levels")
                picture.verify()  # the checksums: reading stops before the last ones
            with Image.open(path, formats=["PNG"]) as picture:
                return np.asarray(picture)
        import tifffile

        with tifffile.TiffFile(path, is_ome=False) as tif:  # as OME it may be many files
            if len(tif.series) != 1:
                msg = f"{len(tif.series)} separate images in one file; save one stack"
                raise ValueError(msg)
            for page in tif.pages:  # tifffile fills what is missing with zeros
                if math.prod(page.chunked) != np.count_nonzero(page.databytecounts):
                    raise ValueError("pixels are missing")
            return tif.asarray()


def _is_zarr(path):
    return any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup"))


def _open_zarr(path):
    """Open the one array of a Zarr; of an OME-Zarr the labels, in full resolution."""
    import zarr

    with _named(path):
        node = zarr.open(path, mode="r")
        while isinstance(node, zarr.Group):
            names = sorted(node)
            # The levels of an OME-Zarr are 0, 1, ...; 0 is the finest.
            step = next((name for name in ("labels", "0") if name in names), None)
            if step is None and len(names) != 1:
                break
            node = node[step or names[0]]
    if isinstance(node, zarr.Group):
        msg = f"{path} holds {', '.join(names) or 'nothing'}: give the path of one array in it."
        raise ValueError(msg)
    return node
