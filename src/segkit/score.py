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

Everything here works on plain label images; `segkit.evaluate` reads them from files.
"""

import numpy as np

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9)
"""The nine IoU thresholds of the protocol."""

COUNTED_AT = 0.7
"""IoU above which a nucleus counts as found in `report`."""

TOUCHED_AT = 0.1
"""IoU above which two objects count as parts of each other in `report`."""


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
    ValueError
        For an array that is not a 2-D picture, and for other colours.

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
    if mask.ndim == 3:
        if mask[..., 0].max() > 3 or mask[..., 1:3].any():
            raise ValueError(
                "This is a colour picture other than the data set's masks (red 1, 2, 3 only): save "
                "the labels themselves, as 16-bit grey levels."
            )
        mask = mask[..., 0]
    if mask.ndim != 2:
        msg = f"A mask has 2 axes, or 3 with its colour channels; this one has shape {mask.shape}."
        raise ValueError(msg)
    # Full connectivity: outlines drawn by hand meet at corners.
    return label(mask, connectivity=2).astype(np.int32)


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
    ValueError
        If the shapes differ, or either is not a label image.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> match(truth, np.array([[7, 0, 0, 9, 9]]))
    array([[0.5, 0. ],
           [0. , 1. ]])
    """
    truth, labels = _whole(truth), _whole(labels)
    if truth.shape != labels.shape:
        msg = (
            f"The labels have shape {labels.shape}, the truth {truth.shape}: "
            "score the frame that the labels were made from, at its full size."
        )
        raise ValueError(msg)
    # Most of a frame is background in both and tells nothing.
    either = np.flatnonzero((truth != 0) | (labels != 0))
    truth, true_count = _consecutive(truth.ravel()[either])
    labels, found_count = _consecutive(labels.ravel()[either])
    columns = found_count + 1
    # One number per pair of labels turns the 2-D histogram into one pass of bincount.
    pairs = np.bincount(truth * columns + labels, minlength=(true_count + 1) * columns)
    pairs = pairs.reshape(true_count + 1, columns)
    union = pairs.sum(axis=1)[1:, None] + pairs.sum(axis=0)[None, 1:] - pairs[1:, 1:]
    return pairs[1:, 1:] / union


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
    ValueError
        For a threshold below 0.5, where a nucleus could match twice, and as `match`.
    """
    return _f1(match(truth, labels), thresholds)


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


def _f1(iou, thresholds):
    thresholds = np.asarray(thresholds, dtype=float)
    if (thresholds < 0.5).any():
        raise ValueError("F1 needs thresholds of 0.5 or more: below that a nucleus matches twice.")
    if sum(iou.shape) == 0:
        return np.full(thresholds.shape, np.nan)
    # The best partner decides: above 0.5 there is at most one.
    best = iou.max(axis=1, initial=0)
    hits = (best[None] > thresholds[:, None]).sum(axis=1)
    return 2 * hits / sum(iou.shape)


def _whole(labels):
    """Return labels as an array of integers, none of them negative."""
    labels = np.asarray(labels)
    if labels.dtype == bool:
        raise ValueError("This is a mask, not labels: number its objects (skimage.measure.label).")
    if labels.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = labels.astype(np.int64)
        if not np.array_equal(whole, labels):
            raise ValueError("Labels must be whole numbers: save the label image, not a picture.")
        if whole.max(initial=0) > 2 / np.finfo(labels.dtype).eps:
            msg = f"{labels.dtype} cannot tell labels as large as these apart: save integers."
            raise ValueError(msg)
        labels = whole
    if labels.dtype.kind not in "iu":
        msg = f"Labels must be whole numbers, not {labels.dtype}: save the label image as integers."
        raise ValueError(msg)
    if labels.min(initial=0) < 0:
        raise ValueError("Labels must not be negative: 0 is the background, 1, 2 ... are objects.")
    return labels


def _consecutive(labels):
    """Renumber a flat array of labels 1..n; return it with n."""
    # A table is quickest, as long as the largest label stays near the number of pixels.
    if labels.max(initial=0) <= 8 * labels.size:
        used = np.bincount(labels, minlength=1) > 0
        used[0] = False
        numbers = np.cumsum(used)
        return np.where(used, numbers, 0)[labels], int(numbers[-1])
    # A 0 of another dtype would turn large labels into floats, and near ones into the same.
    values, labels = np.unique(np.append(labels.dtype.type(0), labels), return_inverse=True)
    return labels[1:], values.size - 1


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
    several = touched.sum(axis=0) > 1
    parts = touched.sum(axis=1) > 1
    of_truth = np.select(
        [found.any(axis=1), (touched & several).any(axis=1), parts],
        ["found", "merged", "split"],
        "missed",
    )
    of_objects = np.select(
        [found.any(axis=0), several, (touched & parts[:, None]).any(axis=0)],
        ["found", "merged", "split"],
        "extra",
    )
    return of_truth, of_objects
