"""Look at frames and labels in napari, and save the labels that you correct there.

    python snippets/napari_layers.py

For going through frames by hand; needs napari and a display. Start it where images/ is, or change
`pattern`. napari reads each frame when it comes into view; the labels are in memory, so that they
can be painted over. It writes the label images that were changed into corrected/ when the window is
closed (corrected_labels.py measures them), and prints their names. Explained in
notebooks/03_thresholding.ipynb.
"""

from glob import glob
from pathlib import Path

import napari
import numpy as np
import tifffile
from dask.array.image import imread
from scipy import ndimage
from skimage.filters import threshold_li

pattern = "images/*.tif"  # your images
FRAMES = slice(0, 20)


def labelled(chunk):
    smooth = ndimage.gaussian_filter(chunk[0].astype("float32"), 1)
    level = threshold_li(smooth)
    background = smooth[smooth <= level]
    found = level > background.mean() + 2 * background.std()  # false in a frame of noise alone
    return ndimage.label((smooth > level) & found)[0][None]


images = imread(pattern, imread=tifffile.imread)[FRAMES]
assert images.ndim == 3, f"not one grey frame per file: {images.shape}"
labels = images.map_blocks(labelled, dtype=np.int32).compute()

window = napari.Viewer(title="nuclei")
window.add_image(images, contrast_limits=np.percentile(images[0].compute(), [0.5, 99.5]))
layer = window.add_labels(labels.copy(), name="labels", opacity=0.5)
napari.run()  # until the window is closed
for path, before, now in zip(sorted(glob(pattern))[FRAMES], labels, layer.data, strict=True):
    if (before != now).any():
        Path("corrected").mkdir(exist_ok=True)
        tifffile.imwrite(Path("corrected", Path(path).name), now)
        print("corrected:", Path(path).name)
