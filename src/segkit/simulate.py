"""Frames like those of BBBC039, with their true nuclei, from a seed.

Nothing here is a photograph: `segkit.simulation.nuclei` draws the nuclei, optics and camera are
added below, and the folder is laid out as the real one. The figures that steer it were measured on
the training split of BBBC039 (Caicedo et al. 2019, Cytometry A, doi:10.1002/cyto.a.23863), so that
the frames teach the same lessons: uneven light, noise, debris, nuclei that touch, now and then an
empty field, and one so bright that the camera saturates.
"""

import json
import math
import re
from pathlib import Path

import numpy as np

from segkit import writing
from segkit.simulation import camera, nuclei, packing
from segkit.simulation.masking import encode_mask

VERSION = 1  # raise it whenever the same seed gives other frames
MOST = 21_064  # frames: as many as the wells A01 to P24 can name in order

# Counted from 0, and again every 72 frames: three of the 200 real fields are empty, too.
# 12 + 72k is for training, 21 + 72k for validation; the test split holds neither.
EMPTY, SATURATED, PERIOD = 12, 21, 72

# Quantiles over the fields of the training split that hold nuclei. The sparsest, 12 to 35 objects,
# are left out, so that the 5th percentile of 40 or more frames holds whatever the seed.
_LEVELS = (0, 0.03, 0.10, 0.25, 0.50, 0.75, 0.90, 0.97, 1)
_COUNT = (36, 46, 66, 94, 126, 142, 158, 175, 186)  # objects of 25 px or more
_BACKGROUND = (139, 142, 145, 147, 154, 162, 167, 169, 173)  # grey levels
_BRIGHTNESS = (285, 345, 365, 388, 476, 530, 578, 605, 650)  # median nucleus above background
_DEBRIS = 0.042  # of all objects

_MARK = "-5EED-"
_SPLITS = {"training": (0, 2), "validation": (1,), "test": (3,)}  # of each four frames
_LISTS = {*(f"{split}.txt" for split in _SPLITS), "filenames_and_plates.csv", "simulated.json"}
_NOTE = f"Simulated, not real cells: segkit, version {VERSION}"
_OURS = re.compile(rf"(images|masks)/IXMtest_\w+{_MARK}[0-9A-F-]+\.(tif|png)")


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
    _require(seed >= 0 and index >= 0, f"Seed {seed}, frame {index}: count from 0 up.")
    rng = np.random.Generator(np.random.PCG64(np.random.SeedSequence((seed, index))))
    crowd, dark, change, rest = _spread(seed, index)
    # Background and brightness rise together from frame to frame (rank correlation 0.87).
    # Folded back at 0 and 1, the sum is as evenly spread as its parts.
    bright = 1 - abs(1 - abs(dark + 0.4 * (change - 0.5)))
    count = round(np.interp(crowd, _LEVELS, _COUNT))
    background = np.interp(dark, _LEVELS, _BACKGROUND)
    brightness = np.interp(bright, _LEVELS, _BRIGHTNESS)
    if index % PERIOD == EMPTY:
        count = 0
    elif index % PERIOD == SATURATED:
        count, background, brightness = 46, _BACKGROUND[-1], 3300
    labels, signal = nuclei.draw(rng, count, int(_DEBRIS * count + rest), brightness)
    light = camera.optics(rng, signal, background - camera.OFFSET)
    return camera.expose(rng, light), labels


def _spread(seed, index):
    """Give four numbers in [0, 1) that fill it evenly over successive frames.

    Plain random numbers would leave the 5th percentile of forty frames to chance. The multiples
    of an irrational number, without their whole part, are spread far more evenly (Kronecker's
    sequence); the seed decides where they start.
    """
    start = np.random.default_rng(seed).random(4)
    return ((start + index * np.sqrt((2, 3, 5, 13))) % 1).tolist()


