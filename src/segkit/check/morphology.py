"""Checks for notebook 04: erosion and opening, within each frame."""

import dask.array as da
import numpy as np
from scipy import ndimage
from skimage import morphology

from segkit import check

CROSS = ndimage.generate_binary_structure(2, 1)
REACH = 4  # pixels: how far the rim of a frame matters to two erosions and two dilations
BESIDE = "pixels of the frames before and after have a say: what must the outer planes hold?"


@check.exercise
def square_of_seven(after_erosion, after_opening):
    """Check the pixels of a 7 x 7 square after an erosion, and after an opening, with the cross."""
    after_erosion, after_opening = check.number(after_erosion), check.number(after_opening)
    if after_erosion != 5 * 5:
        hints = {
            49: "an erosion takes something off every object: which pixels of the square stay?",
            36: "after the erosion: a layer goes on every side, left and right, top and bottom.",
            45: "after the erosion: that is the number after the whole opening.",
        }
        otherwise = "after the erosion: which pixels have all four neighbours in the square?"
        return hints.get(after_erosion, otherwise)
    if after_opening != 7 * 7 - 4:
        hints = {
            49: "does a cross that lies in the square reach its corners?",
            25: "that is the erosion alone. A dilation follows.",
        }
        otherwise = "draw the eroded square, and lay a cross on each of its pixels."
        return f"after the opening: {hints.get(after_opening, otherwise)}"
    return None


@check.exercise
def flat_square(answer):
    """Check the element of a pixel and its eight neighbours within the frame."""
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


def _inside(mask):
    """Return the part of each frame on which its rim has no effect."""
    return mask[:, REACH:-REACH, REACH:-REACH]


@check.exercise
def clean(function):
    """Check a function that opens, then closes, a lazy stack within each frame, with the cross."""
    mask, made = _stack(), []

    def make(chunk):
        made.append(chunk.shape)
        return chunk

    lazy = da.from_array(mask, chunks=(1, -1, -1)).map_blocks(make, meta=mask[:0, :0, :0])
    answer = check.called(function, lazy)
    check.expect_lazy(answer)
    if made:
        return "the mask was computed inside the function: leave it lazy from start to end."
    answer = check.computed(answer)
    opening, closing = ndimage.binary_opening, ndimage.binary_closing
    flat, square = CROSS[None], np.ones((1, 3, 3), bool)  # one plane: no neighbouring frames
    expected = closing(opening(mask, flat), flat)
    hint = check.difference(answer, expected)
    if hint is None:
        return None
    if answer.shape != mask.shape:
        return f"{hint} {check.GLOBALS}"
    padded = np.pad(mask, ((0, 0), (REACH, REACH), (REACH, REACH)))
    others = [  # right too, and different at the rim
        _inside(closing(opening(padded, flat), flat)),
        morphology.closing(morphology.opening(mask, flat), flat),
    ]
    if any((answer == other).all() for other in others):
        return None
    if (_inside(answer) == _inside(expected)).all():
        return f"{hint} All lie at the rim: what does your function do to the pixels there?"
    swapped = opening(closing(mask, flat), flat)
    solid = ndimage.generate_binary_structure(3, 1)
    known = [
        (swapped, "the specks go first: the order is the other way round."),
        (opening(mask, flat), "the specks are gone, and the cracks are still there."),
        (closing(mask, flat), "the cracks are filled, and the specks are still there."),
        (closing(opening(mask, square), square), "the element is a square, not a cross."),
        (closing(opening(mask, solid), solid), BESIDE),
        (closing(opening(mask, solid), flat), BESIDE),
        (closing(opening(mask, flat), solid), BESIDE),
        (mask, "the mask came back as it was."),
    ]
    known = [(_inside(wrong), text) for wrong, text in known]
    return check.recognise(_inside(answer), known, hint)
