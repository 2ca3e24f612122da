"""Pictures for the notebooks: all that the course draws with, under one name.

Frames are in `segkit.pictures`, masks and labels in `segkit.overlays`, task graphs in
`segkit.taskgraph`, layers in napari or Matplotlib in `segkit.layers` and `segkit.viewer`, and the
way onto a notebook's page in `segkit.notebook`.
"""

from segkit.layers import layers
from segkit.notebook import described
from segkit.overlays import label_colours, labels, masks, outlines
from segkit.pictures import frames, gray
from segkit.taskgraph import graph

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
