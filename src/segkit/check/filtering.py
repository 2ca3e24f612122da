"""Checks for notebook 02: blurred frames, and the overlap that a filter needs."""

import numpy as np
from scipy import ndimage

from segkit import check

REACH = 8  # pixels: 4 sigma


@check.exercise
def depth(answer):
    """Check the overlap for a Gaussian of sigma (0, 1.2, 3): three whole numbers."""
    answer = check.numbers(answer, "three")
    right = [0, 5, 12]  # 4 sigma, rounded up
    if answer == right:
        return None
    if len(answer) != 3:
        return f"the 3 axes need a number each; here are {len(answer)}."
    if answer[0]:
        return "along the frames sigma is 0: think what the filter needs from the frames beside."
    if answer == [0, 2, 3]:
        return "that is sigma itself: the bell reaches further, to where it is cut off."
    if answer[-1] in (24, 25):
        return "that is the whole width of the bell: depth counts the pixels on one side."
    if answer == [0, 4, 12]:
        return "the bell reaches into one more pixel: round up, not down."
    if any(one % 1 for one in answer):
        return "depth counts whole pixels: round up."
    if all(one >= least for one, least in zip(answer, right, strict=True)):
        return "that is deeper than needed: 4 sigma, rounded up to the next whole pixel, is enough."
    return "the bell is cut off at 4 sigma, on either side."


@check.exercise
def float_blur(answer):
    """Check the first three frames as float32, blurred with sigma 2 within each frame, lazy."""
    stack = check.frames(3)
    check.expect_lazy(answer)
    check.expect_shape(answer, stack.shape)
    if answer.dtype.kind != "f":
        return f"the values are {answer.dtype}: the fractions are cut off. Convert to float first."
    if answer.dtype == "float16":
        return "float16 keeps 3 digits, too few for the 12 bits of a grey level."
    if answer.dtype != "float32":
        return f"the values are {answer.dtype}: half of that memory is enough."
    answer = check.computed(answer)

    def blurred(sigma, images=stack, **options):
        return ndimage.gaussian_filter(images.astype("float32"), sigma, **options)

    expected, cut = blurred([0, 2, 2]), ndimage.gaussian_filter(stack, [0, 2, 2])
    narrow = blurred([0, 2, 2], truncate=3)
    mistakes = [
        (narrow, "the bell is cut off at 3 sigma: leave truncate as it is."),
        (cut, "all values are whole: the blur cut the fractions off before the conversion."),
        (stack, "the frames are converted, and not blurred."),
    ]
    for sigma in ([0, 1, 1], [0, 2, 0], [0, 0, 2]):
        hint = f"sigma seems to be {sigma}: the task asks for 2 along the rows and the columns."
        mistakes.append((blurred(sigma), hint))
    otherwise = check.difference(answer, expected, rtol=1e-4)
    for mixed in (stack, check.frames(3 + REACH)):  # alone, or with all the frames in reach
        if np.abs(answer - blurred(2, mixed)[:3]).max() < 1:
            otherwise = "the frames are blurred into each other: does the frame axis have sigma 0?"
    inside = np.s_[:, REACH:-REACH, REACH:-REACH]
    if np.allclose(answer[inside], expected[inside], rtol=0, atol=0.01):
        otherwise = "the values at the rim of the frame differ: leave mode as it is."
    return check.recognise(answer, expected, mistakes, otherwise, rtol=0, atol=0.01)


@check.exercise
def seamless_median(answer):
    """Check the median of 5 x 5 pixels of the first frame, made in four chunks."""
    (image,) = check.frames(1)
    itself = "the median, of 5 x 5 pixels, of the frame itself"
    return check.located(answer, ndimage.median_filter(image, size=5), reach=2, itself=itself)
