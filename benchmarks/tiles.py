"""What snippets/label_tiles.py takes as the image grows 16-fold, beside the image in one piece.

``python benchmarks/tiles.py [FOLDER]`` lays the frames in use side by side, again and again, and
runs the snippet on images of 5,120, 10,240 and 20,480 pixels along each side. Up to 10,240 it
segments the image in one piece as well, and compares every pixel. Each run is a process of its own.
"""

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import dask.array as da
import numpy as np
import psutil
import tifffile
from dask_image import ndmeasure
from report import environment

from segkit import data

SNIPPET = Path(__file__).parents[1] / "snippets" / "label_tiles.py"
SIDES = (5120, 10_240, 20_480)  # pixels
LARGEST = 10_240  # in one piece
BLOCK = 256
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
    """Write a square image of frames side by side, in blocks; a row of frames is in memory."""

    def rows():
        for first in itertools.count(step=-(-side // frames.shape[2])):
            places = range(first, first - (-side // frames.shape[2]))
            yield from np.hstack([frames[place % len(frames)] for place in places])[:, :side]

    every = rows()
    strips = (np.stack(list(itertools.islice(every, BLOCK))) for _ in range(side // BLOCK))
    blocks = (block.copy() for strip in strips for block in np.hsplit(strip, side // BLOCK))
    form = {"shape": (side, side), "dtype": frames.dtype, "tile": (BLOCK, BLOCK)}
    tifffile.imwrite(path, blocks, bigtiff=True, **form)


def run(command, cwd):
    """Run Python; return seconds, processor seconds, peak memory, and the numbers it printed."""
    began, peak, cpu = time.perf_counter(), 0, 0
    process = psutil.Popen([sys.executable, *command], cwd=cwd, stdout=subprocess.PIPE, text=True)
    while process.poll() is None:
        peak = max(peak, process.memory_info().rss / 2**20)
        cpu = sum(process.cpu_times()[:2]) or cpu
        time.sleep(0.02)
    printed = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"failed: {command}")
    numbers = [int(word) for word in printed.split() if word.isdigit()]
    took = {"seconds": round(time.perf_counter() - began, 1), "cpu_seconds": round(cpu, 1)}
    return took | {"peak_MB": round(peak)}, numbers


def measure(frames, scratch, *, sides=SIDES, largest=LARGEST):
    """Label images of several sizes; return a row for each."""
    rows = []
    for side in sides:
        (scratch / str(side) / "one").mkdir(parents=True)
        write(scratch / str(side) / "large.tif", frames, side)
        took, (nuclei, tiles, margin) = run([str(SNIPPET)], scratch / str(side))
        rows.append({"side": side, "tiles": tiles, "nuclei": nuclei, "widest_margin": margin})
        rows[-1] |= took
        if side <= largest:
            (scratch / str(side) / "one" / "large.tif").symlink_to("../large.tif")
            place = scratch / str(side) / "one"
            took, (nuclei, wrong) = run(["-c", ONE_PIECE, str(SNIPPET)], place)
            rows[-1]["in_one_piece"] = {"nuclei": nuclei, "differ": wrong, **took}
        print(json.dumps(rows[-1]), flush=True)
    return rows


def label_tasks(across):
    """Return the number of tasks of `dask_image.ndmeasure.label` on square images of chunks."""
    masks = {n * n: da.zeros((8 * n, 8 * n), chunks=8, dtype=bool) for n in across}
    return {count: len(ndmeasure.label(mask)[0].__dask_graph__()) for count, mask in masks.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    default = Path(__file__).parent / "results" / "tiles.json"
    parser.add_argument("--out", default=default, type=Path)
    args = parser.parse_args()
    folder = Path(args.folder) if args.folder else data.locate()
    result = {"command": "python benchmarks/tiles.py" + (" FOLDER" if args.folder else "")}
    result |= {**environment(), "data": data.describe(folder)}
    frames = np.stack([tifffile.imread(path) for path in data.images(folder)])
    with tempfile.TemporaryDirectory() as scratch:
        result["images"] = measure(frames, Path(scratch))
    result["tasks_of_dask_image_label"] = label_tasks((2, 4, 8))
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
