"""Cut a small picture of each nucleus out of a frame, all of one size.

    python snippets/crop_nuclei.py

For a gallery, or to train a classifier. Each crop is centred on its nucleus; beyond the edge of
the frame it is zero, and so are the pixels of other nuclei. `SIZE` is its width and height in
pixels. It prints the shape of the stack of crops. Explained in notebooks/05_measuring.ipynb.
"""

import numpy as np
import tifffile
from scipy import ndimage

from segkit import data, frame

SIZE = 64

image = tifffile.imread(data.images(data.locate())[0])
labels = frame.segment(image, method="watershed")
padded = [np.pad(array, SIZE // 2) for array in (image, labels)]
index = np.arange(1, labels.max() + 1)
centres = np.reshape(ndimage.center_of_mass(labels > 0, labels, index), (-1, 2))
crops = np.zeros((len(index), SIZE, SIZE), image.dtype)
for number, (row, column) in zip(index, centres.round().astype(int), strict=True):
    around = np.s_[row : row + SIZE, column : column + SIZE]
    crops[number - 1] = np.where(padded[1][around] == number, padded[0][around], 0)
print(f"{len(crops)} crops: {crops.shape} {crops.dtype}")
