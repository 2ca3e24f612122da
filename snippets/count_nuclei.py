"""Count the objects of one frame with the finished stages of this kit.

    python snippets/count_nuclei.py

For a first look at an image. Put your own file in place of `file`. It prints how many objects there
are, and their median area. Explained in notebooks/00_start_here.ipynb.
"""

import tifffile

from segkit import data, frame

file = data.images(data.locate())[0]
image = tifffile.imread(file)
labels = frame.segment(image)
table = frame.measure(image, labels)
print(len(table), "objects, median area", table["area"].median(), "pixels")
