"""Pictures for the notebooks: all that the course draws with, under one name.

The modules are in `segkit.figures`: frames in ``pictures``, masks and labels in ``overlays``, task
graphs in ``taskgraph``, layers in napari or Matplotlib in ``layers`` and ``viewer``, and the way
onto a notebook's page in ``notebook``.
"""

from segkit.figures.layers import layers
from segkit.figures.notebook import described
from segkit.figures.overlays import label_colours, labels, masks, outlines
from segkit.figures.pictures import frames, gray
from segkit.figures.taskgraph import graph

__all__ = [
    "described",
    "frames",
    "graph",
    "gray",
    "label_colours",
    "labels",
    "layers",
    "masks",
    "outlines",
]
