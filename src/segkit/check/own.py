"""Checks for notebook 16, on images of your own: channels, pixel size, unusual frames."""

import numpy as np

from segkit import check

OWN_PIXEL = 0.325  # micrometres, of the exercise's microscope
MARKED = {4, 8}


def mixed():
    """Return four small colour images: files, rows, columns, channels."""
    return np.random.default_rng(14).integers(0, 256, (4, 24, 30, 3), dtype=np.uint8)


@check.exercise
def stack(answer):
    """Check the last channel of `mixed`, one frame per chunk."""
    check.expect_lazy(answer)
    expected = mixed()[..., -1]
    if answer.ndim == 4:
        return "four axes: one channel is to be chosen, without its axis."
    if answer.shape != expected.shape and set(answer.shape) & {3}:
        return "the channel was taken along another axis; which one has the channels?"
    if hint := check.recognise(answer, expected):
        return f"{hint} Is it the last channel?"
    if answer.chunksize != (1, *expected.shape[1:]):
        return f"right pixels; the chunks are {answer.chunksize}, and one frame each is asked for."
    return None


@check.exercise
def factor(answer):
    """Check the zoom that brings 0.325 um per pixel to 0.645 um per pixel."""
    right = OWN_PIXEL / check.PIXEL_SIZE
    mistakes = [
        (1 / right, "the other way round: here nuclei are wider, in pixels, than in training."),
        (right**2, "that is the factor of areas; zoom works on each axis."),
        (right**-2, "that is a factor of areas, and the other way round."),
        (20 / 40, "near; take the pixel sizes, not the names of the objectives, to three digits."),
        (40 / 20, "near the inverse; and take the pixel sizes, not the objectives."),
    ]
    otherwise = "how wide is a nucleus of 28 training pixels here, in pixels?"
    return check.recognise(answer, right, mistakes, otherwise, rtol=0.003)


@check.exercise
def marked(answer):
    """Check the positions of the frames with 0 and with 240 nuclei."""
    answer = sorted(answer) if isinstance(answer, set) else answer
    positions = np.ravel(answer)  # of np.where(...), too, and of nonzero()
    if positions.dtype == bool:
        return "that is the mask itself: at which positions is it True?"
    if positions.size and positions.dtype.kind not in "iu":
        return "positions are whole numbers, in a list."
    found = set(positions.tolist())
    if found == MARKED:
        return None
    if found == {position + 1 for position in MARKED}:
        return "counted from 1: positions start at 0."
    if found & {0, 240} and not found & MARKED:
        return "those are numbers of nuclei: the positions are asked for."
    if not found:
        return "some are marked: look on both sides of the median."
    if found < MARKED:
        return "there is one more: look on both sides of the median."
    if found > MARKED:
        return "too many: 3.5 times 1.4826 times the median distance is wide; compute it."
    return "apply unusual to the counts, and look where it is True."
