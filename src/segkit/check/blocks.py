"""Checks for notebook 07: functions of one's own, for each chunk, with the overlap they need."""

import numpy as np

from segkit import check


@check.exercise
def reach(answer):
    """Check the depth for a median of 5, a Gaussian of sigma 2.5 and an opening of 21, in turn."""
    right = 2 + 10 + 10 + 10  # half of 5, 4 times 2.5, and half of 21 for each step of the opening
    one_alone = "that is one of the steps alone; here each one works on another's results."
    mistakes = [
        (2 + 10, "something is missing: the opening works on what the Gaussian made."),
        (2 + 10 + 10, "an opening has two steps: how far does the second one look?"),
        (10 + 10 + 10, "something is missing: the Gaussian works on the median's results."),
        (10 + 10, one_alone),
        (10, one_alone),
        (2 + 3 + 10 + 10, "the Gaussian reaches further than sigma: to 4 sigma."),
        (right + 2 + 10, "the subtraction only needs the pixel itself."),
    ]
    for window in (33, 35, 36, 42, 52, 54, 57, 67):  # with 5, 20 or 21 in place of the half
        mistakes.append((window, "depth is to one side: half of a window, not the whole."))
    name, otherwise = "", "take the reach of each step to one side, and add them up."
    if check.number(answer) > right:
        name = "that would work, but it is deeper than needed"
        otherwise = "what does each step look at, to one side?"
    return check.recognise(answer, right, mistakes, otherwise, name=name)


@check.exercise
def contrast(answer):
    """Check the lazy array of ten numbers: 99th percentile minus median of each frame."""
    check.expect_lazy(answer)
    stack = check.frames(10)
    if answer.shape == stack.shape:
        return "the array says that it has the shape of the frames: which axes are gone?"
    high, middle = np.percentile(stack, 99, axis=(1, 2)), np.median(stack, axis=(1, 2))
    check.expect_shape(answer, high.shape)
    check.expect_files(answer, 10, "begin with images, as it is.")
    values = check.computed(answer)
    check.expect_dtype(answer)
    if values.dtype.kind != "f":
        return f"a percentile can lie between two grey levels: {values.dtype} drops the fraction."
    mistakes = [
        (high, "that is the percentile alone: subtract the median."),
        (middle - high, "subtracted the other way round."),
        (stack.max(axis=(1, 2)) - middle, "that is the maximum minus the median."),
        (high - stack.mean(axis=(1, 2)), "that is the 99th percentile minus the mean."),
        (np.percentile(stack, 99) - middle, "the percentile is that of all frames together."),
    ]
    return check.recognise(values, high - middle, mistakes, rtol=1e-6)


@check.exercise
def slopes(answer):
    """Check the difference of the pixels above and below, around the ends, in four chunks."""
    image = check.frames(1)[0].astype("float32")
    expected = np.roll(image, 1, axis=0) - np.roll(image, -1, axis=0)
    hint = check.located(answer, expected, reach=1, itself="slope, of the frame itself")
    if hint is None:
        check.expect_dtype(answer)
    return hint
