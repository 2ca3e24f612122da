"""Checks for notebook 10: splitting better than Otsu, precision, IoU, and split nuclei."""

import numpy as np
import pandas as pd

from segkit import check, data, frame, score
from segkit.reading import read_frame
from segkit.score import read_truth

FRAMES = 5  # of the training list
CHOSEN = 5  # fields to judge


@check.exercise
def precision(answer, chosen, hits):
    """Check the share of the chosen fields that are hits.

    Parameters
    ----------
    answer : number
    chosen : str or sequence of str
        Five letters.
    hits : pandas.Series of bool
        By letter.
    """
    letters = set(chosen)
    if len(letters) != CHOSEN or not letters <= set(hits.index):
        return f"chosen: write {CHOSEN} different letters of {''.join(hits.index)}."
    right = hits[list(letters)]
    mistakes = [
        (right.sum(), "that is the number of your hits; divide it by the number of your fields."),
        (right.sum() / hits.sum(), "that is the recall: the share of all hits that you chose."),
        (100 * right.mean(), "that is a percentage: a share lies between 0 and 1."),
        (1 - right.mean(), "that is the share of your fields that are artefacts."),
        (hits.mean(), "that is the share of hits among all fields, chosen or not."),
        (right.sum() / len(hits), "that divides by all fields; divide by those that you chose."),
    ]
    return check.recognise(answer, right.mean(), mistakes, "count the hits among your letters.")


@check.exercise
def iou_of_masks(function):
    """Check a function that returns the IoU of two masks."""

    def result(one, other):
        return check.number(check.called(function, one.copy(), other.copy()), "the result")

    one, other = np.zeros((2, 8, 12), bool)
    one[1:5, 1:6] = True
    other[2:7, 2:8] = True  # 20 and 30 pixels, 12 of them in both: all that follows differs
    one_mask = "that divides by the area of one mask; the size of the other one would not matter."
    dice = "that is Dice's coefficient: twice the intersection, over the sum of the areas."
    answer = result(one, other)
    mistakes = [
        (12, "that is the intersection, in pixels; divide it by the union."),
        (38, "that is the union, in pixels; divide the intersection by it."),
        (38 / 12, "that is upside down: a value above 1 cannot be a share."),
        (100 * 12 / 38, "that is a percentage: for equal masks the IoU is 1, not 100."),
        (12 / 26, "the union has what is in both as well, not only what is in one of them."),
        (26 / 38, "that is the share that the two do not have in common."),
        (12 / 50, "the union counts what is in both only once; a sum of the areas, twice."),
        (24 / 50, dice),
        (12 / 20, one_mask),
        (12 / 30, one_mask),
        (12 / 96, "that divides by the size of the picture; the background takes no part."),
        (70 / 96, "that is the share of pixels where both say the same, background included."),
    ]
    otherwise = f"masks of 20 and 30 pixels with 12 in common give {answer:.4g}."
    if hint := check.recognise(answer, 12 / 38, mistakes, otherwise):
        return hint
    rng = np.random.default_rng(1)
    for one, other in rng.random((3, 2, 20, 30)) < 0.4:
        if not np.isclose(result(one, other), (one & other).sum() / (one | other).sum()):
            return f"right for one pair of masks, but not for others. {check.GLOBALS}"
    return None


@check.exercise
def split_nuclei(answer, iou):
    """Check the number of true nuclei that lie in several objects."""
    touched = np.asarray(iou) > score.TOUCHED_AT
    objects = touched.sum(axis=1)
    merged = "those are the objects over several nuclei, the merged ones: sum along the other axis."
    parts = "those are the objects that the split nuclei lie in: count the nuclei."
    in_common = ((np.asarray(iou) > 0).sum(axis=1) > 1).sum()
    mistakes = [
        ((touched.sum(axis=0) > 1).sum(), merged),
        ((objects > 0).sum(), "those have at least one object: two or more are needed."),
        (touched.sum(), "those are the pairs: a nucleus in three objects counts once."),
        (objects[objects > 1].sum(), parts),
        (in_common, "a pixel in common is not enough: the IoU must exceed 0.1."),
    ]
    otherwise = "count the entries above 0.1 in each row, then the rows with more than one."
    return check.recognise(answer, (objects > 1).sum(), mistakes, otherwise)


@check.exercise
def beats_otsu(function):
    """Check whether a function scores more than `otsu` on a few training frames."""
    folder = data.locate()
    stems = data.split(folder, "training")
    stems = stems[:: max(1, len(stems) // FRAMES)][:FRAMES]
    mine, otsu = [], []
    for stem in stems:
        image = read_frame(folder / "images" / f"{stem}.tif")
        truth = read_truth(folder / "masks" / f"{stem}.png")
        found = check.called(function, image.copy())
        try:
            mine.append(score.report(truth, np.asarray(found)))
        except ValueError as error:
            return f"{error}."
        otsu.append(score.report(truth, frame.segment(image, method="otsu")))
    mine, otsu = pd.DataFrame(mine), pd.DataFrame(otsu)
    reached, wanted = mine["averageF1"].mean(), otsu["averageF1"].mean()
    if reached > wanted + 1e-9:
        return None
    scores = f"average F1 {reached:.4f} on {len(stems)} training frames, and Otsu has {wanted:.4f}."
    return f"{scores} {_look_at(mine, otsu)}"


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
        return "Touching nuclei are separated, but the outlines are poorer: check the level."
    return f"{sums['found']} objects for {sums['true']} nuclei, {sums['merged']} merged."
