"""Checks for the exercises of notebook 04."""

import dask.array as da
import numpy as np
from scipy import ndimage
from skimage import morphology

from segkit.check import GLOBALS, array_fault, called, computed, exercise, number

CROSS = ndimage.generate_binary_structure(2, 1)
REACH = 4  # pixels: how far the rim of a frame matters to two erosions and two dilations
BESIDE = "pixels of the frames before and after have a say: what must the outer planes hold?"


@exercise
def square_of_seven(after_erosion, after_opening):
    """Pixels of a 7 x 7 square after an erosion, and after an opening, with the cross."""
    after_erosion, after_opening = number(after_erosion), number(after_opening)
    square = np.pad(np.ones((7, 7), bool), 5)
    side, whole = 7, int(square.sum())
    eroded = int(ndimage.binary_erosion(square, CROSS).sum())
    opened = int(ndimage.binary_opening(square, CROSS).sum())
    if after_erosion != eroded:
        if after_erosion == whole:
            return "an erosion takes something off every object: which pixels of the square stay?"
        if after_erosion == (side - 1) ** 2:
            return "after the erosion: a layer goes on every side, left and right, top and bottom."
        if after_erosion == opened:
            return "after the erosion: that is the number after the whole opening."
        return "after the erosion: which pixels have all four neighbours in the square?"
    if after_opening != opened:
        if after_opening == whole:
            return "after the opening: does a cross that lies in the square reach its corners?"
        if after_opening == eroded:
            return "after the opening: that is the erosion alone. A dilation follows."
        return "after the opening: draw the eroded square, and lay a cross on each of its pixels."
    return None


@exercise
def flat_square(answer):
    """Element of a pixel and its eight neighbours in the frame, none in the frames beside."""
    answer = np.asarray(answer) != 0
    if answer.ndim != 3:
        return f"it has {answer.ndim} axes, and a stack has three."
    for axis in range(3):  # empty layers around the element change nothing
        layers = np.moveaxis(answer, axis, 0)
        while len(layers) > 3 and not layers[[0, -1]].any():
            layers = layers[1:-1]
        answer = np.moveaxis(layers, 0, axis)
    if answer.shape == (1, 3, 3):  # one plane has no neighbours beside it either
        answer = np.pad(answer, ((1, 1), (0, 0), (0, 0)))
    if answer.shape != (3, 3, 3):
        return f"its shape is {answer.shape}: three planes, each of 3 x 3 pixels."
    if answer[0].any() or answer[2].any():
        if answer.sum() == 9:
            if answer[0].all() or answer[2].all():
                return "the nine pixels lie in an outer plane: the middle one is the frame itself."
            return "the nine pixels lie along another axis: the frames are the first one."
        return BESIDE
    if (answer[1] == CROSS).all():
        return "that is the cross: the four corners of the middle plane are missing."
    if not answer[1, 1, 1]:
        return "the pixel itself is missing, the centre of the middle plane."
    if not answer.all(axis=(1, 2))[1]:
        return f"{answer[1].sum()} pixels of the middle plane are on; eight neighbours and itself."
    return None


def _stack():
    """Return three frames with specks, cracks and close neighbours, each its own."""
    rng = np.random.default_rng(7)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, 40, 50)), (0, 2.5, 2.5))
    mask = smooth > 0.02
    mask ^= rng.random(mask.shape) < 0.04
    return mask


def _each(mask, *steps, structure=CROSS, room=0):
    """Apply operations one after the other to each frame by itself, with room around it."""
    frames = [np.pad(frame, room) for frame in mask]
    for step in steps:
        frames = [step(frame, structure) for frame in frames]
    rows, columns = mask.shape[1:]
    return np.stack(frames)[:, room : room + rows, room : room + columns]


def _inside(mask):
    """Return the part of each frame on which its rim has no effect."""
    return mask[:, REACH:-REACH, REACH:-REACH]


@exercise
def clean(function):
    """Open, then close, a lazy stack of masks, within each frame, with the cross."""
    mask, made = _stack(), []

    def make(chunk):
        made.append(chunk.shape)
        return chunk

    lazy = da.from_array(mask, chunks=(1, -1, -1)).map_blocks(make, meta=mask[:0, :0, :0])
    answer = called(function, lazy)
    if isinstance(answer, np.ndarray):
        return "the result has been computed: return the lazy Dask array."
    if not isinstance(answer, da.Array):
        return f"a Dask array is asked for, and this is a {type(answer).__name__}."
    if made:
        return "the mask was computed inside the function: leave it lazy from start to end."
    answer = computed(answer)
    opening, closing = ndimage.binary_opening, ndimage.binary_closing
    expected = _each(mask, opening, closing)
    fault = array_fault(answer, expected)
    if fault is None:
        return None
    if answer.shape != mask.shape:
        return f"{fault} {GLOBALS}"
    others = [  # right too, and different at the rim: with room around the frame, or reflected
        _each(mask, opening, closing, room=REACH),
        _each(mask, morphology.opening, morphology.closing),
    ]
    if any((answer == other).all() for other in others):
        return None
    if (_inside(answer) == _inside(expected)).all():
        return f"{fault} All lie at the rim: what does your function do to the pixels there?"
    square, default = np.ones((3, 3), bool), ndimage.generate_binary_structure(3, 1)
    usual = [
        (_each(mask, closing, opening), "the specks go first: the order is the other way round."),
        (_each(mask, opening), "the specks are gone, and the cracks are still there."),
        (_each(mask, closing), "the cracks are filled, and the specks are still there."),
        (_each(mask, opening, closing, structure=square), "the element is a square, not a cross."),
        (closing(opening(mask, default), default), BESIDE),
        (closing(opening(mask, default), np.array([0 * CROSS, CROSS, 0 * CROSS])), BESIDE),
        (closing(opening(mask, np.array([0 * CROSS, CROSS, 0 * CROSS])), default), BESIDE),
        (mask, "the mask came back as it was."),
    ]
    for wrong, hint in usual:
        if (_inside(answer) == _inside(wrong)).all():
            return hint
    return fault
