"""Many frames: a lazy stack of them, and a batch of them as one task.

A frame is 0.7 MB and takes about 10 ms, far less than a Dask task should last. So a task here
is a batch of frames, read, segmented and measured one after the other, and
only the table (and the label images, if wanted) leaves it.

What lets threads share two cores: SciPy's filters and labelling and the matrix products release
Python's global lock; opening a TIFF does not, so the frames are opened with as few Python
steps as possible. BLAS threads of their own would fight with Dask's for the cores: whoever runs
these batches keeps BLAS at one thread (`segkit.run` does).
"""

import contextlib
from functools import partial
from pathlib import Path

import numpy as np

from segkit import frame, writing
from segkit.reading import FrameError, common_format, no_memory, read_frame

__all__ = ["FrameError", "batch", "common_format", "read", "read_frame"]


def read(files):
    """Lazy stack of frames, one frame a chunk; each is checked when it is read.

    Parameters
    ----------
    files : sequence of path-like
        The headers of some are read at once, for the shape and dtype of all; see
        `segkit.reading.common_format`.

    Returns
    -------
    (frames, rows, columns) dask.array.Array

    Raises
    ------
    FrameError
        If no frame can be used; when a frame is read, if it cannot be used.
    """
    import dask.array as da

    files = list(files)
    like = shape, dtype = common_format(files)
    index = da.arange(len(files), chunks=1)
    return index[:, None, None].map_blocks(
        _read_block,
        files=files,
        like=like,
        dtype=dtype,
        chunks=(1, *shape),
        meta=np.empty((0, 0, 0), dtype),
    )


def _read_block(index, *, files, like):
    return np.stack([read_frame(files[i], like=like) for i in index.ravel()])


@contextlib.contextmanager
def _named(path, *, names, method, skip, skipped):
    """Turn whatever fails for one frame into a FrameError; with `skip`, list it instead."""
    try:
        yield
    except ImportError:  # fails for every frame
        raise
    except Exception as error:
        if isinstance(error, MemoryError):
            error = FrameError(path, no_memory(error))
        elif not isinstance(error, FrameError):
            reason = f"cannot be segmented with {method!r} ({error}); try another method"
            error = FrameError(path, reason)
        if not skip:
            raise error
        skipped.append((names[path], error.reason))


def _measured(files, like, named, *, method, labels):
    """Yield number, table and label image of each frame, one after the other."""
    for number, path in enumerate(files):
        with named(path):
            image = read_frame(path, like=like)
            found = frame.segment(image, method=method)
            yield number, frame.columns(image, found), found


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
        Leave out frames that cannot be used or segmented, and list them, instead of raising.

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
        Unless `skip`: for the first frame that cannot be used or segmented.
    ValueError
        If there is no such method.
    """
    if method not in frame.METHODS:
        raise ValueError(f"unknown method {method!r}: choose one of {', '.join(frame.METHODS)}")
    names = [writing.printable(name) for name in names or [Path(path).name for path in files]]
    parts, skipped = [], []
    label_images = np.zeros((len(files), *like[0]), np.int32) if labels else None
    known = dict(zip(files, names, strict=True))
    named = partial(_named, names=known, method=method, skip=skip, skipped=skipped)
    for number, part, found in _measured(files, like, named, method=method, labels=labels):
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
    nothing = frame.columns(np.zeros((1, 1)), np.zeros((1, 1), np.int32))
    return {"file": np.empty(0, object), "frame": np.empty(0, np.int32), **nothing}
