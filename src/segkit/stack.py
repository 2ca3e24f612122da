"""Many frames: a lazy stack of them, and a batch of them as one task.

A frame is 0.7 MB and takes about 10 ms, far less than a Dask task should last. So a task here
is a batch of frames, read, segmented and measured one after the other (on a GPU all at once), and
only the table (and the label images, if wanted) leaves it.

What lets threads share two cores: SciPy's filters and labelling and the matrix products release
Python's global lock; opening a TIFF does not, so the frames are opened with as few Python
steps as possible. BLAS threads of their own would fight with Dask's for the cores: whoever runs
these batches keeps BLAS at one thread (`segkit.run` does).
"""

from pathlib import Path

import numpy as np

from segkit import frame, writing
from segkit.device import DeviceError, require, table_to_host, to_gpu, to_host
from segkit.methods import measuring
from segkit.reading import FrameError, like_first, read_frame

__all__ = ["FrameError", "batch", "like_first", "read", "read_frame"]


def read(files):
    """Lazy stack of frames, one frame a chunk; each is checked when it is read.

    Parameters
    ----------
    files : sequence of path-like
        The first one is read at once, for its shape and dtype.

    Returns
    -------
    (frames, rows, columns) dask.array.Array
    """
    import dask.array as da

    files = list(files)
    first = read_frame(files[0])
    like = (first.shape, first.dtype)
    index = da.arange(len(files), chunks=1)
    return index[:, None, None].map_blocks(
        _read_block,
        files=files,
        like=like,
        dtype=first.dtype,
        chunks=(1, *first.shape),
        meta=np.empty((0, 0, 0), first.dtype),
    )


def _read_block(index, *, files, like):
    return np.stack([read_frame(files[i], like=like) for i in index.ravel()])


def _usable(files, names, like, skip, skipped):
    """Yield number and image of the frames that can be used; list the others, or raise."""
    for number, path in enumerate(files):
        name = writing.printable(names[number])
        try:
            if name != names[number]:
                raise FrameError(writing.printable(path), "the name is not UTF-8; rename the file")
            yield number, read_frame(path, like=like)
        except FrameError as error:
            if not skip:
                raise
            skipped.append((name, error.reason))


def _measured(frames, *, method, labels):
    """Yield number, table and label image of each frame, one after the other."""
    for number, image in frames:
        found = frame.segment(image, method=method)
        yield number, measuring.columns(image, found), found


def _measured_on_gpu(frames, *, method, labels):
    """Do as `_measured`, all at once: the frames go to the GPU once, the table comes back once."""
    frames = list(frames)
    if not frames:
        return
    images = np.stack([image for _, image in frames])
    try:
        images = to_gpu(images)
        found = frame.segment(images, method=method)
        table = table_to_host(measuring.columns(images, found))
        found = to_host(found) if labels else [None] * len(frames)
    except MemoryError as error:
        raise DeviceError(
            f"{len(frames)} frames at once need more memory than the GPU has: take smaller batches"
        ) from error
    borders = np.searchsorted(table.pop("frame"), np.arange(1, len(frames)))
    parts = zip(*(np.split(column, borders) for column in table.values()), strict=True)
    for (number, _), part, label_image in zip(frames, parts, found, strict=True):
        yield number, dict(zip(table, part, strict=True)), label_image


def batch(
    files, first, *, like, names=None, method="tutorial", labels=False, skip=False, device="cpu"
):
    """Segment and measure some frames: the work of one task.

    Parameters
    ----------
    files : sequence of path-like
        The frames of this batch.
    first : int
        Number of the first of them in the whole stack.
    like : (shape, dtype)
        What each must be.
    names : sequence of str, optional
        What the results call the frames; by default the names of the files.
    method : str, optional
        See `segkit.frame.segment`.
    labels : bool, optional
        Return the label images too.
    skip : bool, optional
        Leave out frames that cannot be used, and list them, instead of raising.
    device : {"cpu", "gpu"}, optional
        Where: on the CPU one frame after the other, on the GPU all at once.

    Returns
    -------
    table : dict of ndarray
        One entry a nucleus: file (its name), frame, and those of `segkit.frame.measure`.
    skipped : list of (str, str)
        Name and reason.
    label_images : (frames, rows, columns) ndarray of int32, or None
        Zero for a skipped frame.

    Raises
    ------
    FrameError
        Unless `skip`: for the first frame that cannot be used.
    segkit.device.DeviceError
        For "gpu": if there is none, if it has not the memory, or if the method needs the CPU.
    """
    names = [Path(path).name for path in files] if names is None else names
    parts, skipped = [], []
    label_images = np.zeros((len(files), *like[0]), np.int32) if labels else None
    require(device, method=method)
    measured = _measured_on_gpu if device == "gpu" else _measured
    usable = _usable(files, names, like, skip, skipped)
    for number, part, found in measured(usable, method=method, labels=labels):
        count = len(part["label"])
        file = np.full(count, names[number], dtype=object)
        parts.append({"file": file, "frame": np.full(count, first + number, np.int32), **part})
        if labels:
            label_images[number] = found
    if not parts:
        parts = [_empty()]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return table, skipped, label_images


def _empty():
    nothing = measuring.columns(np.zeros((1, 1)), np.zeros((1, 1), np.int32))
    return {"file": np.empty(0, object), "frame": np.empty(0, np.int32), **nothing}
