"""Draw what became of each nucleus: found, missed, merged, split or extra.

    python snippets/show_errors.py

For finding out what a score is made of. Put labels of your own in place of `labels`. It writes
build/snippets/errors.png, truth and result side by side. Explained in
notebooks/10_touching_nuclei.ipynb.
"""

from pathlib import Path

import tifffile

from segkit import data, frame, score, show

folder = data.locate()
stem = data.split(folder, "validation")[0]
image = tifffile.imread(folder / "images" / f"{stem}.tif")
truth = score.read_truth(folder / "masks" / f"{stem}.png")
labels = frame.segment(image, method="otsu")

path = Path("build/snippets/errors.png")
path.parent.mkdir(parents=True, exist_ok=True)
show.compare(image, truth, labels, title="Otsu's threshold").savefig(path)
of_truth, of_objects = score.outcomes(truth, labels)
for name in show.OUTCOMES:
    print(f"{name:7} {(of_truth == name).sum():4} nuclei, {(of_objects == name).sum():4} objects")
