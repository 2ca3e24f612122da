"""Many frames: reading them with a check on each, and a batch of them as one task.

A frame is 0.7 MB and takes about 10 ms, far less than a Dask task should last. So a task here
is a batch of frames, read, segmented and measured one after the other, and only the table (and
the label images, if wanted) leaves it.

What lets threads share two cores: SciPy's filters and labelling and the matrix products release
Python's global lock; opening a TIFF does not, so the frames are opened with as few Python
steps as possible. BLAS threads of their own would fight with Dask's for the cores: whoever runs
these batches keeps BLAS at one thread (`segkit.run` does).
"""

from pathlib import Path

import numpy as np
import tifffile

from segkit import frame, measuring


class FrameError(ValueError):
    """A frame that cannot be used: the file, and the reason with its cure."""

    def __init__(self, file, reason):
        super().__init__(str(file), reason)

    file = property(lambda self: self.args[0])
    reason = property(lambda self: self.args[1])

    def __str__(self):
        return f"{self.file}: {self.reason}"


def read_frame(path, *, like=None):
    """Read one frame and check that it can be used.

    Parameters
    ----------
    path : path-like
        A TIFF with one page of grey levels.
    like : (shape, dtype), optional
        What the other frames are; shape (rows, columns).

    Returns
    -------
    (rows, columns) ndarray

    Raises
    ------
    FrameError
        If the file cannot be read, is no whole TIFF, has several pages or colours, differs from
        the others in shape or dtype, holds NaN or infinite values, or one single value.
    """
    try:
        # The bytes are taken in one read where they lie in one piece: tifffile would take them
        # strip by strip, which costs twice the time, all of it with the global lock held.
        with tifffile.TiffFile(path) as tif:
            pages = len(tif.pages)
            if pages == 0:  # the list of pages stands at the end of a MetaMorph file
                raise FrameError(path, "cut off before its list of pages; copy the file again")
            if pages != 1:
                raise FrameError(path, f"{pages} pages; save one frame a file")
            page = tif.pages.first
            if page.ndim != 2:
                raise FrameError(
                    path, f"shape {page.shape}, not rows and columns; save grey levels"
                )
            if page.is_memmappable:
                dtype = np.dtype(tif.byteorder + page.dtype.char)
                image = tif.filehandle.read_array(dtype, page.size, page.dataoffsets[0])
                image = image.reshape(page.shape).astype(page.dtype, copy=False)
            else:
                image = page.asarray()
    except FrameError:
        raise
    except Exception as error:  # a damaged file can lead tifffile into any of them
        raise FrameError(path, f"cannot be read ({error}); copy the file again") from error
    _check(path, image, like)
    return image


def _check(path, image, like):
    """Raise FrameError unless the frame can be segmented beside the others."""
    if like is not None and (image.shape, image.dtype) != like:
        raise FrameError(
            path,
            f"shape {image.shape} and dtype {image.dtype}, where the others have shape "
            f"{like[0]} and dtype {like[1]}; put it in a folder of its own",
        )
    if image.dtype.kind not in "uif":
        raise FrameError(path, f"dtype {image.dtype} holds no grey levels; save numbers")
    if image.dtype.kind == "f" and not np.isfinite(image).all():
        raise FrameError(path, "holds NaN or infinite values; replace them first")
    if (image == image.flat[0]).all():
        raise FrameError(path, f"every pixel is {image.flat[0]}; nothing was recorded")


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


def like_first(files, *, skip=False):
    """Shape and dtype of the first frame that can be used.

    Parameters
    ----------
    files : sequence of path-like
    skip : bool, optional
        Go on to the next file where one cannot be used.

    Returns
    -------
    (shape, dtype)

    Raises
    ------
    FrameError
        If the first frame cannot be used; with `skip`, if none can.
    """
    for path in files:
        try:
            image = read_frame(path)
        except FrameError:
            if not skip:
                raise
        else:
            return image.shape, image.dtype
    raise FrameError(Path(files[0]).parent, "no frame there can be used; look at one by hand")


def batch(files, first, *, like, method="tutorial", labels=False, skip=False):
    """Segment and measure some frames, one after the other: the work of one task.

    Parameters
    ----------
    files : sequence of path-like
        The frames of this batch.
    first : int
        Number of the first of them in the whole stack.
    like : (shape, dtype)
        What each must be.
    method : str, optional
        See `segkit.frame.segment`.
    labels : bool, optional
        Return the label images too.
    skip : bool, optional
        Leave out frames that cannot be used, and list them, instead of raising.

    Returns
    -------
    table : dict of ndarray
        One entry a nucleus: file (name), frame, and those of `segkit.frame.measure`.
    skipped : list of (str, str)
        File name and reason.
    label_images : (frames, rows, columns) ndarray of int32, or None
        Zero for a skipped frame.

    Raises
    ------
    FrameError
        Unless `skip`: for the first frame that cannot be used.
    """
    parts, skipped = [], []
    label_images = np.zeros((len(files), *like[0]), np.int32) if labels else None
    for number, path in enumerate(files):
        try:
            image = read_frame(path, like=like)
        except FrameError as error:
            if not skip:
                raise
            skipped.append((Path(path).name, error.reason))
            continue
        found = frame.segment(image, method=method)
        part = measuring.columns(image, found)
        count = len(part["label"])
        names = np.full(count, Path(path).name, dtype=object)
        parts.append({"file": names, "frame": np.full(count, first + number, np.int32), **part})
        if labels:
            label_images[number] = found
    if not parts:
        parts = [_empty()]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return table, skipped, label_images


def _empty():
    nothing = measuring.columns(np.zeros((1, 1)), np.zeros((1, 1), np.int32))
    return {"file": np.empty(0, object), "frame": np.empty(0, np.int32), **nothing}
