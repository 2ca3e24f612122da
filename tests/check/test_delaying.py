"""The checks of notebook 08 tell right answers from the usual wrong ones."""

import dask
import numpy as np
import pandas as pd
import pytest
import tifffile
from answers import in_use, said, tried
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit.check import delaying as check


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Twelve small frames with different numbers of bright spots, as the data set in use."""
    frames = np.full((12, 40, 60), 100, np.uint16)
    for spot in range(12):
        row, column = divmod(spot, 4)
        frames[spot:, 3 + 10 * row : 9 + 10 * row, 3 + 14 * column : 10 + 14 * column] = 900
    return in_use(monkeypatch, tmp_path, frames)


def nuclei(path):
    """Return a table of the spots of a file."""
    smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
    count = ndimage.label(smoothed > threshold_otsu(smoothed))[1]
    table = pd.DataFrame({"label": np.arange(1, count + 1)})
    return table.assign(area=42, mean_intensity=900.0, file=path.name)


def several(paths):
    """Return one table of several files."""
    return pd.concat([nuclei(path) for path in paths])


def concat(paths, **options):
    """Return a lazy table of several files that are measured at once."""
    return dask.delayed(pd.concat)([nuclei(path) for path in paths], **options)


def parts(files):
    """Return batches of five files."""
    return [files[i : i + 5] for i in range(0, len(files), 5)]


def in_batches(files, size):
    """Return a list of Delayed, one for each batch of files."""
    return [dask.delayed(several)(files[i : i + size]) for i in range(0, len(files), size)]


@tried(
    ("Right.", (24, 1, 2)),
    ("what is handed to it", (3, 1, 2)),
    ("share what they read", (8, 1, 2)),
    ("not eight", (64, 1, 2)),
    ("count the calls", (5, 1, 2)),
    ("how often does one task run", (24, 2, 2)),
    ("when the first compute has ended", (24, 1, 1)),
)
def test_opened(capsys, files, answer, hint):
    """Each call with the array reads eight files; a task runs once per compute."""
    assert hint in said(capsys, check.opened, *answer)


@tried(
    ("Right.", lambda files: in_batches(files, 5)),
    ("one Delayed: make a list", lambda files: dask.delayed(several)(files)),
    ("wrap the function, not its result", lambda files: [several(files[:5]), several(files[5:])]),
    ("there already", lambda files: [dask.delayed(several(part)) for part in parts(files)]),
    ("not called yet", lambda files: [dask.delayed(several)] * 3),
    ("this is of type list", lambda files: [files[:5], files[5:10], files[10:]]),
    ("one file per task", lambda files: in_batches(files, 1)),
    ("2 tasks", lambda files: in_batches(files, 6)),
    ("[15, 40, 23] were expected", lambda files: in_batches(files, 4)),
    ("of type list: put its tables", lambda files: [dask.delayed(list)(files)] * 3),
    ("files were read before", lambda files: [concat(part) for part in parts(files)]),
    ("files were read before", lambda files: [concat(part, names=part) for part in parts(files)]),
    ("files were read before", lambda files: dask.persist(*in_batches(files, 5))),
    ("'area' is missing", lambda files: [part[["label"]] for part in in_batches(files, 5)]),
)
def test_batches(capsys, files, answer, hint):
    """Five, five, two; each usual mistake about batches has a hint of its own."""
    assert hint in said(capsys, check.batches, answer(files))


def counts(files):
    """Return a Delayed number for each file."""
    return [dask.delayed(len)(dask.delayed(nuclei)(path)) for path in files]


@tried(
    ("Right.", lambda files: dask.delayed(sum)(counts(files[:6]))),
    ("Right.", lambda files: sum(counts(files[:6]))),
    ("one more delayed call", lambda files: counts(files[:6])),
    ("not computed yet; this is of type int", lambda files: 21),
    ("one number", lambda files: dask.delayed(several)(files[:6])),
    ("78 comes out", lambda files: dask.delayed(sum)(counts(files))),
    ("for the single files", lambda files: dask.delayed(len)(dask.delayed(several)(files[:6]))),
    ("results are there already", lambda files: dask.delayed(21)),
    ("files were read before", lambda files: concat(files[:6])),
)
def test_total(capsys, files, answer, hint):
    """A delayed sum, or the sum of Delayed; each usual mistake has a hint of its own."""
    assert hint in said(capsys, check.total, answer(files))
