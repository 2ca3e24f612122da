"""Find the files of a folder that differ from the others, or are cut off.

    python snippets/find_odd_files.py

For a folder that you are about to read as one stack, which takes shape and dtype from the first
file, and only the first image of each file. Start it where images/ is, or change `pattern`. Only
the headers are read. It prints a line for each odd file, and how many there are. Explained in
notebooks/01_reading.ipynb.
"""

from collections import Counter
from glob import glob
from pathlib import Path

import tifffile

pattern = "images/*.tif"  # your images


def kind(path):
    try:
        with tifffile.TiffFile(path) as tif:
            parts = [
                part
                for page in tif.pages
                for part in zip(page.dataoffsets, page.databytecounts, strict=True)
            ]
            # pages whose headers are cut off, too, show in the length of an uncompressed series
            parts += [
                (series.dataoffset, series.nbytes) for series in tif.series if series.dataoffset
            ]
            if not parts or max(map(sum, parts)) > Path(path).stat().st_size:
                return "cut off"
            if not all(size for _, size in parts):
                return "parts of the image were never written"
            found = f"{tif.series[0].shape} {tif.pages.first.dtype}"
            count = len(tif.series)
            return found if count == 1 else f"{found}, the first of {count} images"
    except Exception as error:  # a damaged file can lead the reader into any of them
        return f"cannot be read: {error}"


kinds = {name: kind(name) for name in sorted(glob(pattern))}
if not kinds:
    raise FileNotFoundError(f"no files match {pattern}: change it")
usual, _ = Counter(kinds.values()).most_common(1)[0]
odd = {name: found for name, found in kinds.items() if found != usual}
for name, found in odd.items():
    print(f"{name}: {found}")
print(f"{len(odd)} of {len(kinds)} files are not {usual}")
