"""Segment and measure a batch of frames on a GPU, or on the CPU where there is none.

    python snippets/gpu_segment.py

For many frames of one size. The array decides where the stages compute: put `xp.asarray`
around your own frames. The frames go to the GPU once, and the table comes back once. It prints how
many nuclei there are and what computed them. Explained in notebooks/13_gpu.ipynb.
"""

import numpy as np
import tifffile

from segkit import data, device, frame

if device.missing():
    xp = np
else:
    import cupy as xp

files = data.images(data.locate())[:10]
images = xp.asarray(np.stack([tifffile.imread(path) for path in files]))
labels = frame.segment(images)
table = frame.measure(images, labels)
print(f"{len(table)} nuclei in {len(files)} frames, computed with {xp.__name__}")
