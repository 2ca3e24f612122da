"""Checks for the exercises of notebook 09."""

import io

import cloudpickle
import dask
import dask.array as da
import numpy as np
import pandas as pd
import tifffile
from dask.callbacks import Callback
from skimage import filters
from skimage.util import apply_parallel

from segkit import data
from segkit.check import array_fault, exercise
from segkit.check.pipeline import whole_number

SIZE = 9
MODES = ("reflect", "symmetric", "nearest", "edge", "periodic", "wrap")


def _wrong(image, depth, mode):
    """Return how many pixels of the median in four chunks are not those of the whole image."""

    def median(chunk):
        return filters.median(chunk, np.ones((SIZE, SIZE)))

    chunks = tuple(n // 2 for n in image.shape)
    cut = apply_parallel(median, image, chunks=chunks, depth=depth, mode=mode, dtype=image.dtype)
    return np.count_nonzero(cut != median(image))


@exercise
def median(depth, mode):
    """Smallest depth and right mode for a median of 9 x 9 pixels."""
    image = np.random.default_rng(9).integers(0, 4096, (60, 80), dtype=np.uint16)
    reach, right = SIZE // 2, "nearest"
    given, depth = depth, whole_number(depth)
    if depth is None or depth < 0:
        return f"depth is a whole number of pixels, and not {given!r}."
    if mode not in (None, "none", *MODES):  # "none" is Dask's: the filter goes on by itself
        return f"mode {mode!r} is none of the six names that apply_parallel takes: see the table."
    if mode is not None and _wrong(image, reach, mode):
        return f"mode {mode!r}: how does filters.median go on beyond the end? See its signature."
    if mode is None:
        return "mode: the default of apply_parallel is not the mode of this filter."
    if depth == SIZE:
        return "depth: that is the whole window; count the pixels on one side of its middle."
    if depth > reach:
        return "depth: right, but a smaller one will do too."
    if _wrong(image, depth, right):
        return "depth: there are pixels left beside the cuts that differ; it is too small."
    return None


@exercise
def may_be_cut(letters):
    """Set of the letters of those functions that look at near pixels only."""
    if not isinstance(letters, (str, set, frozenset, list, tuple, dict)):
        return 'a set of letters is asked for, such as {"a", "b"}.'
    letters = set("".join(map(str, letters)).lower()) - set(" ,;")
    if unknown := letters - set("abcdef"):
        return f"there is no {sorted(unknown)[0]!r}: give letters from a to f."
    hints = {
        "b": "b: a chunk has a largest pixel of its own.",
        "c": "c: which number does the first object of the second chunk get?",
        "f": "f: how far away can the nearest pixel of the background be?",
        "a": "a: how far away can a pixel lie and still count? Not farther than two.",
        "d": "d: how far does this blur reach? There is a depth for it.",
        "e": "e: which pixels besides the pixel itself does it look at?",
    }
    wrong = letters ^ {"a", "d", "e"}
    return next((hint for letter, hint in hints.items() if letter in wrong), None)


class _WithoutTables(cloudpickle.Pickler):
    """Pickle a graph, but none of the tables in it: they can hold the names of files."""

    def persistent_id(self, thing):
        """Write a word in place of a table."""
        return "table" if isinstance(thing, (pd.DataFrame, pd.Series)) else None


def opens(answer, paths):
    """Return whether computing an answer opens these files.

    Parameters
    ----------
    answer : Dask collection, or list of Delayed
    paths : iterable of Path

    Returns
    -------
    bool
        False if a file is not in the graph, since it was read before. True if the graph cannot be
        searched.
    """
    graph = io.BytesIO()
    try:
        parts = answer if isinstance(answer, (list, tuple)) else [answer]
        _WithoutTables(graph).dump([dict(part.__dask_graph__()) for part in parts])
    except Exception:  # something in it that only this process can hold
        return True
    return all(path.name.encode() in graph.getvalue() for path in paths)


def _largest(array):
    """Return the number of pixels of the largest array that a task gives, and all values."""
    sizes = []

    def note(key, result, *_):
        sizes.append(getattr(result, "size", 0))

    with Callback(posttask=note):
        blocks = dask.compute(*array.to_delayed().ravel(), scheduler="threads")
    grid = np.empty(array.numblocks, object)
    for place, block in zip(np.ndindex(grid.shape), blocks, strict=True):
        grid[place] = block
    return max(sizes), np.block(grid.tolist())


@exercise
def edges(answer):
    """Lazy array: Sobel of the first four frames as one image."""
    if not isinstance(answer, da.Array):
        return f"a Dask array is asked for, not computed yet; this is a {type(answer).__name__}."
    paths = data.images(data.locate())[:4]
    frames = [tifffile.imread(path) for path in paths]
    slide = np.block([frames[:2], frames[2:]]).astype("float32")
    if max(answer.numblocks) == 1:
        return "there is one chunk: keep those of slide."
    if answer.shape == slide.shape and not opens(answer, paths):
        return "its values were computed before the array was made: begin with slide, as it is."
    largest, values = _largest(answer)
    if values.dtype != answer.dtype:
        return f"the array promises {answer.dtype}, and {values.dtype} comes out."
    expected = filters.sobel(slide)
    fault = array_fault(values, expected, rtol=1e-4)
    if values.shape != slide.shape:
        return fault
    if answer.chunks != tuple((n, n) for n in frames[0].shape):
        return f"the chunks are {answer.chunks}: keep those of slide."
    if fault is None:
        if largest >= slide.size:
            return "the pixels are right, but one task holds the whole slide: work chunk by chunk."
        return None
    where = np.nonzero(~np.isclose(values, expected, rtol=1e-4))
    at_cut, at_end = np.zeros((2, len(where[0])), bool)
    for places, sizes in zip(where, answer.chunks, strict=True):
        cuts = np.cumsum(sizes)[:-1]
        at_cut |= np.isin(places, [cuts - 1, cuts])
        at_end |= np.isin(places, [0, sum(sizes) - 1])
    if at_cut.all():
        return f"{fault} All lie beside a cut: what does depth say?"
    if at_end.all():
        return f"{fault} All lie at the border of the image: which mode has sobel itself?"
    if (at_cut | at_end).all():
        return f"{fault} They lie beside the cuts and at the border: depth and mode."
    return f"{fault} They are everywhere: is it sobel, of slide itself?"
