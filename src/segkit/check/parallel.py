"""Checks for notebook 09: apply_parallel, and what may be cut into chunks."""

import dask
import numpy as np
from dask.callbacks import Callback
from skimage import filters
from skimage.util import apply_parallel

from segkit import check

SIZE = 9
MODES = ("reflect", "symmetric", "nearest", "edge", "periodic", "wrap")


def _wrong(image, depth, mode):
    """Return how many pixels of the median in four chunks are not those of the whole image."""

    def median(chunk):
        return filters.median(chunk, np.ones((SIZE, SIZE)))

    chunks = tuple(n // 2 for n in image.shape)
    cut = apply_parallel(median, image, chunks=chunks, depth=depth, mode=mode, dtype=image.dtype)
    return np.count_nonzero(cut != median(image))


@check.exercise
def median(depth, mode):
    """Check the smallest depth and the right mode for a median of 9 x 9 pixels."""
    image = np.random.default_rng(9).integers(0, 4096, (60, 80), dtype=np.uint16)
    reach, right = SIZE // 2, "nearest"
    given, depth = depth, check.whole_number(depth)
    if depth is None or depth < 0:
        return f"depth is a whole number of pixels, and not {given!r}."
    if mode not in (None, "none", *MODES):  # "none" is Dask's: the filter goes on by itself
        return f"mode {mode!r} is none of the six names that apply_parallel takes: see the table."
    if mode is None:
        return "mode: the default of apply_parallel is not the mode of this filter."
    if _wrong(image, reach, mode):
        return f"mode {mode!r}: how does filters.median go on beyond the end? See its signature."
    if depth == SIZE:
        return "depth: that is the whole window; count the pixels on one side of its middle."
    if depth > reach:
        return "depth: right, but a smaller one will do too."
    if _wrong(image, depth, right):
        return "depth: there are pixels left beside the cuts that differ; it is too small."
    return None


@check.exercise
def may_be_cut(letters):
    """Check the set of the letters of those functions that look at near pixels only."""
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


def _largest(array):
    """Return the number of pixels of the largest array that a task gives, and all values."""
    sizes = []

    def note(key, result, *_):
        sizes.append(getattr(result, "size", 0))

    with Callback(posttask=note):
        (blocks,) = dask.compute(array.to_delayed().tolist(), scheduler="threads")
    return max(sizes), np.block(blocks)


@check.exercise
def edges(answer):
    """Check the lazy array: Sobel of the first four frames as one image."""
    check.expect_lazy(answer)
    four = list(check.frames(4))
    slide = np.block([four[:2], four[2:]]).astype("float32")
    if max(answer.numblocks) == 1:
        return "there is one chunk: keep those of slide."
    if answer.shape == slide.shape:
        check.expect_files(answer, 4, "begin with slide, as it is.")
    largest, values = _largest(answer)
    check.expect_dtype(answer, values)
    if values.shape == slide.shape and answer.chunks != tuple((n, n) for n in four[0].shape):
        return f"the chunks are {answer.chunks}: keep those of slide."
    hint = check.located(
        values,
        filters.sobel(slide),
        answer.chunks,
        reach=1,
        rim="which mode has sobel itself?",
        both="depth and mode.",
        itself="sobel, of slide itself?",
        rtol=1e-4,
    )
    if hint is None and largest >= slide.size:
        return "the pixels are right, but one task holds the whole slide: work chunk by chunk."
    return hint
