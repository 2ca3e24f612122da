"""Score label images of your own against hand-drawn masks, and draw the errors of the worst.

    python snippets/score_labels.py

For label images from any program: a folder with one TIFF per frame, under the frame's name. Start
it where images/ and masks/ are, or change `folder`, and put your label images in place of
`results`. It prints the F1 at nine thresholds and the errors counted, and writes errors.png, the
worst frame with what was found, missed, merged, split and extra. Explained in
notebooks/10_touching_nuclei.ipynb.
"""

from pathlib import Path

from segkit import data, reading, score, show

folder, results = Path(), Path("labels")  # where images/ and masks/ are; your label images
SPLIT = "all"  # for BBBC039 "validation": its test frames wait for the final result

table = score.evaluate(folder, split=SPLIT, labels=results)
print(score.summary(table))

worst = data.split(folder).index(table.loc[table["averageF1"].idxmin(), "file"])
frame = data.images(folder)[worst]
truth = score.read_truth(data.masks(folder)[worst])
labels = score.read_labels(results / f"{frame.stem}.tif")
drawn = show.compare(reading.read_frame(frame), truth, labels, scale_bar=False)
drawn.savefig("errors.png")
