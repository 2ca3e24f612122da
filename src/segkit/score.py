"""Score label images against the true masks.

The protocol is the one published with the BBBC039 masks: J. C. Caicedo et al., "Evaluation of
deep learning strategies for nucleus segmentation in fluorescence images", Cytometry A 95 (2019),
doi:10.1002/cyto.a.23863; code in carpenterlab/2019_Caicedo_CytometryA,
``unet4nuclei/utils/evaluation.py`` and ``unet4nuclei/04-evaluation.ipynb``:

- a true nucleus and a labelled object match where their intersection over union (IoU) is
  strictly greater than a threshold, so from 0.5 on nothing can match twice;
- for one frame F1 = 2 TP / (2 TP + FP + FN); its mean over the frames is taken at each of the
  nine thresholds 0.50, 0.55 ... 0.90, and the mean of those nine is the *average F1*;
- missed and extra objects are counted at IoU 0.7, split and merged ones at IoU > 0.1.

Where there is no true nucleus the published code gives 0. Here such a frame has no F1 (NaN, left
out of every mean) when nothing was labelled either, and 0 when something was.

`match`, `f1`, `report` and `outcomes` compare two label images. `evaluate` scores the frames of a
split: a method, the ``labels.ome.zarr`` of `segkit.run.segment`, or label images from any program,
as a folder with one TIFF or PNG per frame. A file belongs to the frame with the longest name that
the file's name begins with; an ending without digits may follow, such as ``_cp_masks``.
"""

import contextlib
import functools
import re
import time
from pathlib import Path

import numpy as np

from segkit import SegkitError, data, reading

#: The nine IoU thresholds of the protocol.
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
#: IoU above which a nucleus counts as found in `report`.
COUNTED_AT = 0.7
#: IoU above which two objects count as parts of each other in `report`.
TOUCHED_AT = 0.1


class ScoreError(SegkitError, ValueError):
    """What cannot be scored: the file, if there is one, what is wrong, and what to do."""


# ---- Label images of one frame


