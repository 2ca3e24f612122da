"""Frames like those of BBBC039, with their true nuclei, from a seed.

Nothing here is a photograph: nuclei are drawn and packed, then seen through optics and a camera,
and the folder is laid out as the real one. The figures that steer it were measured on the training
split of BBBC039 (Caicedo et al. 2019, Cytometry A, doi:10.1002/cyto.a.23863), so that the frames
teach the same lessons: uneven light, noise, debris, nuclei that touch, now and then an empty
field, and one so bright that the camera saturates.

The frames fill plates of 24 wells, A01 to D06, two plates side by side with the same treatment in
the same well. In up to two wells, which depend on the seed, the cells differ from all others: few
and large, or many and small.
"""

import functools
import io
import json
import re
from math import cos, hypot, pi, sin, sqrt
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

from segkit import writing

VERSION = 2  # raise it whenever the same seed gives other frames
SHAPE = ROWS, COLUMNS = 520, 696  # of a frame, pixels

# Frames counted from 0, and again with every two plates. None of these is in the test split.
WELLS = 24  # of a plate: 4 rows, 6 columns
EMPTY, SATURATED = 12, 21
HITS = {"few and large": (14, 1.7), "many and small": (260, 0.6)}  # objects; areas, times these

# Quantiles over the fields of the training split that hold nuclei. The sparsest, 12 to 35 objects,
# are left out, so that the 5th percentile of 40 or more frames holds whatever the seed.
_FIELD = (0, 0.03, 0.10, 0.25, 0.50, 0.75, 0.90, 0.97, 1)
_COUNT = (36, 46, 66, 94, 126, 142, 158, 175, 186)  # objects of 25 px or more
_BACKGROUND = (139, 142, 145, 147, 154, 162, 167, 169, 173)  # grey levels
_BRIGHTNESS = (285, 345, 365, 388, 476, 530, 578, 605, 650)  # median nucleus above background
_DEBRIS = 0.042  # of all objects

# Quantiles over the nuclei that do not reach the border of their frame.
_NUCLEI = (0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1)
_AREA = (130, 190, 354, 460, 565, 670, 805, 940, 1020, 1280, 1700)  # pixels
_RATIO = (0.30, 0.37, 0.44, 0.48, 0.55, 0.65, 0.75, 0.83, 0.88, 0.95, 0.99)  # minor / major axis
_SMALLEST, _NUCLEUS = 25, 100  # pixels: the smallest object; objects below the second are debris
_TRIES = 60  # places to try for an object
_TILE = 512  # pixels: side of a random field

# The camera: variance = _GAIN * (grey level - OFFSET) + _READ, fitted to the real background.
OFFSET, _GAIN, _READ = 100, 0.346, 2.6
_LOWEST, _HIGHEST = 110, 4095

NOTE = "metadata/simulated.json"  # written last: the set is complete
_ORIGIN = f"Simulated, not real cells: segkit, version {VERSION}"
_SPLITS = {"training": (0, 2), "validation": (1,), "test": (3,)}  # of each four frames
_PICTURE = re.compile(r"(images|masks)/IXMtest_\w+-5EED-[0-9A-F-]+\.(tif|png)")
_LIST = re.compile(rf"{NOTE}|metadata/(filenames_and_plates\.csv|({'|'.join(_SPLITS)})\.txt)")


def frame(seed, index):
    """Simulate one frame.

    Parameters
    ----------
    seed : int
        Names the set of frames.
    index : int
        Which frame of the set, from 0. A frame does not depend on how many others are made.

    Returns
    -------
    image : (520, 696) array of uint16
        Grey levels of a 12-bit camera, 110 to 4095.
    labels : (520, 696) array of int32
        The true objects, 1 to n, debris included; 0 is background.

    Raises
    ------
    ValueError
        If `seed` or `index` is negative.

    Examples
    --------
    >>> image, labels = frame(39, 0)
    >>> image.shape, image.dtype, labels.dtype
    ((520, 696), dtype('uint16'), dtype('int32'))
    >>> int(frame(39, 12)[1].max())  # an empty field
    0
    """
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index))))
    crowd, dark, change, rest = _spread(seed, index)
    # Background and brightness rise together from frame to frame (rank correlation 0.87).
    # Folded back at 0 and 1, the sum is as evenly spread as its parts.
    bright = 1 - abs(1 - abs(dark + 0.4 * (change - 0.5)))
    count, size = round(np.interp(crowd, _FIELD, _COUNT)), 1.0
    background = np.interp(dark, _FIELD, _BACKGROUND)
    brightness = np.interp(bright, _FIELD, _BRIGHTNESS)
    special = index % (2 * WELLS)
    if special == EMPTY:
        count = 0
    elif special == SATURATED:
        count, background, brightness = 46, _BACKGROUND[-1], 3300
    elif kind := hits(seed).get(position(index)[1]):
        count, size = HITS[kind]
    labels, signal = draw(rng, count, int(_DEBRIS * count + rest), brightness, size=size)
    return expose(rng, optics(rng, signal, background - OFFSET)), labels


