"""The checks of notebook 10, on a few simulated frames."""

import re

import numpy as np
import pandas as pd
import pytest
from answers import said, tried
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.segmentation import watershed

from segkit import frame, simulate
from segkit.check import splitting as check


@pytest.fixture(autouse=True)
def few_frames(tmp_path_factory, monkeypatch):
    """Put frames in use of which a few are for training."""
    folder = tmp_path_factory.getbasetemp() / "splitting"
    if not folder.is_dir():
        simulate.write(folder / "BBBC039", frames=8, seed=3)
    monkeypatch.setenv("SEGKIT_DATA", str(folder))


HITS = pd.Series([True, False, True, False, False, True, False, True, False], list("ABCDEFGHI"))


@tried(
    ("Right.", 0.6, np.float64(3 / 5)),
    ("the number of your hits", 3),
    ("the recall", 0.75),
    ("a percentage", 60),
    ("are not hits", 0.4),
    ("among all fields", 4 / 9),
    ("divides by all fields", 3 / 9),
    ("count the hits", 0.5, 1),
    ("one number is asked for", HITS, "0.6", None),
)
def test_precision(capsys, answer, hint):
    """The share of the chosen fields passes; recall, counts and other shares get own hints."""
    assert hint in said(capsys, check.precision, answer, "ABCDF", HITS)


@pytest.mark.parametrize("chosen", ["ABCD", "AABCD", "ABCDX", "abcde", ["A", "B"], 5, None])
def test_precision_needs_five_letters(capsys, chosen):
    """Too few, repeated or unknown letters are named; any order and a list will do."""
    assert "Not yet: " in said(capsys, check.precision, 0.6, chosen, HITS)
    assert said(capsys, check.precision, 0.6, list("FDCBA"), HITS) == "Right.\n"


# Rows are nuclei: one found, two split (in 3 and in 2), one in none; the last three in one object.
IOU = np.zeros((7, 7))
IOU[0, [0, 6]] = 0.9, 0.05
IOU[1, 1:4] = 0.3, 0.3, 0.2
IOU[2, 4:6] = 0.4, 0.3
IOU[4:, 6] = 0.3


@tried(
    ("Right.", ((IOU > 0.1).sum(axis=1) > 1).sum(), 2),
    ("the merged ones", ((IOU > 0.1).sum(axis=0) > 1).sum()),
    ("two or more", (IOU > 0.1).any(axis=1).sum()),
    ("the pairs", (IOU > 0.1).sum()),
    ("count the nuclei", (IOU > 0.1)[1:3].sum()),
    ("a pixel in common", ((IOU > 0).sum(axis=1) > 1).sum()),
    ("of type ndarray of 7 values", (IOU > 0.1).sum(axis=1) > 1),
    ("entries above 0.1", 100, 3.7),
)
def test_split_nuclei(capsys, answer, hint):
    """The number of split nuclei passes; merged ones, pairs and touches get their own hints."""
    assert hint in said(capsys, check.split_nuclei, answer, IOU)


def specks(image):
    """Otsu's nuclei, and a speck of one pixel in every sixteenth row and column."""
    labels = frame.segment(image, method="otsu")
    rows, columns = np.indices(image.shape)
    speck = (rows % 16 == 0) & (columns % 16 == 0) & (labels == 0)
    labels[speck] = 1000 + np.arange(speck.sum())
    return labels


def crumbs(image):
    """Cut every object of `watershed` along a grid of eight pixels."""
    rows, columns = np.indices(image.shape) // 8
    return np.where(frame.segment(image, method="watershed"), 1 + 100 * rows + columns, 0)


def thin(image):
    """Tell the nuclei apart, and draw them much too thin."""
    labels = frame.segment(image, method="watershed")
    return np.where(ndimage.distance_transform_edt(labels > 0) > 2, labels, 0)


def lower(image):
    """Label what is above a lower threshold than Otsu's: better outlines, nothing split."""
    level = 0.75 * threshold_otsu(image) + 0.25 * np.median(image)
    return ndimage.label(ndimage.gaussian_filter(image, 1) > level)[0]


def flooded(image):
    """Forget the mask of the watershed."""
    mask = image > threshold_otsu(image)
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    peaks = mask & (height == ndimage.maximum_filter(height, 15))
    return watershed(-height, ndimage.label(peaks)[0])


@tried(
    ("Right.", lambda image: frame.segment(image, method="watershed")),
    ("beats Otsu's, but", lower),
    ("no pixel is background", flooded),
    ("touching ones need splitting", lambda image: frame.segment(image, method="otsu")),
    ("no object", lambda image: np.zeros(image.shape, int)),
    ("F1 0.0000 on 4 training frames, and Otsu has 0.", lambda image: np.zeros(image.shape, int)),
    ("one object per frame", lambda image: (image > threshold_otsu(image)).astype(int)),
    ("a mask, not labels", lambda image: image > threshold_otsu(image)),
    ("at its full size", lambda image: frame.segment(image)[::2]),
    ("look at the small ones", specks),
    ("too many seeds", crumbs),
    ("the outlines are poorer", thin),
)
def test_beats_otsu(capsys, answer, hint):
    """More than `otsu`, by splitting, passes; each way to fall short gets its own hint."""
    assert hint in said(capsys, check.beats_otsu, answer)


def test_beats_otsu_leaves_the_frame_alone(capsys):
    """A function that writes into the frame it is given does not change what otsu sees."""

    def careless(image):
        labels = frame.segment(image, method="otsu")
        image[:] = 0
        return labels

    mine, otsu = re.findall(r"0\.\d{4}", said(capsys, check.beats_otsu, careless))
    assert mine == otsu > "0.5"