def match(truth, labels):
    """Measure how well each labelled object agrees with each true nucleus.

    Parameters
    ----------
    truth, labels : (rows, columns) arrays of integers
        0 is background. Labels need not be consecutive.

    Returns
    -------
    iou : (true nuclei, labelled objects) float64 array
        Intersection over union of every pair, in ascending order of the labels.

    Raises
    ------
    ScoreError
        If the shapes differ, or either is not a label image.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> match(truth, np.array([[7, 0, 0, 9, 9]]))
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    from skimage.segmentation import relabel_sequential

    truth, labels = _integers(truth), _integers(labels)
    if truth.shape != labels.shape:
        raise ScoreError(
            f"the labels have shape {labels.shape}, the truth {truth.shape}: give one label image "
            "of the same frame, at its full size"
        )
    truth, labels = (relabel_sequential(image)[0].astype(int) for image in (truth, labels))
    rows, columns = truth.max() + 1, labels.max() + 1
    # One number per pair of labels turns the 2-D histogram into one pass of bincount.
    pairs = np.bincount((truth * columns + labels).ravel(), minlength=rows * columns)
    pairs = pairs.reshape(rows, columns)
    union = pairs.sum(axis=1)[1:, None] + pairs.sum(axis=0)[None, 1:] - pairs[1:, 1:]
    return pairs[1:, 1:] / union


def _integers(labels):
    """Return labels as an array of integers, none of them negative."""
    labels = integers = np.asarray(labels)
    if labels.dtype == bool:
        raise ScoreError("this is a mask, not labels: number its objects (skimage.measure.label)")
    # Floats that are larger cannot tell neighbouring labels apart.
    if labels.dtype.kind == "f" and abs(labels).max(initial=0) <= 2 / np.finfo(labels.dtype).eps:
        integers = labels.astype(np.int64)
    if integers.dtype.kind not in "iu" or (integers != labels).any():
        raise ScoreError(f"these {labels.dtype} values are not labels: give integers, background 0")
    if integers.min(initial=0) < 0:
        raise ScoreError("labels must not be negative: 0 is the background, 1, 2 ... are objects")
    return integers


def f1(truth, labels, thresholds=THRESHOLDS):
    """F1 of one frame at each threshold.

    Parameters
    ----------
    truth, labels : (rows, columns) arrays of integers
        As for `match`.
    thresholds : sequence of float
        IoU that a match must exceed, each 0.5 or more.

    Returns
    -------
    scores : (thresholds,) float64 array
        NaN where there is neither a true nucleus nor a label; 0 where only one side is empty.

    Raises
    ------
    ScoreError
        For a threshold below 0.5, where a nucleus could match twice, and as `match`.
    """
    return _f1(match(truth, labels), thresholds)


def _f1(iou, thresholds):
    thresholds = np.asarray(thresholds, dtype=float)
    if (thresholds < 0.5).any():
        raise ScoreError("F1 needs thresholds of 0.5 or more: below that a nucleus matches twice")
    if sum(iou.shape) == 0:
        return np.full(thresholds.shape, np.nan)
    # The best partner decides: above 0.5 there is at most one.
    best = iou.max(axis=1, initial=0)
    hits = (best[None] > thresholds[:, None]).sum(axis=1)
    return 2 * hits / sum(iou.shape)


def report(truth, labels):
    """Everything that is measured on one frame.

    Parameters
    ----------
    truth, labels : (rows, columns) arrays of integers
        As for `match`.

    Returns
    -------
    measures : dict
        ``true`` and ``found`` (objects), ``count_error`` (found minus true), ``averageF1``,
        ``F1@0.5`` ... ``F1@0.9``, ``missed`` and ``extra`` (at IoU 0.7), ``split`` (true nuclei
        in several parts) and ``merged`` (objects over several nuclei), ``mean_iou`` (of the pairs
        that match at 0.5; NaN if there are none).
    """
    iou = match(truth, labels)
    scores = _f1(iou, THRESHOLDS)
    true_count, found_count = iou.shape
    counted, touched = iou > COUNTED_AT, iou > TOUCHED_AT
    matched = iou[iou > THRESHOLDS[0]]
    return {
        "true": true_count,
        "found": found_count,
        "count_error": found_count - true_count,
        "averageF1": float(scores.mean()),
        **{f"F1@{t:g}": float(s) for t, s in zip(THRESHOLDS, scores, strict=True)},
        "missed": int((~counted.any(axis=1)).sum()),
        "extra": int((~counted.any(axis=0)).sum()),
        "split": int((touched.sum(axis=1) > 1).sum()),
        "merged": int((touched.sum(axis=0) > 1).sum()),
        "mean_iou": float(matched.mean()) if matched.size else float("nan"),
    }


def outcomes(truth, labels):
    """Name the outcome of each true nucleus, and what each labelled object is.

    A nucleus is *found* if an object agrees with it (IoU > 0.7). If not, it is *merged* where an
    object that covers it covers another nucleus too (IoU > 0.1 with both), *split* where several
    objects cover it, and otherwise *missed*: not there, or badly outlined. An object has the same
    names, with *extra* instead of missed.

    Parameters
    ----------
    truth, labels : (rows, columns) arrays of integers
        As for `match`.

    Returns
    -------
    of_truth, of_objects : 1-D arrays of str
        In ascending order of the labels.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 2, 2, 0, 3, 3, 0, 4, 4]])
    >>> labels = np.array([[1, 1, 1, 1, 0, 2, 2, 0, 3, 4]])
    >>> for names in outcomes(truth, labels):
    ...     print(*names)
    merged merged found split
    merged found split split
    """
    iou = match(truth, labels)
    found, touched = iou > COUNTED_AT, iou > TOUCHED_AT
    several, parts = touched.sum(axis=0) > 1, touched.sum(axis=1) > 1
    names = ["found", "merged", "split"]
    conditions = [found.any(axis=1), (touched & several).any(axis=1), parts]
    of_truth = np.select(conditions, names, "missed")
    conditions = [found.any(axis=0), several, (touched & parts[:, None]).any(axis=0)]
    of_objects = np.select(conditions, names, "extra")
    return of_truth, of_objects


# ---- Frames of a folder


def evaluate(folder, *, split="validation", method=None, labels=None):
    """Score each frame of a split.

    Parameters
    ----------
    folder : path-like
        A data set folder, with images, masks and the lists of the splits.
    split : {"training", "validation", "test", "all"}
        Which frames.
    method : str or callable, optional
        As for `segkit.frame.segment`.
    labels : path-like, optional
        Label images to score instead: exactly one of `method` and `labels` is given.

    Returns
    -------
    table : pandas.DataFrame
        One row per frame: ``file`` (its stem), what `report` measures, and ``cpu_ms``, the
        processor time of the segmentation in milliseconds (NaN for `labels`).
        ``table.attrs["notes"]`` lists what a reader of the scores should know, such as how many
        frames are missing.

    Raises
    ------
    ScoreError, DataError, FrameError
        If there is nothing to score or files do not fit, with the file in the message.
    """
    import pandas as pd
    from tqdm import tqdm

    from segkit import frame

    if (method is None) == (labels is None):
        raise ScoreError("give either a method (--method) or label images (--labels)")
    files, masks, notes = _frames(folder, split)
    if labels is None:
        call = functools.partial(frame.segment, method=method)
        images = map(reading.read_frame, files)
    else:
        call, images = np.asarray, _label_images(Path(labels), folder, files)
    rows = []
    bar = {"total": len(files), "unit": "frame", "leave": False, "disable": None}  # on a terminal
    for file, mask, image in tqdm(zip(files, masks, images, strict=True), **bar):
        truth = read_truth(mask)
        try:
            if not rows:  # The first call loads libraries: that is not the method's own time.
                call(image)
            start = time.process_time()
            found = call(image)
            cpu = time.process_time() - start if labels is None else float("nan")
            rows.append({"file": file.stem, **report(truth, found), "cpu_ms": 1000 * cpu})
        except ValueError as error:
            raise ScoreError(f"{file.stem}: {error}") from error
    table = pd.DataFrame(rows)
    if labels is not None and table["found"].max() <= 1 < table["true"].max():
        notes.append(
            "no label image holds more than one label: if these are masks, number their objects "
            "(skimage.measure.label)"
        )
    table.attrs["notes"] = notes
    return table


def summary(table):
    """Write a table of `evaluate` as text; the closing line is made for other programs.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> table = pd.DataFrame([{"file": "a", **report(truth, truth)}])
    >>> print(summary(table).splitlines()[-1])
    frames=1 averageF1=1.0000 F1@0.5=1.0000 F1@0.7=1.0000 F1@0.9=1.0000
    """
    import pandas as pd

    scores = table[[f"F1@{t:g}" for t in THRESHOLDS]]
    columns = {"F1": scores.mean().to_numpy(), "worst": scores.min().to_numpy()}
    by_threshold = pd.DataFrame({"threshold": THRESHOLDS, **columns})
    lines = [by_threshold.to_string(index=False, float_format="{:.4f}".format), ""]
    counts = table[["true", "found", "missed", "extra", "split", "merged"]].sum()
    lines.append(" ".join(f"{name}={int(count)}" for name, count in counts.items()))
    if table["averageF1"].notna().any():
        worst = table.loc[table["averageF1"].idxmin()]
        lines.append(f"worst frame: averageF1={worst['averageF1']:.4f} {worst['file']}")
    lines += table.attrs.get("notes", [])
    means = [f"F1@{t:g}={table[f'F1@{t:g}'].mean():.4f}" for t in (0.5, 0.7, 0.9)]
    average = by_threshold["F1"].mean()
    lines.append(f"frames={len(table)} averageF1={average:.4f} {' '.join(means)}")
    return "\n".join(lines)


def _frames(folder, split):
    """Return the paths of the frames of a split and of their masks, and notes on them."""
    stems, notes = set(data.split(folder, split)), []
    if not stems:
        place = Path(folder) / "metadata" / f"{split}.txt"
        raise ScoreError(f"{folder} holds no frame of {place}: add them, or take another split")
    if split != "all" and len(stems) != (count := len(data.listed(folder, split))):
        notes.append(f"{len(stems)} of {count} listed frames are here")
    files = [path for path in data.images(folder) if path.stem in stems]
    return files, data.masks(folder, split), notes


def _label_images(labels, folder, files):
    """Return an iterator over the label images of frames, each read when its turn comes."""
    if not labels.is_dir():
        raise ScoreError(
            f"{labels} is not a folder: give one with a TIFF or PNG per frame, under its name, or "
            "the labels.ome.zarr of a run"
        )
    if (labels / "zarr.json").exists():
        return _stored_labels(labels, files)
    return map(read_labels, _label_files(labels, folder, files))


def _stored_labels(store, files):
    """Yield the label images of frames from the store that `segkit.run.segment` wrote."""
    import zarr
    from pyarrow import parquet

    listed = store.parent / "files.parquet"
    if not listed.is_file():
        raise ScoreError(f"{store} is not of a segkit run: save one TIFF or PNG per frame instead")
    with _naming(store):
        array = zarr.open_array(store / "0", mode="r")
        names = map(data.nfc, parquet.read_table(listed)["file"].to_pylist())
        rows = {name: row for row, name in enumerate(names)}
    for file in files:
        if data.nfc(file.name) not in rows:
            raise ScoreError(f"{store} holds no labels of {file.name}: segment all frames again")
        with _naming(store):
            image = array[rows[data.nfc(file.name)]]
        yield image


def _label_files(labels, folder, files):
    """Return the one file of each frame among those in a folder of label images."""
    frames = data.images(folder)
    taken = {path.resolve() for path in frames}  # they may lie there too
    known, found = {data.nfc(path.stem) for path in frames}, {}
    for path in sorted(labels.iterdir()):
        if path.suffix.lower() in (".tif", ".tiff", ".png") and path.resolve() not in taken:
            name = data.nfc(path.stem)
            cuts = [end.start() for end in re.finditer(r"[ ._-]|$", name)]
            owner = next((name[:cut] for cut in reversed(cuts) if name[:cut] in known), name)
            if not re.search(r"\d", name[len(owner) :]):  # A01_2 is not of A01, frame or not
                found.setdefault(owner, []).append(path)
    for stem in [file.stem for file in files]:
        mine = found.get(data.nfc(stem), [])
        if len(mine) > 1:
            names = ", ".join(path.name for path in mine)
            raise ScoreError(f"{labels} holds several label images for {stem}: keep one of {names}")
        if not mine:
            raise ScoreError(
                f"{labels} has no label image for {stem}: save it as {stem}.tif or {stem}.png; an "
                "ending without digits may follow the name, such as _cp_masks"
            )
    return [found[data.nfc(file.stem)][0] for file in files]


# ---- Files


def decode_mask(mask):
    """Turn one of the data set's colour masks into labels.

    The red channel holds 0 (background) and 1..3, a map colouring: touching nuclei have
    different colours, so each connected patch of one colour is one nucleus.

    Parameters
    ----------
    mask : (rows, columns) or (rows, columns, channels) array of integers
        The mask file as read, or its first channel.

    Returns
    -------
    labels : (rows, columns) int32 array
        1..n for the nuclei, 0 for the background.

    Raises
    ------
    ScoreError
        For an array that is not a 2-D image, and for other colours.

    Examples
    --------
    >>> import numpy as np
    >>> decode_mask(np.array([[1, 1, 2, 2, 0], [1, 1, 2, 2, 0], [0, 0, 0, 0, 1]]))
    array([[1, 1, 2, 2, 0],
           [1, 1, 2, 2, 0],
           [0, 0, 0, 0, 3]], dtype=int32)
    """
    from skimage.measure import label

    mask = np.asarray(mask)
    if mask.ndim == 3 and mask.shape[2] <= 4:
        if mask[..., 0].max() > 3 or mask[..., 1:3].any():
            raise ScoreError(
                "other colours than those of the data set's masks (red 1, 2 and 3 only); save the "
                "labels themselves, as 16-bit grey levels"
            )
        mask = mask[..., 0]
    if mask.ndim != 2:
        raise ScoreError(f"shape {mask.shape}, not one mask; give (rows, columns[, channels])")
    # Full connectivity: outlines drawn by hand meet at corners.
    return label(mask, connectivity=2).astype(np.int32)


def read_truth(path):
    """Read the true labels of one frame from its mask.

    Parameters
    ----------
    path : path-like
        A PNG: a mask in the data set's own colours (see `decode_mask`), labels as grey levels,
        each in one piece, or one grey level for all objects.

    Returns
    -------
    (rows, columns) int32 array
        1..n for the objects, 0 for the background.

    Raises
    ------
    ScoreError
        If the file is damaged, has other colours, could be read in two ways, or its background is
        not 0.
    """
    mask = read_labels(path)
    with _naming(path):
        truth = decode_mask(mask)
        levels, pieces = np.unique(mask[mask > 0]).size, truth.max()
        if 1 < levels < pieces:
            raise ScoreError(
                f"{levels} grey levels in {pieces} pieces; save labels as 16-bit grey levels, one "
                "level per object, each object in one piece"
            )
        around = {*truth[0]} & {*truth[-1]} & {*truth[:, 0]} & {*truth[:, -1]}
        if any(around) or (levels == 1 < pieces and (truth > 0).mean() > 0.5):
            raise ScoreError("the background is not 0; invert the mask, or label it with 0")
    return truth


def read_labels(path):
    """Read a label image from a TIFF or PNG.

    A colour PNG is read as a mask in the data set's own colours.

    Returns
    -------
    (rows, columns) ndarray

    Raises
    ------
    ScoreError, FrameError
        If the file is damaged or holds something else, with its name and the cure.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        with reading.open_page(path) as page:
            return page.asarray()
    import imagecodecs

    with _naming(path):
        image = imagecodecs.png_decode(path.read_bytes())
        return decode_mask(image) if image.ndim == 3 else image


@contextlib.contextmanager
def _naming(path):
    """Make one line of any error, with the name of the file."""
    try:
        yield
    except ScoreError as error:
        raise ScoreError(f"{path}: {error}") from error
    except Exception as error:  # a damaged file leads the readers into a dozen kinds
        reason = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise ScoreError(f"{path} cannot be read ({reason}): copy it or save it again") from error
