"""Look at frames and labels in napari, or as a picture where there is no display.

    python snippets/napari_layers.py

For going through a stack by hand. napari computes each frame when it comes into view. Without
napari or a display, the first frame is drawn into build/snippets/layers.png. It prints which of
the two it was. Explained in notebooks/03_thresholding.ipynb.
"""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import tifffile
from dask.array.image import imread

from segkit import data, frame, show


def labelled(chunk):
    """Label a chunk of one frame."""
    return frame.segment(chunk[0], method="watershed")[None]


images = imread(str(data.locate() / "images" / "*.tif"), imread=tifffile.imread)
labels = images.map_blocks(labelled, dtype=np.int32)
limits = np.percentile(images[0].compute(), [0.5, 99.5])
if not show.why_not_napari():
    import napari

    window = napari.Viewer(title="nuclei")
    window.add_image(images, contrast_limits=limits)
    window.add_labels(labels, opacity=0.5)
    print("napari")
    napari.run()
else:
    path = Path("build/snippets/layers.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    fig, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
    axes[0].imshow(images[0].compute(), cmap="gray", vmin=limits[0], vmax=limits[1])
    axes[1].imshow(np.ma.masked_equal(labels[0].compute(), 0), cmap="tab20", interpolation="none")
    for ax, title in zip(axes, ("frame 0", "labels of frame 0"), strict=True):
        ax.set(title=title, xlabel="column (pixels)", ylabel="row (pixels)")
    fig.savefig(path)
    print("picture:", path)
