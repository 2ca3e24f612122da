"""Draw the nuclei of one simulated frame: where they lie, their outlines, their texture.

A room beside `segkit.simulate`, which adds optics, camera and files: here is the biology only.
Sizes, shapes and shares were measured on the training split of BBBC039.
"""

from math import cos, hypot, pi, sin, sqrt

import numpy as np

from segkit.simulation import shapes

SHAPE = (520, 696)  # rows and columns of a frame, pixels

# Quantiles over the nuclei that do not reach the border of their frame.
_LEVELS = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
_AREA = (130, 190, 354, 460, 565, 670, 805, 940, 1020, 1280, 1700)  # pixels
_RATIO = (0.30, 0.37, 0.44, 0.48, 0.55, 0.65, 0.75, 0.83, 0.88, 0.95, 0.99)  # minor / major axis

_SMALLEST, _NUCLEUS = 25, 100  # pixels: the smallest object; objects below the second are debris
_TRIES = 60


def draw(rng, count, debris, brightness):
    """Draw the objects of one frame.

    Parameters
    ----------
    rng : numpy.random.Generator
    count, debris : int
        How many objects, and how many of them are debris, of 25 to 99 px.
    brightness : float
        Of the median nucleus, grey levels above the background.

    Returns
    -------
    labels : (520, 696) array of int32
        Objects 1 to `count`, debris last, each one 4-connected piece; 0 is background. An
        object for which no place is found is left out. Each touches, at sides or corners, at
        most two that were drawn before it: so three colours tell all neighbours apart.
    signal : (520, 696) array of float32
        Their light before any blur, grey levels.

    Examples
    --------
    >>> labels, signal = draw(np.random.default_rng(3), 20, 2, 500.0)
    >>> area = np.bincount(labels.ravel())[1:]
    >>> len(area), (area < 100).sum()
    (20, np.int64(2))
    """
    labels, signal = np.zeros(SHAPE, np.int32), np.zeros(SHAPE, np.float32)
    # Cells leave patches of the glass bare, the more so the fewer they are.
    bare = rng.uniform(0, 280 * max(0, 1 - count / 180), 2)
    taken = np.zeros((3, 2 + count))  # row, column, radius
    taken[0, :2], taken[1, :2] = rng.random((2, 2)) * np.reshape(SHAPE, (2, 1))
    taken[2, :2] = bare
    drawn = []
    for cell in _cells(rng, count, debris, brightness):
        for _ in range(_TRIES):
            beside = cell["beside"] and drawn
            place = (
                _beside(rng, drawn, cell)
                if beside
                else _free(rng, taken[:, : 2 + len(drawn)], cell)
            )
            if place is None:
                continue
            where, distance = _outline(cell, place)
            there = labels[where]
            inside = distance < 1
            seen = inside & (there == 0)  # those already there lie on top
            if not _fits(cell, inside, seen, there, beside):
                continue
            taken[:, 2 + len(drawn)] = (*place, cell["radius"])
            drawn.append(cell | {"place": place})
            there[seen] = len(drawn)
            signal[where] += _light(cell, distance, inside, seen)
            break
    return labels, signal


def _cells(rng, count, debris, brightness):
    """Give the features of each object, drawn by lot: a list of dicts, debris last."""
    area = np.interp(rng.random(count), _LEVELS, _AREA)
    ratio = np.interp(rng.random(count), _LEVELS, _RATIO)
    level = brightness * np.exp(0.23 * rng.standard_normal(count))
    bend = 0.09 * rng.standard_normal(count)
    rough = np.full(count, 0.055)
    # Chains of touching nuclei are commoner where it is crowded.
    beside = rng.random(count) < 0.145 * np.sqrt(count / 125)
    lot = rng.random(count)
    lobed = lot < 0.06
    rough[lobed], bend[lobed] = 0.25, 3 * bend[lobed]
    level[(lot > 0.06) & (lot < 0.09)] *= 0.5  # thin, or out of focus
    mitotic = lot > 0.977  # condensed: small and bright
    area[mitotic] = rng.uniform(140, 400, count)[mitotic]
    level[mitotic] *= rng.uniform(1.8, 3.2, count)[mitotic]
    rough[mitotic] = 0.15
    last = slice(count - debris, count)
    area[last] = rng.uniform(28, 96, debris)
    ratio[last] = rng.uniform(0.4, 1, debris)
    level[last] = brightness * np.exp(rng.normal(-0.35, 0.65, debris))
    beside[last] = False
    minor = np.sqrt(area * ratio / pi)
    features = {
        "debris": np.arange(count) >= count - debris,
        "major": minor / ratio,
        "minor": minor,
        "radius": np.sqrt(area / pi),
        "tilt": rng.uniform(0, pi, count),
        "bend": bend.clip(-0.5, 0.5),
        "rough": rough,
        "beside": beside,
        "level": level,
        "dome": rng.uniform(0.05, 0.85, count),
        "grain": 0.15 * np.exp(0.2 * rng.standard_normal(count)),
        "lumps": 0.1 * np.abs(rng.standard_normal(count)),
        "nucleoli": rng.random(count) < 0.15,
        "through": rng.random(count) < 0.4,
        "row": rng.integers(0, shapes.TILE - 150, count),
        "column": rng.integers(0, shapes.TILE - 150, count),
    }
    # Plain Python numbers leave the float32 arrays that they meet at float32.
    values = zip(*(each.tolist() for each in features.values()), strict=True)
    return [dict(zip(features, row, strict=True)) for row in values]


