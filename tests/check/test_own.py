"""The checks of the notebook on images of your own tell right answers from the usual wrong ones."""

import numpy as np
from answers import said, tried
from scipy import ndimage

from segkit.check import own as check


@tried(
    ("Right.", 28 / 60, 0.467, np.float32(0.4667)),
    ("other way round", 60 / 28),
    ("factor of areas", 0.2178),
    ("how wide a nucleus is", 60),
    ("bring them to one unit", 28 / 12, 12 / 28),
    ("course's size", 0.31),
    ("how wide is a nucleus", 0.5),
    ("one number", (0.467, 0.467)),
)
def test_factor(capsys, answer, hint):
    """28 pixels over the width in pixels, rounded or not; each usual mistake gets its own hint."""
    assert hint in said(capsys, check.factor, answer)


def summed(light, labels, first=1, sums=ndimage.sum_labels):
    """Return what `sums` makes of the light in the nuclei from number `first` on."""
    return sums(light, labels, np.arange(first, labels.max() + 1))


@tried(
    ("Right.", lambda light, labels: summed(light - np.median(light[labels == 0]), labels)),
    ("Right.", lambda light, labels: list(summed(light - light[labels == 0].mean(), labels))),
    ("background is in these sums", summed),
    ("means above", lambda light, labels: summed(light - 400, labels, sums=ndimage.mean)),
    ("subtracted once", lambda light, labels: summed(light, labels) - 400),
    ("that of all pixels", lambda light, labels: summed(light - np.median(light), labels)),
    ("label 0 is the background", lambda light, labels: summed(light - 400, labels, first=0)),
    ("one sum for each", lambda light, labels: (light - 400).sum()),
    ("returns nothing", lambda light, labels: print(end="")),
)
def test_integrated(capsys, answer, hint):
    """Sums of what is above the median outside; each usual mistake gets its own hint."""
    assert hint in said(capsys, check.integrated, answer)
