"""Checks for notebook 11: which nuclei belong to a tile, and the smallest margin."""

import numpy as np

from segkit import check


def _view():
    """Return a label image, whose numbers have gaps and no order, and the place of its core."""
    found = np.zeros((90, 100), np.int32)
    corners = {7: (30, 30), 3: (5, 40), 12: (14, 50), 4: (66, 58), 9: (40, 10), 5: (50, 76)}
    corners |= {8: (80, 85), 15: (10, 6), 2: (66, 76), 6: (12, 76), 14: (70, 20), 10: (20, 30)}
    for label, (row, column) in corners.items():
        found[row : row + 8, column : column + 8] = label
    found[60, 10:19] = found[61:65, 18:26] = 11  # begins left of the core, and lies mostly inside
    found[19, 66] = found[20:28, 62:70] = 13  # so above it
    found[46, 18] = found[47:54, 8:19] = 16  # begins inside, and lies mostly outside
    return found, np.s_[20:70, 15:80]


@check.exercise
def owned(function):
    """Check a function of labels and core that returns the labels which begin in the core."""
    found, core = _view()
    answer = check.called(function, found.copy(), core)
    values = check.computed(list(answer) if isinstance(answer, (set, tuple)) else answer)
    if values.ndim > 1:
        return "that is an image or a table: return the labels, each once."
    answer = set(values.ravel().tolist())
    if 0 in answer:
        return "0 is the background, and not a nucleus."
    if len(answer) < values.size:
        return "a label comes more than once: each nucleus has one row."
    low, high = np.transpose([(part.start, part.stop) for part in core])
    pixels = {label: np.argwhere(found == label) for label in np.unique(found)[1:].tolist()}

    def those(place):
        """Return the labels of which a place, such as the first pixel, lies in the core."""
        places = {label: place(where) for label, where in pixels.items()}
        return {label for label, at in places.items() if (low <= at).all() and (at < high).all()}

    right, corners = those(lambda where: where[0]), those(lambda where: where.min(axis=0))
    mistakes = [
        (
            set(np.unique(found[core]).tolist()) - {0},
            "those have a pixel in the core: a nucleus on a cut would have a row in each tile.",
        ),
        (
            corners & those(lambda where: where.max(axis=0)),
            "those lie in the core completely: a nucleus on a cut would have no row at all.",
        ),
        (
            those(lambda where: where.mean(axis=0)),
            "those have their centre in the core: as good a rule, but the number is a first pixel.",
        ),
        (corners, "the corner of the box around a nucleus may be none of its pixels."),
        (those(lambda where: where[-1]), "those have their last pixel in the core."),
    ]
    hints = [hint for labels, hint in mistakes if answer == labels]
    if answer == right or hints:
        return None if answer == right else hints[0]
    extra, missing = sorted(answer - right), sorted(right - answer)
    return (
        f"in a view made for the check, {len(extra)} labels are too many, {len(missing)} missing."
    )


@check.exercise
def smallest_margin(answer, differing):
    """Check the smallest margin with which no object differs.

    Parameters
    ----------
    answer : number
    differing : dict of int to int
        How many objects differ, by margin.
    """
    exact = sorted(margin for margin, count in differing.items() if count == 0)
    mistakes = [
        (margin, f"with {margin} pixels {count} of them differ.")
        for margin, count in differing.items()
        if count
    ]
    mistakes += [(margin, "that is enough, but a smaller one is too.") for margin in exact[1:]]
    return check.recognise(answer, exact[0], mistakes, f"choose one of {sorted(differing)}.")
