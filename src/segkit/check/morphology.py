"""Checks for notebook 04: erosion and opening, within each frame."""

import numpy as np
from scipy import ndimage
from skimage import morphology

from segkit import check
from segkit.frame import local_threshold, smooth

CROSS = ndimage.generate_binary_structure(2, 1)
REACH = 4  # pixels and frames: how far two erosions and two dilations look
BESIDE = "the frames before and after have an effect: what must the outer planes hold?"


@check.exercise
def square_of_seven(after_erosion, after_opening):
    """Check the pixels of a 7 x 7 square after an erosion, and after an opening, with the cross."""
    eroded = [
        (49, "that is the whole square: which of its pixels does an erosion remove?"),
        (36, "a layer is removed on every side: left and right, top and bottom."),
        (45, "that is the number after the whole opening."),
    ]
    opened = [
        (49, "does a cross that lies in the square reach its corners?"),
        (25, "that is the erosion alone. A dilation follows."),
    ]
    other_eroded = "which pixels have all four neighbours in the square?"
    other_opened = "draw the eroded square, and lay a cross on each of its pixels."
    name = "after the erosion"
    if hint := check.recognise(after_erosion, 5 * 5, eroded, other_eroded, name=name):
        return hint
    name = "after the opening"
    return check.recognise(after_opening, 7 * 7 - 4, opened, other_opened, name=name)


@check.exercise
def flat_square(answer):
    """Check the element of a pixel and its eight neighbours within the frame."""
    answer = np.asarray(answer) != 0
    if answer.ndim != 3:
        return f"it has {answer.ndim} axes, and a stack has three."
    places = np.argwhere(answer) - np.array(answer.shape) // 2  # from the pixel itself
    if not all(side % 2 for side in answer.shape) or np.abs(places).max(initial=0) > 1:
        return f"its shape is {answer.shape}: three planes, each of 3 x 3 pixels."
    planes = set(places[:, 0].tolist())
    if planes - {0}:
        if len(places) == 9 and planes in ({-1}, {1}):
            return "the nine pixels lie in an outer plane: the middle one is the frame itself."
        if len(places) == 9:
            return "the nine pixels lie along another axis: the frames are the first one."
        return BESIDE
    if len(places) == 5 and (np.abs(places).sum(axis=1) < 2).all():
        return "that is the cross: the four corners of the middle plane are missing."
    if not (places == 0).all(axis=1).any():
        return "the pixel itself is missing, the centre of the middle plane."
    if len(places) < 9:
        return f"{len(places)} pixels of the middle plane are on; eight neighbours and itself."
    return None


def _masks(count):
    """Return the masks of the first frames in use."""
    smoothed = [smooth(image) for image in check.frames(count)]
    return np.stack([image > local_threshold(image) for image in smoothed])


def _inside(mask):
    """Return the part of each frame on which its rim has no effect."""
    return mask[:, REACH:-REACH, REACH:-REACH]


@check.exercise
def clean(answer):
    """Check the lazy masks, opened, then closed, within each frame, with the cross."""
    check.expect_lazy(answer)
    check.expect_files(answer, 3, "leave the masks lazy from start to end.")
    mask = _masks(3 + REACH)
    answer = check.computed(answer[:3])
    check.expect_shape(answer, mask[:3].shape)
    opening, closing = ndimage.binary_opening, ndimage.binary_closing
    flat, square = CROSS[None], np.ones((1, 3, 3), bool)  # one plane: no neighbouring frames
    expected = closing(opening(mask, flat), flat)[:3]
    padded = np.pad(mask, ((0, 0), (REACH, REACH), (REACH, REACH)))
    right = [  # different at the rim
        expected,
        _inside(closing(opening(padded, flat), flat))[:3],
        morphology.closing(morphology.opening(mask, flat), flat)[:3],
    ]
    if any((answer == one).all() for one in right):
        return None
    hint = check.difference(answer, expected)
    if (_inside(answer) == _inside(expected)).all():
        return f"{hint} All lie at the rim: what do your steps do to the pixels there?"
    swapped = opening(closing(mask, flat), flat)
    solid = ndimage.generate_binary_structure(3, 1)
    mistakes = [
        (swapped, "the specks go first: the order is the other way round."),
        (opening(mask, flat), "the specks are gone, and the cracks are still there."),
        (closing(mask, flat), "the cracks are filled, and the specks are still there."),
        (closing(opening(mask, square), square), "the element is a square, not a cross."),
        (closing(opening(mask, solid), solid), BESIDE),
        (closing(opening(mask, solid), flat), BESIDE),
        (closing(opening(mask, flat), solid), BESIDE),
        (mask, "the mask came back as it was."),
    ]
    mistakes = [(_inside(wrong)[:3], text) for wrong, text in mistakes]
    return check.recognise(_inside(answer), _inside(expected), mistakes, hint)
