"""Checks for notebook 06: the fields to look at again, and a measurement of your own."""

import numpy as np
import pandas as pd

from segkit import check, frame
from segkit.reading import read_frame

# Fields of three plates, whose counts differ as plates do.
X = [200, 203, 195, 210, 120, 290, 198]
Y = [50, 52, 49, 45, 120, 0, 51]
Z = [100, 104, 97, 40, 93, 101]

NAN = (
    "are your distances all NaN? median() has one row per plate; "
    'transform("median"), as in fields["difference"], has one per field.'
)


def _made_up_fields():
    """Return a table like the notebook's `fields`, its plates mixed."""
    plate = np.repeat(["X", "Y", "Z"], [len(X), len(Y), len(Z)])
    fields = pd.DataFrame({"file": "", "plate": plate, "well": "A01", "count": X + Y + Z})
    fields["difference"] = fields["count"] - fields.groupby("plate")["count"].transform("median")
    return fields.sample(frac=1, random_state=0, ignore_index=True)


@check.exercise
def suspects(function):
    """Check a function that returns the five fields farthest from their plate's median."""
    fields = _made_up_fields()
    found = check.called(function, fields.copy(), hint="Run suspects(fields) to see the error.")
    if not isinstance(found, pd.DataFrame) or not {"plate", "count"} <= set(found):
        kind = type(found).__name__
        return f"rows of the table are asked for, with all columns, and this is of type {kind}."
    rows = list(zip(found["plate"], found["count"], strict=True))
    known = list(zip(fields["plate"], fields["count"], strict=True))
    if not set(rows) <= set(known):
        return f"these rows are not from the table that it was given. {check.GLOBALS}"
    if found.empty or rows == known[:5]:  # what pandas returns then
        return NAN
    if len(rows) != 5:
        return f"the number of rows is {len(rows)}: five are asked for, in all, not per plate."

    def first(score):
        return [known[number] for number in score.nlargest(5).index]

    count, away = fields["count"], fields["difference"]
    if rows == first(away.abs()):
        return None
    mistakes = [
        (away, "those are the highest: a field can lie far below its plate too."),
        (-away, "those are the lowest: a field can lie far above its plate too."),
        ((count - count.median()).abs(), "that is one median for all: each plate has its own."),
        (count, "those are the largest counts: compare them with their plates."),
        (-count, "those are the smallest counts: compare them with their plates."),
    ]
    for score, hint in mistakes:
        if rows == first(score):
            return hint
    if sorted(rows) == sorted(first(away.abs())):
        return "the right five in another order: the farthest comes first, on whichever side."
    return "others are farther from the median of their plate."


@check.exercise
def foreground(function):
    """Check a function that returns the share of a frame covered by objects."""
    advice = (
        "Does it read the file first, with tifffile.imread, and segment the image? "
        "Run covered(files[0]) to see the error."
    )
    for position, path in enumerate(check.paths(2)):
        image = read_frame(path)
        labels, smoothed = frame.segment(image), frame.smooth(image)
        covered, mask = np.count_nonzero(labels), smoothed > frame.local_threshold(smoothed)
        right = covered / labels.size
        by_mean = (image > image.mean()).mean()
        mistakes = [
            (labels.max(), "that is the number of objects; count the pixels that they cover."),
            (covered, "that is the number of pixels; divide by the pixels of the whole frame."),
            (1 - right, "that is the share of the background."),
            (by_mean, "that thresholds the frame by its mean; segment it first."),
            (100 * right, "that is in percent; a number between 0 and 1 is asked for."),
            (labels.mean(), "that is the mean of the labels; count pixels whose label is not 0."),
            (mask.mean(), "that is the mask before the opening; count pixels of the label image."),
        ]
        share = check.number(check.called(function, path, hint=advice), "the result")
        otherwise = f"frame {position} gives {share:.4g}, which is not the covered share."
        if position:
            otherwise = f"{otherwise} {check.GLOBALS}"
        if hint := check.recognise(share, right, mistakes, otherwise):
            return hint
    return None
