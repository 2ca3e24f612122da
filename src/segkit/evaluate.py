"""Score a method, or somebody's label images, on the frames of a folder.

The measures are those of `segkit.score`, the files are read by `segkit.labelfiles`; here the
tables are made.
"""

import time
from pathlib import Path

import pandas as pd

from segkit import data, score
from segkit.labelfiles import label_reader, read_truth
from segkit.reading import read_frame


def evaluate(folder, *, split="validation", method=None, labels=None, progress=False):
    """Score each frame of a split.

    Parameters
    ----------
    folder : path-like
        A data set folder, with images, masks and the lists of the splits.
    split : {"training", "validation", "test", "all"}
        Which frames.
    method : str or callable, optional
        A method of `segkit.frame.segment`, or any function from a frame to labels.
    labels : path-like, optional
        Label images to score instead: exactly one of `method` and `labels` is given.
    progress : bool
        Draw a bar on the standard error.

    Returns
    -------
    table : pandas.DataFrame
        One row per frame: ``file`` (its stem), what `segkit.score.report` measures, and ``cpu_ms``,
        the processor time of the segmentation in milliseconds (NaN for `labels`).
        ``table.attrs["notes"]`` lists what a reader of the scores should know, such as the order
        that a stack was read in.

    Raises
    ------
    ValueError, OSError
        If there is nothing to score or files do not fit, with the file in the message.
    """
    if (method is None) == (labels is None):
        raise ValueError("Give either a method or label images to score, not both and not neither.")
    stems, images, masks = frames(folder, split)
    note = ""
    if method is None:
        read, note = label_reader(labels, folder, stems)
    else:
        segment = _segmenter(method, images)
    order = range(len(stems))
    if progress:
        from tqdm import tqdm

        order = tqdm(order, unit="frame", leave=False)
    rows = []
    for i in order:
        try:
            result, milliseconds = segment(i) if labels is None else (read(i), float("nan"))
            measures = score.report(read_truth(masks[i]), result)
        except ValueError as error:
            if stems[i] in str(error):
                raise
            msg = f"{stems[i]}: {error}"
            raise ValueError(msg) from error
        rows.append({"file": stems[i], **measures, "cpu_ms": milliseconds})
    table = pd.DataFrame(rows)
    table.attrs["notes"] = [note] if note else []
    if split != "all" and len(stems) != (count := len(data.listed(folder, split))):
        table.attrs["notes"].append(f"{len(stems)} of {count} listed frames are here")
    if labels is not None and table["found"].max() <= 1 < table["true"].max():
        table.attrs["notes"].append(
            "no label image holds more than one label: if these are masks, number their objects "
            "(skimage.measure.label)"
        )
    return table


def aggregate(table):
    """Sum up a table of `evaluate` for each threshold.

    Returns
    -------
    pandas.DataFrame
        ``threshold``, ``F1`` (mean over the frames that have one), ``worst`` (the lowest).
    """
    columns = [f"F1@{t:g}" for t in score.THRESHOLDS]
    return pd.DataFrame(
        {
            "threshold": score.THRESHOLDS,
            "F1": table[columns].mean().to_numpy(),
            "worst": table[columns].min().to_numpy(),
        }
    )


def summary(table):
    """Write a table of `evaluate` as text; the closing line is made for other programs.

    Examples
    --------
    >>> import numpy as np
    >>> truth = np.array([[1, 1, 0, 2, 2]])
    >>> table = pd.DataFrame([{"file": "a", **score.report(truth, truth)}])
    >>> print(summary(table).splitlines()[-1])
    frames=1 averageF1=1.0000 F1@0.5=1.0000 F1@0.7=1.0000 F1@0.9=1.0000
    """
    by_threshold = aggregate(table)
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


def frames(folder, split="all"):
    """Return the stems of a split, and the paths of their frames and masks.

    Raises
    ------
    ValueError, OSError
        If the split is empty or a frame has no mask.
    """
    stems = data.split(folder, split)
    if not stems:
        place = Path(folder) / "metadata" / f"{split}.txt"
        cure = "fetch its frames, or " if data.name(folder) == "BBBC039" else ""
        msg = f"No frame that {place} lists is in {folder}: {cure}take another split, or 'all'."
        raise ValueError(msg)
    wanted = set(stems)
    if len(wanted) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise ValueError(f"{folder} holds two frames named {twice}: keep one of them")
    images = [path for path in data.images(folder) if path.stem in wanted]
    return stems, images, data.masks(folder, split)


def _segmenter(method, images):
    """Return a function from the number of a frame to its labels and the milliseconds taken."""
    if not callable(method):
        from segkit import frame

        if method not in frame.METHODS:
            choices = ", ".join(frame.METHODS)
            raise ValueError(f"unknown method {method!r}: choose one of {choices}")
    call = method if callable(method) else lambda image: frame.segment(image, method=method)

    def segment(i):
        image = read_frame(images[i])
        if i == 0:  # The first call loads libraries: that is not the method's own time.
            call(image)
        start = time.process_time()
        labels = call(image)
        return labels, 1000 * (time.process_time() - start)

    return segment
