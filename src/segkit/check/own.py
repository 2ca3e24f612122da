"""Checks for notebook 16, on images of your own: the factor of scale, intensities in a channel."""

import numpy as np

from segkit import check

PIXEL, DIAMETER, WIDTH = 0.2, 12, 28  # of the exercise: micrometres, micrometres, pixels


@check.exercise
def factor(answer):
    """Check the factor that brings nuclei of 12 um at 0.2 um per pixel to 28 pixels."""
    width = DIAMETER / PIXEL
    right = WIDTH / width
    mistakes = [
        (1 / right, "the other way round: nuclei are wider here, and the image has to shrink."),
        (right**2, "that is the factor of areas; an image is rescaled along each axis."),
        (width, "that is how wide a nucleus is here, in pixels; the method wants 28."),
        (WIDTH / DIAMETER, "28 is in pixels and 12 in micrometres: bring them to one unit."),
        (DIAMETER / WIDTH, "28 is in pixels and 12 in micrometres: bring them to one unit."),
        (PIXEL / check.PIXEL_SIZE, "that is for nuclei of the course's size; these are smaller."),
    ]
    otherwise = "how wide is a nucleus of 12 µm here, in pixels?"
    return check.recognise(answer, right, mistakes, otherwise, rtol=0.005)


def _channel():
    """Return a channel and its nuclei, which cover more than half of it; one is cut by the edge."""
    labels = np.zeros((40, 60), np.int32)
    labels[2:38, 2:30], labels[5:35, 32:50], labels[0:9, 52:60] = 1, 2, 3
    return np.array([400.0, 900.0, 700.0, 1500.0])[labels], labels


@check.exercise
def integrated(answer):
    """Check a function of a channel and its labels: sums above the background."""
    signal, labels = _channel()
    given = check.called(answer, signal.copy(), labels.copy(), hint=check.GLOBALS)
    inside = [signal[labels == number] for number in (1, 2, 3)]
    sums, means, areas = (np.array([f(one) for one in inside]) for f in (np.sum, np.mean, np.size))
    everything = np.median(signal)
    right = sums - 400 * areas
    mistakes = [
        (sums, "the background is in these sums: subtract it from every pixel."),
        (means - 400, "those are the means above the background: sums are asked for."),
        (sums - 400, "the background was subtracted once per nucleus, not from every pixel."),
        (sums - everything * areas, "the median is that of all pixels: take those outside nuclei."),
        (np.append(0, right), "label 0 is the background, not a nucleus: leave it out."),
    ]
    shape = "one sum for each of the nuclei 1, 2, ... is asked for."
    return check.recognise(given, right, mistakes, other_shape=shape)
