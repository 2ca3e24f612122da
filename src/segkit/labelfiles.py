"""Read masks and other people's label images.

Label images may come as a folder with one TIFF or PNG a frame, named like the frame (endings
such as ``_cp_masks`` are passed over), or as one TIFF stack or Zarr array in the sorted order of
the frames.
"""

from pathlib import Path

import numpy as np

from segkit import score

ENDINGS = (".tif", ".tiff", ".png")


def read_truth(path):
    """Read the true labels of one frame from its mask."""
    return score.decode_mask(_read(path))


def read_labels(path):
    """Read a label image, or a stack of them, from a TIFF, PNG or Zarr.

    A colour PNG is taken to be a mask in the data set's own encoding if it has nothing but a red
    channel of 0..3; any other colour picture is refused.
    """
    path = Path(path)
    if path.is_dir():
        return _read_zarr(path)
    labels = _read(path)
    if path.suffix.lower() == ".png" and labels.ndim == 3:
        if labels[..., 0].max() > 3 or labels[..., 1:3].any():
            msg = f"{path} is a colour picture: save the labels themselves, as 16-bit grey levels."
            raise ValueError(msg)
        labels = score.decode_mask(labels)
    return labels


def label_reader(labels, folder, stems):
    """Return a function from the number of a frame in `stems` to its labels and NaN."""
    from segkit import data

    labels = Path(labels)
    if not labels.exists():
        msg = f"{labels} does not exist: give a folder, a TIFF stack or a Zarr of label images."
        raise ValueError(msg)
    if labels.is_dir() and not _is_zarr(labels):
        paths = [_file_of(labels, stem) for stem in stems]
        return lambda i: (read_labels(paths[i]), float("nan"))
    stack = read_labels(labels)
    if stack.ndim == 2:
        stack = stack[None]
    if stack.ndim != 3:
        msg = f"{labels} has shape {stack.shape}: one label image a frame makes 3 axes."
        raise ValueError(msg)
    everything = data.split(folder, "all")
    rows = {stem: i for i, stem in enumerate(everything)}
    if stack.shape[0] == len(everything):
        return lambda i: (np.asarray(stack[rows[stems[i]]]), float("nan"))
    if stack.shape[0] == len(stems):
        return lambda i: (np.asarray(stack[i]), float("nan"))
    msg = (
        f"{labels} holds {stack.shape[0]} label images; this split has {len(stems)} frames and the "
        f"folder {len(everything)}: give one image for each of either, in sorted order."
    )
    raise ValueError(msg)


def _file_of(folder, stem):
    """Find the label image of one frame: its own name first, then the name and an ending."""
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in ENDINGS]
    exact = [path for path in files if path.stem == stem]
    found = exact or [path for path in files if path.stem.startswith((f"{stem}_", f"{stem}."))]
    if len(found) == 1:
        return found[0]
    if found:
        msg = f"{folder} holds {len(found)} label images for {stem}: leave one, {found[0].name}?"
    else:
        msg = f"{folder} has no label image for {stem}: save it as {stem}.tif or {stem}.png."
    raise ValueError(msg)


def _read(path):
    try:
        if Path(path).suffix.lower() == ".png":
            from PIL import Image

            with Image.open(path) as picture:
                return np.asarray(picture)
        import tifffile

        return tifffile.imread(path)
    except (OSError, ValueError, SyntaxError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = f"{path} cannot be read as an image ({reason}): copy or save it anew."
        raise ValueError(msg) from error


def _is_zarr(path):
    return any((path / name).exists() for name in ("zarr.json", ".zarray", ".zgroup"))


def _read_zarr(path):
    """Open the one array of a Zarr; of an OME-Zarr the full resolution."""
    import zarr

    try:
        node = zarr.open(path, mode="r")
    except (OSError, ValueError, KeyError) as error:
        msg = f"{path} cannot be opened as a Zarr: give the folder that holds zarr.json."
        raise ValueError(msg) from error
    while isinstance(node, zarr.Group):
        names = sorted(node.keys())
        if "labels" in names:
            node = node["labels"]
        elif "0" in names:  # The levels of an OME-Zarr; 0 is the finest.
            node = node["0"]
        elif len(names) == 1:
            node = node[names[0]]
        else:
            msg = f"{path} holds {', '.join(names) or 'nothing'}: give the path of one array in it."
            raise ValueError(msg)
    return node