def hits(seed):
    """Return the wells whose cells differ from all others, on both plates of a pair.

    Parameters
    ----------
    seed : int

    Returns
    -------
    dict
        The kind of each hit by its well. There is one of each kind, or with the same probability
        none, in any well but those of the empty and the saturated frame. Seed 39, that of the
        notebooks, has both.

    Examples
    --------
    >>> hits(39)
    {'B03': 'few and large', 'C05': 'many and small'}
    >>> hits(2)
    {'C02': 'many and small'}
    """
    if seed == 39:
        return dict(zip(("B03", "C05"), HITS, strict=True))
    rng = np.random.default_rng((seed, WELLS))
    usual = [position(2 * n)[1] for n in range(WELLS) if n not in (EMPTY // 2, SATURATED // 2)]
    wells = rng.choice(usual, len(HITS), replace=False).tolist()
    return {well: kind for well, kind in zip(wells, HITS, strict=True) if rng.random() < 0.5}


def _spread(seed, index):
    """Return four numbers in [0, 1) that fill it evenly over successive frames.

    Plain random numbers would leave the 5th percentile of forty frames to chance. The fractional
    parts of the multiples of an irrational number are spread far more evenly (Kronecker's
    sequence); the seed decides where they start.
    """
    start = np.random.default_rng(seed).random(4)
    return ((start + index * np.sqrt((2, 3, 5, 13))) % 1).tolist()


# Nuclei: where they lie, their outlines, their texture


def draw(rng, count, debris, brightness, *, size=1.0):
    """Draw the objects of one frame.

    Parameters
    ----------
    rng : numpy.random.Generator
    count, debris : int
        How many objects, and how many of them are debris, of 25 to 99 px.
    brightness : float
        Of the median nucleus, grey levels above the background.
    size : float, optional
        Factor on the areas of the nuclei.

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
    taken = np.zeros((3, 2 + count))  # row, column, radius
    # Cells leave patches of the glass bare, the more so the fewer they are.
    taken[2, :2] = rng.uniform(0, 280 * max(0, 1 - count / 180), 2)
    taken[:2, :2] = rng.random((2, 2)) * np.reshape(SHAPE, (2, 1))
    drawn = []
    for cell in _cells(rng, count, debris, brightness, size):
        beside = cell["beside"] and drawn
        for _ in range(_TRIES):
            others = taken[:, : 2 + len(drawn)]
            place = _beside(rng, drawn, cell) if beside else _free(rng, others, cell)
            if place is None:
                continue
            where, distance = _outline(cell, place)
            there = labels[where]
            inside = distance < 1
            seen = inside & (there == 0)  # those already there lie on top
            if _fits(cell, inside, seen, there, beside):
                taken[:, 2 + len(drawn)] = (*place, cell["radius"])
                drawn.append(cell | {"place": place})
                there[seen] = len(drawn)
                signal[where] += _light(cell, distance, inside, seen)
                break
    return labels, signal


def _cells(rng, count, debris, brightness, size):
    """Return the features of each object, drawn at random: a list of dicts, debris last."""
    area = np.maximum(size * np.interp(rng.random(count), _NUCLEI, _AREA), _AREA[0])
    ratio = np.interp(rng.random(count), _NUCLEI, _RATIO)
    level = brightness * np.exp(0.23 * rng.standard_normal(count))
    bend = 0.09 * rng.standard_normal(count)
    rough = np.full(count, 0.055)
    # Chains of touching nuclei are commoner where it is crowded.
    beside = rng.random(count) < 0.145 * np.sqrt(count / 125)
    kind = rng.random(count)
    lobed = kind < 0.06
    rough[lobed], bend[lobed] = 0.25, 3 * bend[lobed]
    level[(kind > 0.06) & (kind < 0.09)] *= 0.5  # thin, or out of focus
    mitotic = kind > 0.977  # condensed: small and bright
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
        "row": rng.integers(0, _TILE - 150, count),
        "column": rng.integers(0, _TILE - 150, count),
    }
    # Plain Python numbers leave the float32 arrays that they meet at float32.
    values = zip(*(each.tolist() for each in features.values()), strict=True)
    return [dict(zip(features, row, strict=True)) for row in values]


def _free(rng, taken, cell):
    """Return a place away from all that is taken, or None if a few tries find none."""
    rows, columns, radii = taken
    tries = rng.random((6, 2)) * (ROWS + 16, COLUMNS + 16) - 8
    down, right = tries[:, :1] - rows, tries[:, 1:] - columns
    clear = (down * down + right * right > (radii + cell["radius"] + 2) ** 2).all(axis=1)
    return tuple(tries[clear.argmax()].tolist()) if clear.any() else None


def _beside(rng, drawn, cell):
    """Return a place from which the cell just reaches one that is already drawn."""
    other = drawn[rng.integers(len(drawn))]
    angle = rng.uniform(0, 2 * pi)
    apart = rng.uniform(0.8, 0.97) * (_radius(other, angle) + _radius(cell, angle))
    return other["place"][0] + apart * sin(angle), other["place"][1] + apart * cos(angle)


def _radius(cell, angle):
    """Return the radius of the cell's ellipse in one direction."""
    turn = angle - cell["tilt"]
    major, minor = cell["major"], cell["minor"]
    return major * minor / hypot(minor * cos(turn), major * sin(turn))


def _outline(cell, place):
    """Return the part of the frame that a cell may cover, and there a distance, 1 at its outline.

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
    along = (right * (cosine / major) + down * (sine / major)) ** 2
    across = (down * (cosine / minor) - right * (sine / minor) + cell["bend"] * along) ** 2
    distance = (1 - 0.15 * along) * across + along  # a little blunter than an ellipse
    return tuple(where), distance + cell["rough"] * _window(1, cell, distance)


def _fits(cell, inside, seen, there, beside):
    """Tell whether a cell may lie here: its size, its neighbours, its being one piece."""
    area = np.count_nonzero(seen)
    if not (_SMALLEST <= area < _NUCLEUS if cell["debris"] else area >= _NUCLEUS):
        return False
    touched = set(there[ndimage.binary_dilation(seen, np.ones((3, 3)))].tolist()) - {0}
    if beside and not (1 <= len(touched) <= 2 and area > 0.75 * np.count_nonzero(inside)):
        return False
    return bool(beside or not touched) and ndimage.label(seen)[1] == 1


def _light(cell, distance, inside, seen):
    """Return the light of a cell: brighter in its middle, grainy, some with dark nucleoli."""
    grain, lumps = _window(0, cell, seen), _window(1, cell, seen)
    light = cell["grain"] * grain + (cell["lumps"] * lumps + 1)
    if cell["nucleoli"]:
        light -= 0.6 * np.clip(lumps - 1, 0, 1)
    light *= 1.3 - cell["dome"] * distance
    light *= cell["level"] / (1.3 - 0.5 * cell["dome"])  # the mean of the distance is a half
    # What lies under another nucleus is hidden from the truth, but may shine through.
    return light * (inside if cell["through"] else seen)


def _window(which, cell, like):
    """Cut this cell's window, of the shape of `like`, out of one of the two random fields."""
    row, column = cell["row"], cell["column"]
    return _fields()[which][row : row + like.shape[0], column : column + like.shape[1]]


@functools.cache
def _fields():
    """Make two smooth random fields, mean 0 and SD 1: chromatin, and the unrest of an outline."""
    rng = np.random.default_rng(0)

    def smooth(sigma, weight=1.0):
        noise = ndimage.gaussian_filter(rng.standard_normal((_TILE, _TILE)), sigma, mode="wrap")
        return weight * noise / noise.std()

    chromatin, unrest = smooth(0.6) + smooth(1.6, 0.6), smooth(6.0)
    return [(field / field.std()).astype(np.float32) for field in (chromatin, unrest)]


# The microscope and its camera: from the light of the nuclei to a frame of grey levels


def optics(rng, signal, background):
    """Blur the nuclei, add glow and haze, light it unevenly; grey levels above the offset.

    Parameters
    ----------
    rng : numpy.random.Generator
    signal : (520, 696) array of float32
        Light of the nuclei, in grey levels.
    background : float
        Grey levels above the offset.

    Returns
    -------
    (520, 696) array of float32
    """
    # Most light falls within a Gaussian of 1 px; a quarter of it glows over 5 px and a little over
    # 12 px. What is that wide is smooth, and a quarter of the resolution does for it.
    coarse = signal.reshape(ROWS // 4, 4, COLUMNS).sum(axis=1)
    coarse = coarse.reshape(ROWS // 4, COLUMNS // 4, 4).sum(axis=2) / 16
    wide = 0.23 * ndimage.gaussian_filter(coarse, 1) + 0.05 * ndimage.gaussian_filter(coarse, 3)
    haze = rng.standard_normal(coarse.shape, dtype=np.float32)
    wide += 70 * ndimage.gaussian_filter(haze, 9, truncate=2)
    light = 0.855 * ndimage.gaussian_filter(signal, 1, truncate=3)
    light += _enlarged(_enlarged(wide.T).T)
    light += background
    # Brightest a little below the middle, as the real frames are.
    down = 1.07 - 0.60 * (np.linspace(-0.6, 0.4, ROWS) + rng.normal(0, 0.04)) ** 2
    right = 1.01 - 0.15 * (np.linspace(-0.5, 0.5, COLUMNS) + rng.normal(0, 0.1)) ** 2
    light *= down[:, None].astype(np.float32)
    light *= right.astype(np.float32)
    return np.maximum(light, 0, out=light)


def _enlarged(coarse):
    """Make four rows of each by linear interpolation."""
    padded = np.concatenate((coarse[:1], coarse, coarse[-1:]))
    fine = np.empty((len(coarse), 4, coarse.shape[1]), np.float32)
    for step in range(4):
        start, share = divmod(0.625 + 0.25 * step, 1)
        low, high = padded[int(start) : -1], padded[int(start) + 1 :]
        fine[:, step] = (low + share * (high - low))[: len(coarse)]
    return fine.reshape(-1, coarse.shape[1])


def expose(rng, light):
    """Take the picture: shot and read noise, integer grey levels, 12 bits.

    Parameters
    ----------
    rng : numpy.random.Generator
    light : (rows, columns) array of float32
        Grey levels above the offset, as `optics` returns them.

    Returns
    -------
    (rows, columns) array of uint16
    """
    noise = rng.standard_normal(light.shape, dtype=np.float32) * np.sqrt(light * _GAIN + _READ)
    return np.rint(noise + light + OFFSET).clip(_LOWEST, _HIGHEST).astype(np.uint16)


# Masks


def encode_mask(labels):
    """Colour labels as the masks of BBBC039 are coloured.

    Parameters
    ----------
    labels : (rows, columns) array of int
        Objects 1 to n, each one 8-connected piece; 0 is background.

    Returns
    -------
    (rows, columns, 4) array of uint8
        Red is 1, 2 or 3 in objects, never the same in two that touch, be it at a corner; green
        and blue are 0, alpha is 255. So equal red values that touch are one object.

    Raises
    ------
    ValueError
        If three colours are not found to be enough.

    Examples
    --------
    >>> encode_mask(np.array([[1, 1, 0, 0], [2, 2, 0, 3]]))[..., 0]
    array([[2, 2, 0, 0],
           [1, 1, 0, 1]], dtype=uint8)
    """
    import networkx

    # Smallest last: the object with the fewest neighbours is taken away, again and again, and all
    # are coloured in the opposite order. Each then meets two at most, so three colours do.
    colours = networkx.greedy_color(touching(labels), "smallest_last")
    reds = np.ones(labels.max(initial=0) + 1, np.uint8)
    reds[0] = 0
    for one, colour in colours.items():
        if colour > 2:
            raise ValueError(f"object {one} and those it touches need more than three colours")
        reds[one] = colour + 1
    red = reds[labels]
    return np.stack((red, 0 * red, 0 * red, np.full_like(red, 255)), axis=-1)


def touching(labels):
    """Return the graph of the objects that touch others, at sides or corners (networkx.Graph)."""
    import networkx

    graph = networkx.Graph()
    width = labels.shape[1] + 1
    flat = np.pad(labels, ((0, 0), (0, 1))).ravel()  # an empty column keeps the rows apart
    for step in (1, width - 1, width, width + 1):
        one, other = flat[:-step], flat[step:]
        meet = (one != other) & (one > 0) & (other > 0)
        graph.add_edges_from(set(zip(one[meet].tolist(), other[meet].tolist(), strict=True)))
    return graph


# Files: the same bytes every time, with no date, program name or guessed filter


def position(index):
    """Return the plate, the well and the site of a frame.

    Two plates are filled side by side, well by well, so that the names of up to 48 frames sort as
    the frames do.

    Examples
    --------
    >>> position(0), position(1), position(47), position(48)
    (('00001', 'A01', 1), ('00002', 'A01', 1), ('00002', 'D06', 1), ('00003', 'A01', 2))
    """
    pair, within = divmod(index, 2 * WELLS)
    well, side = divmod(within, 2)
    row, column = divmod(well, 6)
    return f"{2 * pair + side + 1:05d}", f"{'ABCD'[row]}{column + 1:02d}", pair % 9 + 1


def stem(seed, index):
    """Name a frame, without an ending, in the pattern of BBBC039.

    The GUID holds the index, the mark ``5EED`` of a simulated frame, the version and the seed.

    Examples
    --------
    >>> stem(39, 1)
    'IXMtest_A01_s1_w100000001-5EED-0002-0000-000000000027'
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed {seed} is out of range: choose 0 to 2**64 - 1")
    _, well, site = position(index)
    guid = f"{index:08X}-5EED-{VERSION:04X}-{seed >> 48:04X}-{seed % 2**48:012X}"
    return f"IXMtest_{well}_s{site}_w1{guid}"


def files(seed, frames):
    """Yield the files of a set, in the layout of BBBC039.

    Parameters
    ----------
    seed, frames : int
        As for `write`.

    Yields
    ------
    name : str
        Relative to the folder of the set.
    content : bytes
    """
    stems = [stem(seed, index) for index in range(frames)]
    for index in range(frames):
        image, labels = frame(seed, index)
        yield f"images/{stems[index]}.tif", _tiff(image, f"{_ORIGIN}, seed {seed}, frame {index}")
        yield f"masks/{stems[index]}.png", _png(encode_mask(labels))
    for split, turns in _SPLITS.items():
        lines = [f"{name}.png\n" for index, name in enumerate(stems) if index % 4 in turns]
        yield f"metadata/{split}.txt", "".join(lines).encode()
    # Bare carriage returns, as in the official file.
    plates = [f"{name}.png,{position(index)[0]}" for index, name in enumerate(stems)]
    yield "metadata/filenames_and_plates.csv", "\r".join(plates).encode()


def _tiff(image, note):
    """Pack a frame as TIFF in uncompressed strips of 5 rows, as the real ones are."""
    file = io.BytesIO()
    look = {"byteorder": "<", "rowsperstrip": 5, "metadata": None, "software": False}
    tifffile.imwrite(file, image, photometric="minisblack", description=note, **look)
    return file.getvalue()


def _png(mask):
    """Pack a mask as PNG."""
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "PNG", compress_level=1)
    return file.getvalue()


def write(into, *, frames=48, seed=39):
    """Write simulated frames, their masks and lists in the layout of BBBC039.

    The same seed gives the same bytes. Frames of a run that was killed, or of another seed, number
    or version, are replaced.

    Parameters
    ----------
    into : path-like
        The folder: gets ``images``, ``masks`` and ``metadata``.
    frames : int
        How many; half for training, a quarter each for validation and test. 48 fill two plates.
    seed : int
        Names the set.

    Returns
    -------
    pathlib.Path
        The folder. If it is complete already, nothing is done.

    Raises
    ------
    ValueError
        If a number is out of range, or `into` holds anything but simulated frames.
    OSError
        If the folder cannot be written: one line that says what to do.
    """
    if frames < 1:
        raise ValueError(f"cannot simulate {frames} frames: choose 1 or more")
    into, note = Path(into), {"seed": seed, "frames": frames, "version": VERSION}
    stems = [stem(seed, index) for index in range(frames)]
    wanted = {f"images/{name}.tif" for name in stems} | {f"masks/{name}.png" for name in stems}
    try:
        present = _present(into)
        if wanted <= present and made(into) == note:
            return into
        (into / NOTE).unlink(missing_ok=True)  # not complete from here until the end
        for name in present - wanted:
            (into / name).unlink(missing_ok=True)
        for name, content in files(seed, frames):
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            writing.put(into / name, content)
        writing.put(into / NOTE, json.dumps(note).encode())
    except OSError as error:
        raise OSError(writing.unwritable(error, into, choose="--into")) from error
    return into


def _present(into):
    """Return the names of a folder's simulated pictures; refuse a folder that holds other files."""
    present = set()
    for path in into.rglob("*"):
        name = path.relative_to(into).as_posix()
        if _PICTURE.fullmatch(name):
            present.add(name)
        elif not (path.is_dir() or path.name.startswith(".") or _LIST.fullmatch(name)):
            raise ValueError(f"{into} holds {name}, not a simulated frame: choose a new folder")
    return present


def made(into):
    """Return seed, frames and version of a complete set, {} where there is none."""
    try:
        known = json.loads((Path(into) / NOTE).read_bytes())
        return {key: int(known[key]) for key in ("seed", "frames", "version")}
    except (OSError, ValueError, TypeError, KeyError):
        return {}
