"""Save each frame of a multi-page TIFF as a file of its own.

    python snippets/split_multipage.py

For stacks, channels or films in one file, where a program wants one frame per file; put yours in
place of stack.tif. The files are named after the axes, as in stack_t003_c001.tif, where the file
says what its axes are. One frame at a time is in memory. It writes the folder frames, which must
not exist yet, and prints how many files are in it. Explained in notebooks/01_reading.ipynb.
"""

from pathlib import Path

import numpy as np
import tifffile
import zarr

path, folder = Path("stack.tif"), Path("frames")  # your file, and a new folder

# Pages that were appended one by one count as one series if the shape noted with each is not used.
with tifffile.TiffFile(path) as tif:
    pixels = sum(series.size for series in tif.series)
with tifffile.TiffFile(path, is_shaped=False) as tif:
    axes = tif.series[0].axes
    frames = zarr.open_array(tif.aszarr(chunkmode="page", level=0), mode="r")
    grey = axes.endswith("YX") and frames.size == pixels
    assert grey, f"{path} with axes {axes}: not one grey frame of equal size per page"
    kinds = ["" if axis in "QI" else axis.lower() for axis in axes]  # the file may not say which
    folder.mkdir()
    for index in np.ndindex(frames.shape[:-2]):
        ends = [f"_{kind}{number:03}" for kind, number in zip(kinds, index, strict=False)]
        tifffile.imwrite(folder / f"{path.stem}{''.join(ends)}.tif", frames[index])
print(f"{len(list(folder.iterdir()))} frames of {frames.shape[-2:]} in {folder}")
