"""Checks for notebook 09: apply_parallel, and what may be cut into chunks."""

import numpy as np
from dask.callbacks import Callback
from skimage import filters

from segkit import check

MODES = ("reflect", "symmetric", "nearest", "edge", "periodic", "wrap")
RIGHT = ("nearest", "edge", "none")  # two names of one mode, and Dask's word for the filter's own


@check.exercise
def median(depth, mode):
    """Check the smallest depth and the right mode for a median of 9 x 9 pixels."""
    depth = check.number(depth, "depth")
    if mode is None:
        return "mode: the default of apply_parallel is not the mode of this filter."
    if mode not in (*MODES, *RIGHT):
        return f"mode {mode!r} is not one of the six that apply_parallel takes: see the table."
    if mode not in RIGHT:
        return f"mode {mode!r}: how does filters.median continue the image? See its signature."
    whole = [(9, "that is the whole window; count the pixels on one side of its middle.")]
    otherwise = "there are pixels left beside the cuts that differ; it is too small."
    if depth > 4:
        otherwise = "a smaller one is enough."
    return check.recognise(depth, 4, whole, otherwise, name="depth")


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


@check.exercise
def edges(answer):
    """Check the lazy array: Sobel of the first four frames as one image."""
    check.expect_lazy(answer)
    four = list(check.frames(4))
    slide = np.block([four[:2], four[2:]]).astype("float32")
    check.expect_shape(answer, slide.shape)
    check.expect_files(answer, 4, "begin with slide, as it is.")
    sizes = []

    def note(key, result, *_):
        sizes.append(getattr(result, "size", 0))

    with Callback(posttask=note):  # which only this process calls
        answer = answer.persist(scheduler="threads")
    itself = "sobel, of slide itself"
    expected = filters.sobel(slide)
    hint = check.located(answer, expected, reach=1, itself=itself, option="mode", rtol=1e-4)
    if hint is None:
        check.expect_dtype(answer)
        if max(sizes) >= slide.size:
            return "the pixels are right, but one task holds the whole slide: work chunk by chunk."
    return hint