def _free(rng, taken, cell):
    """Give a place away from all that is taken, or None if a few tries find none."""
    rows, columns, radii = taken
    tries = rng.random((6, 2)) * (SHAPE[0] + 16, SHAPE[1] + 16) - 8
    down, right = tries[:, :1] - rows, tries[:, 1:] - columns
    clear = (down * down + right * right > (radii + cell["radius"] + 2) ** 2).all(axis=1)
    return tuple(tries[clear.argmax()].tolist()) if clear.any() else None


def _beside(rng, drawn, cell):
    """Give a place from which the cell just reaches one that is already drawn."""
    other = drawn[rng.integers(len(drawn))]
    angle = rng.uniform(0, 2 * pi)
    apart = rng.uniform(0.8, 0.97) * (_reach(other, angle) + _reach(cell, angle))
    return other["place"][0] + apart * sin(angle), other["place"][1] + apart * cos(angle)


def _reach(cell, angle):
    """Give the radius of the cell's ellipse in one direction."""
    turn = angle - cell["tilt"]
    major, minor = cell["major"], cell["minor"]
    return major * minor / hypot(minor * cos(turn), major * sin(turn))


def _outline(cell, place):
    """Give the part of the frame that a cell may cover, and there a distance, 1 at its rim.

    The distance is that of an ellipse, squared; bent, it becomes a kidney, and a smooth random
    field makes it irregular.
    """
    major, minor, cosine, sine = cell["major"], cell["minor"], cos(cell["tilt"]), sin(cell["tilt"])
    where, axes = [], []
    for middle, size, one, other in zip(place, SHAPE, (sine, cosine), (cosine, sine), strict=True):
        # The random field stays above -4; 2 px more hold the bend and a ring to see neighbours in.
        reach = sqrt(1 + 4 * cell["rough"]) * hypot(major * one, minor * other) + 2
        start = min(size, max(0, int(middle - reach)))
        stop = max(start, min(size, int(middle + reach) + 2))
        where.append(slice(start, stop))
        axes.append(np.arange(start - middle, stop - middle - 0.5, dtype=np.float32))
    down, right = axes[0][:, None], axes[1]
    along = right * (cosine / major) + down * (sine / major)
    across = down * (cosine / minor) - right * (sine / minor)
    along *= along
    across += cell["bend"] * along
    across *= across
    distance = -0.15 * along  # a little blunter than an ellipse
    distance += 1
    distance *= across
    distance += along
    distance += cell["rough"] * _window(1, cell, distance)
    return tuple(where), distance


def _fits(cell, inside, seen, there, beside):
    """Tell whether a cell may lie here: its size, its neighbours, its being one piece."""
    area = np.count_nonzero(seen)
    if not (_SMALLEST <= area < _NUCLEUS if cell["debris"] else area >= _NUCLEUS):
        return False
    touched = there[shapes.grown(seen)]
    touched = set(touched[touched > 0].tolist())
    if beside and not (1 <= len(touched) <= 2 and area > 0.75 * np.count_nonzero(inside)):
        return False
    return bool(beside or not touched) and shapes.one_piece(seen)


def _light(cell, distance, inside, seen):
    """Give the light of a cell: brighter in its middle, grainy, some with dark nucleoli."""
    grain, lumps = _window(0, cell, seen), _window(1, cell, seen)
    light = cell["grain"] * grain + (cell["lumps"] * lumps + 1)
    if cell["nucleoli"]:
        light -= 0.6 * np.clip(lumps - 1, 0, 1)
    light *= 1.3 - cell["dome"] * distance
    light *= cell["level"] / (1.3 - 0.5 * cell["dome"])  # the mean of the distance is a half
    # What lies under another nucleus is hidden from the truth, but may shine through.
    light *= inside if cell["through"] else seen
    return light


def _window(which, cell, like):
    """Cut this cell's window, of the shape of `like`, out of one of the two random fields."""
    row, column = cell["row"], cell["column"]
    return shapes.fields()[which][row : row + like.shape[0], column : column + like.shape[1]]
