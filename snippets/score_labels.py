"""Score label images of your own against the hand-drawn masks.

    python snippets/score_labels.py

For label images from any program: a folder with one TIFF or PNG for each frame, under the frame's
name. Put it in place of `results`, and leave out the lines that fill it. It prints the F1 at nine
thresholds, and the errors counted. Explained in notebooks/10_touching_nuclei.ipynb.
"""

from pathlib import Path

import tifffile
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import data, score

folder, results = data.locate(), Path("build/snippets/labels")
results.mkdir(parents=True, exist_ok=True)
for stem in data.split(folder, "validation"):
    image = tifffile.imread(folder / "images" / f"{stem}.tif")
    labels, _ = ndimage.label(image > threshold_otsu(image))
    tifffile.imwrite(results / f"{stem}.tif", labels)

table = score.evaluate(folder, split="validation", labels=results)
print(score.summary(table))
