"""Checks for the exercises of notebook 10."""

import numpy as np
import pandas as pd

from segkit import data, frame, score
from segkit.check import exercise
from segkit.reading import read_frame
from segkit.score import read_truth

FRAMES = 5  # of the validation list


@exercise
def iou_of_masks(function):
    """Find the fault in a function that returns the IoU of two masks."""
    if not callable(function):
        return "this is not a function; it should take two masks and return a number."
    one, other = np.zeros((2, 8, 12), bool)
    one[1:5, 1:6] = True
    other[2:7, 2:8] = True  # 20 and 30 pixels, 12 of them in both: all that follows differs
    answer = function(one.copy(), other.copy())
    if not _is_number(answer):
        return f"the function returns {_kind(answer)}: end it with return and one number."
    answer = float(answer)
    faults = {
        12: "that is the intersection, in pixels; divide it by the union.",
        38: "that is the union, in pixels; divide the intersection by it.",
        38 / 12: "that is upside down: a value above 1 cannot be a share.",
        100 * 12 / 38: "that is a percentage: for equal masks the IoU is 1, not 100.",
        12 / 26: "the union has what is in both as well, not only what is in one of them.",
        26 / 38: "that is the share that the two do not have in common.",
        12 / 50: "the union counts what is in both only once; a sum of the areas, twice.",
        24 / 50: "that is Dice's coefficient: twice the intersection, over the sum of the areas.",
        12 / 20: "that divides by the area of one mask; it would forgive the other any size.",
        12 / 30: "that divides by the area of one mask; it would forgive the other any size.",
        12 / 96: "that divides by the size of the picture; the background takes no part.",
        70 / 96: "that is the share of pixels where both say the same, background included.",
    }
    for value, fault in faults.items():
        if np.isclose(answer, value):
            return fault
    if not np.isclose(answer, 12 / 38):
        return f"masks of 20 and 30 pixels with 12 in common give {answer:.4g}."
    rng = np.random.default_rng(1)
    for one, other in rng.random((3, 2, 20, 30)) < 0.4:
        right = (one & other).sum() / (one | other).sum()
        if not np.isclose(float(function(one.copy(), other.copy())), right):
            return "right for one pair of masks, but not for others."
    return None


@exercise
def split_nuclei(answer, iou):
    """Find the fault in the number of true nuclei that lie in several objects."""
    touched = np.asarray(iou) > score.TOUCHED_AT
    if not _is_number(answer):
        return f"that is {_kind(answer)}; a single number is asked for."
    right = (touched.sum(axis=1) > 1).sum()
    if answer == right:
        return None
    faults = {
        (touched.sum(axis=0) > 1).sum(): "those are the objects over several nuclei, the merged "
        "ones: sum along the other axis.",
        (touched.sum(axis=1) > 0).sum(): "those have at least one object: two or more are needed.",
        touched.sum(): "those are the pairs: a nucleus in three objects counts once.",
        touched.sum(axis=1)[touched.sum(axis=1) > 1].sum(): "those are the objects that the split "
        "nuclei lie in: count the nuclei.",
        ((np.asarray(iou) > 0).sum(axis=1) > 1).sum(): "a pixel in common is not enough: the IoU "
        "must exceed 0.1.",
    }
    hint = "count the entries above 0.1 in each row, then the rows with more than one."
    return faults.get(float(answer), hint)


@exercise
def beats_otsu(function):
    """Find out whether a function scores more than `otsu` on a few validation frames."""
    if not callable(function):
        return "this is not a function; it should take one frame and return its label image."
    folder = data.locate()
    stems = data.split(folder, "validation")
    stems = stems[:: max(1, len(stems) // FRAMES)][:FRAMES]
    mine, otsu = [], []
    for stem in stems:
        image = read_frame(folder / "images" / f"{stem}.tif")
        truth = read_truth(folder / "masks" / f"{stem}.png")
        found = function(image.copy())
        if found is None:
            return "the function returns None: end it with return and the label image."
        try:
            mine.append(score.report(truth, np.asarray(found)))
        except ValueError as error:
            return f"{error}."
        otsu.append(score.report(truth, frame.segment(image, method="otsu")))
    mine, otsu = pd.DataFrame(mine), pd.DataFrame(otsu)
    reached, wanted = mine["averageF1"].mean(), otsu["averageF1"].mean()
    print(f"average F1 on {len(stems)} validation frames: {reached:.3f}; otsu has {wanted:.3f}.")
    if reached > wanted:
        return None
    if np.isclose(reached, wanted, rtol=0, atol=1e-9):
        return f"that is exactly as good as otsu. {_look_at(mine, otsu)}"
    return f"{max(wanted - reached, 0.001):.3f} or more is missing. {_look_at(mine, otsu)}"


def _is_number(answer):
    """Tell whether an answer is one real number, of Python, NumPy or Dask."""
    return np.ndim(answer) == 0 and np.asarray(answer).dtype.kind in "uif"


def _kind(answer):
    """Name what an answer is."""
    if answer is None:
        return "None"
    shape = np.shape(answer)
    return f"an array of shape {shape}" if shape else f"an answer of type {type(answer).__name__}"


def _look_at(mine, otsu):
    """Say which kind of error stands out."""
    sums, theirs = (table[["true", "found", "split", "merged"]].sum() for table in (mine, otsu))
    if sums["found"] == 0:
        return "There is no object in any frame."
    if sums["found"] <= len(mine):
        return "There is one object per frame: number the connected pieces of the mask."
    if sums["split"] > 0.1 * sums["true"]:
        return f"{sums['split']} of {sums['true']} nuclei are split: too many seeds."
    if sums["found"] > 1.3 * sums["true"]:
        return f"{sums['found']} objects for {sums['true']} nuclei: look at the small ones."
    if sums["merged"] >= theirs["merged"]:
        return f"{sums['merged']} objects cover several nuclei: touching ones need splitting."
    if mine["F1@0.5"].mean() > otsu["F1@0.5"].mean():
        return (
            "More nuclei are separated than by otsu, but the outlines are poorer: check the level."
        )
    return f"{sums['found']} objects for {sums['true']} nuclei, {sums['merged']} merged."
