"""Area, mean intensity and centroid of every nucleus of a frame, in one pass."""

import numpy as np

from segkit import device
from segkit.methods import dispatch


def _batch(image, labels):
    """Measure NumPy frames one by one, CuPy's all at once."""
    if device.module(image, labels) is not np:
        from segkit.methods import gpu

        return gpu.columns(image, labels)
    parts = [columns(*pair) for pair in zip(image, labels, strict=True)]
    counts = [len(part["label"]) for part in parts]
    table = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {"frame": np.repeat(np.arange(len(parts), dtype=np.int32), counts), **table}


def columns(image, labels):
    """Measure all nuclei of a frame, or of each frame of a batch.

    The pixels of a nucleus lie in runs along the rows. Summing each run first leaves a tenth of
    the numbers to be sorted by nucleus.

    Parameters
    ----------
    image : (..., rows, columns) ndarray
    labels : (..., rows, columns) ndarray of int
        0 is background; the numbers need not be consecutive.

    Returns
    -------
    dict of (nuclei,) ndarray, CuPy's if these arrays are
        label (int32), area (int64, pixels), mean_intensity (float64, grey levels), centroid_row
        and centroid_col (float64, pixels); for a batch also, first, frame (int32, place in it).

    Examples
    --------
    >>> found = columns(np.array([[5, 0, 0], [7, 0, 9]]), np.array([[1, 0, 0], [1, 0, 4]]))
    >>> found["label"].tolist(), found["area"].tolist(), found["mean_intensity"].tolist()
    ([1, 4], [2, 1], [6.0, 9.0])
    """
    if not dispatch.one_frame(image, labels):
        return _batch(image, labels)
    flat, width = labels.ravel(), labels.shape[1]
    pixels = np.flatnonzero(flat != 0)
    owner = flat[pixels]
    begins = np.ones(len(pixels), bool)
    begins[1:] = (np.diff(pixels) != 1) | (np.diff(owner) != 0) | (pixels[1:] % width == 0)
    start = np.flatnonzero(begins)
    owner = owner[start].astype(np.intp)
    length = np.diff(start, append=len(pixels))
    row, first = np.divmod(pixels[start], width)
    light = np.add.reduceat(image.ravel()[pixels], start, dtype=np.float64)

    area = np.bincount(owner, weights=length).astype(np.int64)
    number = np.flatnonzero(area)
    area = area[number]

    def mean(sums):
        return np.bincount(owner, weights=sums)[number] / area

    return {
        "label": number.astype(np.int32),
        "area": area,
        "mean_intensity": mean(light),
        "centroid_row": mean(row * length),
        "centroid_col": mean((first + (length - 1) / 2) * length),
    }
