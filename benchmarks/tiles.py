"""What snippets/label_tiles.py takes as the image grows 16-fold, beside the image in one piece.

``python benchmarks/tiles.py [FOLDER]`` lays the frames in use side by side, again and again, and
runs the snippet on images of 5,120, 10,240 and 20,480 pixels along each side. Up to 10,240 it
segments the image in one piece as well, and compares every pixel. Each run is a process of its own.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from report import environment, watched

from segkit import data

SNIPPET = Path(__file__).resolve().parents[1] / "snippets" / "label_tiles.py"
# The snippet's own functions on the image in one piece; then compare with what its tiles wrote.
ONE_PIECE = """
import sys
from pathlib import Path
exec(Path(sys.argv[1]).read_text("utf-8").split("def cut_off")[0])
found = segment(slide[:])
names, wrong = number(found, np.zeros(2, int)), set()
tiles = zarr.open_array("../labels.zarr", mode="r")
for row in range(0, len(found), TILE):
    one, other = names[found[row : row + TILE]], tiles[row : row + TILE]
    wrong |= set(np.concatenate([one[one != other], other[one != other]])) - {0}
print(len(names) - 1, "nuclei in one piece", len(wrong))
"""


def write(path, frames, side):
    """Write a square image of frames side by side, as a tiled TIFF."""
    rows, columns = (-(-side // size) for size in frames.shape[1:])
    places = np.arange(rows * columns).reshape(rows, columns) % len(frames)
    image = np.vstack([np.hstack(frames[row])[:, :side] for row in places])[:side]
    tifffile.imwrite(path, image, bigtiff=True, tile=(256, 256))


def label(folder, *command):
    """Run Python in a folder; return the numbers that it printed, and what it took."""
    printed, took = watched(command, folder)
    took["peak_MB"] = round(took["peak_MB"])
    return [int(word) for word in printed.split() if word.isdigit()], took


def measure(frames, scratch, sides):
    """Label images of several sizes; yield a row for each."""
    for side in sides:
        place = scratch / str(side) / "one"
        place.mkdir(parents=True)
        write(place / "large.tif", frames, side)
        (place.parent / "large.tif").symlink_to("one/large.tif")
        (nuclei, tiles, margin), took = label(place.parent, SNIPPET)
        row = {"side": side, "tiles": tiles, "nuclei": nuclei, "widest_margin": margin, **took}
        if side <= 10_240:
            (nuclei, wrong), took = label(place, "-c", ONE_PIECE, SNIPPET)
            row["in_one_piece"] = {"nuclei": nuclei, "differ": wrong, **took}
        print(json.dumps(row), flush=True)
        yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--sides", nargs="+", type=int, default=(5120, 10_240, 20_480))
    parser.add_argument("--out", default=Path(__file__).parent / "results" / "tiles.json")
    args = parser.parse_args()
    folder = Path(args.folder or data.locate())
    result = {"command": "python benchmarks/tiles.py" + (" FOLDER" if args.folder else "")}
    result |= {**environment(), "data": data.describe(folder)}
    frames = np.stack([tifffile.imread(path) for path in data.images(folder)])
    with tempfile.TemporaryDirectory() as scratch:
        result["images"] = list(measure(frames, Path(scratch), args.sides))
    Path(args.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
