"""Checks for notebook 10: splitting better than Otsu, precision, and split nuclei."""

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
        (1 - right.mean(), "that is the share of your fields that are not hits."),
        (hits.mean(), "that is the share of hits among all fields, chosen or not."),
        (right.sum() / len(hits), "that divides by all fields; divide by those that you chose."),
    ]
    return check.recognise(answer, right.mean(), mistakes, "count the hits among your letters.")


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
    """Check whether a function scores more than `otsu` on training frames, and merges less."""
    folder = data.locate()
    stems = data.split(folder, "training")
    stems = stems[:: max(1, len(stems) // FRAMES)][:FRAMES]
    mine, otsu = [], []
    for stem in stems:
        image = read_frame(folder / "images" / f"{stem}.tif")
        truth = read_truth(folder / "masks" / f"{stem}.png")
        found = np.asarray(check.called(function, image.copy()))
        try:
            mine.append(score.report(truth, found))
        except ValueError as error:
            return f"{error}."
        if found.all():
            return "no pixel is background (0): give watershed mask=, the pixels to keep."
        otsu.append(score.report(truth, frame.segment(image, method="otsu")))
    mine, otsu = pd.DataFrame(mine), pd.DataFrame(otsu)
    reached, wanted = mine["averageF1"].mean(), otsu["averageF1"].mean()
    if reached > wanted + 1e-9:
        if mine["merged"].sum() < otsu["merged"].sum():
            return None
        return (
            f"the score beats Otsu's, but {mine['merged'].sum()} objects cover several nuclei, and "
            f"with Otsu {otsu['merged'].sum()}: touching nuclei need splitting."
        )
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
