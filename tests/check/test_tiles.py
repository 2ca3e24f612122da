"""The checks of notebook 11."""

import numpy as np
from answers import said, tried
from skimage.measure import regionprops

from segkit.check import tiles as check


def by(place):
    """Return a rule: the labels of which a place, in the view, lies in the core."""

    def owned(found, core):
        begin, end = np.transpose([(part.start, part.stop) for part in core])
        nuclei = [one for one in regionprops(found) for at in [np.array(place(one))]]
        return [n.label for n in nuclei if all(begin <= place(n)) and all(place(n) < end)]

    return owned


def complete(found, core):
    """Return the labels that have no pixel outside the core."""
    outside = found.copy()
    outside[core] = 0
    return np.setdiff1d(found[core], outside)


@tried(
    ("Right.", by(lambda one: one.coords[0])),
    ("Right.", lambda found, core: set(by(lambda one: one.coords[0])(found, core))),
    ("have a pixel in the core", lambda found, core: np.unique(found[core])[1:]),
    ("lie in the core completely", complete),
    ("have their centre", by(lambda one: one.centroid)),
    ("the corner of the box", by(lambda one: one.bbox[:2])),
    ("their last pixel", by(lambda one: one.coords[-1])),
    ("0 is the background", lambda found, core: np.unique(found[core])),
    ("more than once", lambda found, core: found[core][found[core] > 0]),
    ("an image or a table", lambda found, core: found[core]),
    ("0 labels are too many", lambda found, core: []),
    ("the function returns nothing", lambda found, core: None),
    ("the function itself", 3),
)
def test_owned(capsys, answer, hint):
    """The first pixel decides; each other rule gets its own hint."""
    assert hint in said(capsys, check.owned, answer)


@tried(
    ("Right.", 64, 64.0),
    ("with 32 pixels 2 of them differ", 32),
    ("a smaller one is too", 128),
    ("choose one of [16, 32, 64, 128]", 50),
    ("one number is asked for", [64], None),
)
def test_smallest_margin(capsys, answer, hint):
    """Of the margins with which nothing differs, the smallest."""
    assert hint in said(capsys, check.smallest_margin, answer, {16: 9, 32: 2, 64: 0, 128: 0})