def stem(seed, index):
    """Name a frame, without an ending, in the pattern of BBBC039.

    Well and site rise with the index, so that names sort as frames do. The GUID holds the index,
    the mark ``5EED`` of a simulated frame, the version and the seed.

    Examples
    --------
    >>> stem(39, 1)
    'IXMtest_A03_s6_w100000001-5EED-0001-0000-000000000027'
    """
    _require(0 <= index < MOST, f"Frame {index}: only 0 to {MOST - 1} have names.")
    _require(0 <= seed < 2**64, f"Seed {seed}: give a number from 0 to 2**64 - 1.")
    # By the root, the first frames lie in many wells, as in the real set, and the last in P24.
    well, site = divmod(math.isqrt(567 * index), 9)
    row, column = divmod(well, 24)
    guid = f"{index:08X}{_MARK}{VERSION:04X}-{seed >> 48:04X}-{seed % 2**48:012X}"
    return f"IXMtest_{chr(ord('A') + row)}{column + 1:02d}_s{site + 1}_w1{guid}"


def write(into, *, frames=40, seed=39, progress=False):
    """Write simulated frames, their masks and lists in the layout of BBBC039.

    The same seed gives the same bytes. A run that was killed goes on where it stopped; simulated
    frames of another seed, number or version are replaced.

    Parameters
    ----------
    into : path-like
        The folder: gets ``images``, ``masks`` and ``metadata``.
    frames : int
        How many, 1 to 21,064; half for training, a quarter each for validation and test.
    seed : int
        Names the set.
    progress : bool
        Whether to draw a progress bar.

    Returns
    -------
    pathlib.Path
        The folder. If it is whole already, nothing is done.

    Raises
    ------
    ValueError
        If a number is out of range, or `into` holds anything but simulated frames.
    OSError
        If the folder cannot be written: one line that says what to do.
    """
    try:
        return _write(Path(into), frames, seed, progress)
    except OSError as error:
        raise OSError(writing.unwritable(error, into, choose="--into")) from error


def _write(into, frames, seed, progress):
    _require(1 <= frames <= MOST, f"{frames} frames: give a number from 1 to {MOST}.")
    stems = [stem(seed, index) for index in range(frames)]
    wanted = {f"images/{each}.tif" for each in stems} | {f"masks/{each}.png" for each in stems}
    note = into / "metadata" / "simulated.json"
    whole = json.dumps({"seed": seed, "frames": frames, "version": VERSION}).encode()
    noted = note.read_bytes() if note.exists() else None
    present = _present(into)
    if noted == whole and wanted <= present:
        return into
    if noted is not None:
        note.unlink(missing_ok=True)  # not whole from here until the end
    for name in present - wanted:
        (into / name).unlink(missing_ok=True)
    for part in ("images", "masks", "metadata"):
        (into / part).mkdir(parents=True, exist_ok=True)
    steps = range(frames)
    if progress:
        from tqdm.auto import tqdm

        steps = tqdm(steps, desc="Simulating", unit=" frames")
    for index in steps:
        image_name, mask_name = f"images/{stems[index]}.tif", f"masks/{stems[index]}.png"
        if not {image_name, mask_name} <= present:
            image, labels = frame(seed, index)
            writing.put(
                into / image_name, packing.tiff(image, f"{_NOTE}, seed {seed}, frame {index}")
            )
            writing.put(into / mask_name, packing.png(encode_mask(labels)))
    names = [f"{each}.png" for each in stems]
    for split, turns in _SPLITS.items():
        lines = [f"{name}\n" for index, name in enumerate(names) if index % 4 in turns]
        writing.put(into / "metadata" / f"{split}.txt", "".join(lines).encode())
    # Bare carriage returns, as in the official file; no plate stands behind these frames.
    plates = "\r".join(f"{name},00000" for name in names)
    writing.put(into / "metadata" / "filenames_and_plates.csv", plates.encode())
    writing.put(note, whole)
    return into


def _present(into):
    """List the simulated images and masks in a folder; refuse a folder that holds other things."""
    present = set()
    for path in into.rglob("*"):
        name = path.relative_to(into).as_posix()
        if _OURS.fullmatch(name):
            present.add(name)
        elif not (path.is_dir() or path.name.startswith(".") or path.name in _LISTS):
            raise ValueError(f"{into} holds {name}, no simulated frame: name a new folder.")
    return present


def _require(true, message):
    if not true:
        raise ValueError(message)
