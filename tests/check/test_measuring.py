"""The checks of notebook 05 tell right answers from the usual wrong ones."""

import dask
import numpy as np
import pandas as pd
import pytest
from answers import discs_in_use, said, tried
from dask_image import ndmeasure
from scipy import ndimage

from segkit.check import measuring as check


@pytest.fixture
def areas(tmp_path, monkeypatch):
    """Put three small frames in use; return the areas in each of them."""
    return [table["area"].to_numpy() for table in discs_in_use(monkeypatch, tmp_path)]


def integrated(image, labels, count, *, first=1, beyond=1, background=np.median, what="sum_labels"):
    """Sum, or measure otherwise, what is above the background, for labels `first` to `count`."""
    above = image - background(image[labels == 0])
    return getattr(ndimage, what)(above, labels, np.arange(first, count + beyond))


def nothing(pixels):
    """Return 0 for the background, whatever it is."""
    return 0


def once(image, labels, count):
    """Subtract the background from the sums."""
    sums = integrated(image, labels, count, background=nothing)
    return sums - np.median(image[labels == 0])


@tried(
    ("Right.", integrated, lambda *frame: pd.Series(integrated(*frame)).round()),
    ("label 0", lambda *frame: integrated(*frame, first=0)),
    ("label 0", lambda *frame: integrated(*frame, first=0, beyond=0)),
    ("the last nucleus", lambda *frame: integrated(*frame, beyond=0)),
    ("image[labels == 0]", lambda *frame: integrated(*frame, background=lambda x: 1)),
    ("still in these sums", lambda *frame: integrated(*frame, background=nothing)),
    ("not once per nucleus", once),
    ("with the background", lambda *frame: integrated(*frame, background=nothing, what="mean")),
    ("sums are asked for", lambda *frame: integrated(*frame, what="mean")),
    (
        "label 0 only",
        lambda image, *rest: integrated(image, *rest, background=lambda _: np.median(image)),
    ),
    ("the median of label 0", lambda *frame: integrated(*frame, background=np.mean)),
    ("one sum over all", lambda *frame: integrated(*frame).sum()),
    ("variables of the notebook", lambda image, labels, count: np.ones(271)),
)
def test_integrated(capsys, answer, hint):
    """The sum above the median of label 0, of labels 1 to count; each slip has its hint."""
    assert hint in said(capsys, check.integrated, answer)


def both(images, labels, index):
    """Return area and mean, lazy."""
    return ndmeasure.area(images, labels, index), ndmeasure.mean(images, labels, index)


def persisted(images, labels, n, *, first=1, beyond=1, measures=both):
    """Measure labels `first` to n, each chunk made once."""
    images, labels, n = dask.persist(images, labels, n)
    return dask.compute(*measures(images, labels, np.arange(first, int(n) + beyond)))


def number_first(images, labels, n):
    """Compute n by itself, and persist then."""
    n = int(n)
    images, labels = dask.persist(images, labels)
    return dask.compute(*lazily(images, labels, n))


def lazily(images, labels, n):
    """Neither persist nor compute."""
    return both(images, labels, np.arange(1, int(n) + 1))


def sums(*answer):
    """Return area and sum of the grey levels, lazy."""
    return ndmeasure.area(*answer), ndmeasure.sum_labels(*answer)


@tried(
    ("Right.", persisted),
    ("still lazy", lazily),
    ("the last nucleus", lambda *lazy: persisted(*lazy, beyond=0)),
    ("background", lambda *lazy: persisted(*lazy, first=0)),
    ("variables of the notebook", lambda *lazy: persisted(*lazy, first=2)),
    ("swapped", lambda *lazy: persisted(*lazy)[::-1]),
    ("1 came back", lambda *lazy: persisted(*lazy)[:1]),
    ("these are sums", lambda *lazy: persisted(*lazy, measures=sums)),
    ("mean intensities: ", lambda images, labels, n: persisted(labels, labels, n)),
    ("in memory before you measure", lambda *lazy: dask.compute(*lazily(*lazy))),
    ("before, or apart from", number_first),
)
def test_measure(capsys, answer, hint):
    """Everything persisted together, index 1 to n, computed; each trap has a hint of its own."""
    assert hint in said(capsys, check.measure, answer)


def across(areas):
    """Return the diameter in micrometres of a circle of each area in pixels."""
    return 2 * np.sqrt(np.concatenate(areas) / np.pi) * 0.645


@tried(
    ("Right.", lambda d: d, lambda d: d.round(4).tolist(), lambda d: d.round(1)),
    ("these are pixels", lambda d: d / 0.645),
    ("these are radii.", lambda d: d / 2, lambda d: (d / 2).round(2)),
    ("radii, and in pixels", lambda d: d / 2 / 0.645),
    ("squared", lambda d: d * 0.645),
    ("larger or smaller", lambda d: d / 0.645**2),
    ("areas", lambda d: np.pi * (d / 2) ** 2),
    ("squares", lambda d: d * np.sqrt(np.pi) / 2),
    ("the shape is", lambda d: d[:-1]),
    ("as they are in the table", lambda d: np.pi * (d / 2 / 0.645) ** 2),
    ("solve for d", lambda d: np.pi * (d / 2 / 0.645) ** 2 * 0.645),
    ("values differ", lambda d: d + 1, lambda d: d + 0.1),
    ("one decimal at least", lambda d: d.round()),
)
def test_diameter(capsys, areas, answer, hint):
    """Twice the radius, in micrometres; each usual slip with units has a hint of its own."""
    assert hint in said(capsys, check.diameter, answer(across(areas)))


def right(areas):
    """Return the right counts."""
    return [int((a >= 32).sum()) for a in areas]


@tried(
    ("Right.", right, lambda areas: pd.Series(right(areas))),
    ("Right.", lambda areas: {place: right(areas)[place] for place in (2, 0, 1)}),
    ("the smallest included", lambda areas: [len(a) for a in areas]),
    ("the others are asked for", lambda areas: [int((a < 32).sum()) for a in areas]),
    ("2 numbers", lambda areas: right(areas)[:2]),
    ("another order", lambda areas: right(areas)[::-1]),
    ("whole numbers", lambda areas: [count + 0.4 for count in right(areas)]),
    ("in all three frames", lambda areas: sum(right(areas))),
    ("three numbers are asked for", lambda areas: 7000),
    ("the next frame's", lambda areas: [100, 100, 100]),
    ("take one column", lambda areas: pd.DataFrame({"label": [3, 2, 4], "area": [3, 2, 4]})),
)
def test_counts(capsys, areas, answer, hint):
    """Any three numbers in order will do; each usual miscount has a hint of its own."""
    assert hint in said(capsys, check.counts, answer(areas))


def test_counts_asks_for_an_area_that_occurs(capsys, simulated_frames, monkeypatch):
    """In the frames of the exercise an object of exactly the limit shows a strict comparison."""
    monkeypatch.setenv("SEGKIT_DATA", str(simulated_frames.parent))
    above = [int((table["area"] > 32).sum()) for table in check._tables()]
    assert "exactly 32" in said(capsys, check.counts, above)
