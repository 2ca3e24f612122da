"""Checks for the exercises of notebook 07."""

import dask.array as da
import numpy as np
import tifffile

from segkit import data
from segkit.check import array_fault, exercise
from segkit.check.parallel import opens
from segkit.check.pipeline import whole_number

# A median of 5 x 5, a Gaussian of sigma 2.5 cut off at 4 sigma, an opening of 21 x 21: to one side.
MEDIAN, GAUSSIAN, OPENING = 2, 10, 10


def _frames(count):
    """Return the first frames of the data set in use."""
    return np.stack([tifffile.imread(path) for path in data.images(data.locate())[:count]])


def _no_array(answer):
    """Say what is wrong if the answer is no lazy Dask array."""
    if isinstance(answer, da.Array):
        return None
    return f"a Dask array is asked for, not computed yet; this is a {type(answer).__name__}."


def _broken_promise(answer, values):
    """Say what is wrong if another dtype comes out than the array says."""
    if values.dtype == answer.dtype:
        return None
    return f"the array promises {answer.dtype}, and {values.dtype} comes out."


@exercise
def reach(answer):
    """Depth for a median of 5, a Gaussian of sigma 2.5 and an opening of 21, in sequence."""
    expected = MEDIAN + GAUSSIAN + 2 * OPENING
    one_alone = "that is one of the steps alone; here each one works on another's results."
    if whole_number(answer) is None:
        return "one whole number is asked for: the pixels to one side."
    whole = "depth is to one side: half of a window, not the whole."
    windows = {
        MEDIAN + GAUSSIAN + 21,
        5 + GAUSSIAN + 2 * OPENING,
        5 + GAUSSIAN + 21,
        2 * 21,
        GAUSSIAN + 2 * 21,
        MEDIAN + GAUSSIAN + 2 * 21,
        5 + GAUSSIAN + 2 * 21,
        5 + 2 * GAUSSIAN + 2 * 21,
    }
    hints = {
        MEDIAN + GAUSSIAN: "something is missing: the opening works on what the Gaussian made.",
        MEDIAN + GAUSSIAN + OPENING: "an opening has two steps: how far does the second one look?",
        2 * OPENING + GAUSSIAN: "something is missing: the Gaussian works on the median's results.",
        2 * OPENING: one_alone,
        GAUSSIAN: one_alone,
        MEDIAN + 3 + 2 * OPENING: "the Gaussian reaches further than sigma: to 4 sigma.",
        expected + MEDIAN + GAUSSIAN: "what is subtracted from is used at the pixel itself.",
    }
    if answer == expected:
        return None
    if answer > expected:
        hint = whole if answer in windows else "what does each step look at, to one side?"
        return f"that would work, but it is deeper than needed: {hints.get(answer, hint)}"
    return hints.get(answer, "take the reach of each step to one side, and add them up.")


@exercise
def contrast(answer):
    """Lazy array of ten numbers: 99th percentile minus median of each frame."""
    if fault := _no_array(answer):
        return fault
    frames = _frames(10)
    if answer.shape == frames.shape:
        return "the array says that it has the shape of the frames: which axes are gone?"
    if answer.shape != (len(frames),):
        return f"the shape is {answer.shape}, and {(len(frames),)} was expected."
    if not opens(answer, data.images(data.locate())[: len(frames)]):
        return "the files were read before the array was made: begin with images, as it is."
    values = answer.compute()
    if fault := _broken_promise(answer, values):
        return fault
    if values.dtype.kind != "f":
        return f"a percentile can lie between two grey levels: {values.dtype} drops the fraction."
    high, middle = np.percentile(frames, 99, axis=(1, 2)), np.median(frames, axis=(1, 2))
    fault = array_fault(values, high - middle, rtol=1e-6)
    if fault is None:
        return None
    usual = [
        (high, "that is the percentile alone: subtract the median."),
        (middle - high, "subtracted the other way round."),
        (frames.max(axis=(1, 2)) - middle, "that is the maximum minus the median."),
        (high - frames.mean(axis=(1, 2)), "that is the 99th percentile minus the mean."),
        (np.percentile(frames, 99) - middle, "the percentile is that of all frames together."),
    ]
    return next((hint for wrong, hint in usual if np.allclose(values, wrong)), fault)


@exercise
def slopes(answer):
    """Difference of the pixels above and below, around the ends, of the frame in four chunks."""
    if fault := _no_array(answer):
        return fault
    frame = _frames(1)[0].astype("float32")
    expected = np.roll(frame, 1, axis=0) - np.roll(frame, -1, axis=0)
    chunks = tuple((side // 2, side - side // 2) for side in frame.shape)
    if answer.shape == frame.shape and answer.chunks != chunks:
        return f"the chunks are {answer.chunks}: keep those of tiles, {chunks}."
    values = answer.compute()
    fault = array_fault(values, expected)
    if values.shape != expected.shape:
        return fault
    if fault is None:
        return _broken_promise(answer, values)
    rows = set(np.flatnonzero((values != expected).any(axis=1)))
    ends = {0, len(frame) - 1}
    cut = answer.chunks[0][0]
    if rows <= ends:
        return f"{fault} All lie in the first and the last row: what does boundary say?"
    if rows <= {cut - 1, cut}:
        return f"{fault} All lie beside a cut: what does depth say?"
    if rows <= {*ends, cut - 1, cut}:
        return f"{fault} They lie at the ends and beside the cut: depth and boundary."
    return f"{fault} They are everywhere: is it slope, of the frame itself?"
