"""What reading costs: from the disk and from the cache, in many files and packed into shards.

``python benchmarks/disk.py [FOLDER]`` writes 1,000 copies of the frames in use, different files,
and as many again cut into 40 small images each: as TIFF, and as Zarr shards of 50 MB. Each layout
is read after its files were dropped from the file cache, and once more. Linux only. What a drive,
a server or the host of a virtual machine caches is not dropped, nor are the names of the files.
Set TMPDIR to measure another disk.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import tifffile
import zarr
from report import environment

from segkit import data

FRAMES, REPEATS = 1000, 3
SHARD = 50e6  # bytes


def forget(paths):
    """Make the system drop files from its cache."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_files(images, into):
    """Write a TIFF per image; return how to read all of them."""
    into.mkdir()
    for number, image in enumerate(images):
        tifffile.imwrite(into / f"{number:06d}.tif", image, photometric="minisblack")
    return lambda: sum(int(tifffile.imread(path).max()) for path in sorted(into.iterdir()))


def write_shards(images, into):
    """Write Zarr, one chunk per image, many per shard; return how to read it."""
    per_shard = min(len(images), int(SHARD / images[0].nbytes))
    layout = {"chunks": (1, *images[0].shape), "shards": (per_shard, *images[0].shape)}
    array = zarr.create_array(into, shape=images.shape, dtype=images.dtype, **layout)
    for i in range(0, len(images), per_shard):
        array[i : i + per_shard] = images[i : i + per_shard]
    return lambda: sum(int(array[number].max()) for number in range(len(images)))


def timed(function, *arguments):
    """Return the seconds that a call takes, and its result."""
    began = time.perf_counter()
    result = function(*arguments)
    return time.perf_counter() - began, result


def measure(images, scratch):
    """Yield a row per layout of some images; times are medians."""
    for layout, write in {"TIFF": write_files, "Zarr shards": write_shards}.items():
        into = scratch / f"{layout}-{len(images)}"
        written, read = timed(write, images, into)
        paths = [path for path in into.rglob("*") if path.is_file()]
        cold, warm = [], []
        for _ in range(REPEATS):
            forget(paths)
            cold.append(timed(read)[0])
            warm.append(timed(read)[0])
        yield {
            "layout": layout,
            "images": len(images),
            "kB_each": images[0].nbytes / 1e3,
            "files": len(paths),
            "MB": sum(path.stat().st_size for path in paths) / 1e6,
            "written_s": written,
            "disk_ms": 1e3 * np.median(cold) / len(images),
            "cache_ms": 1e3 * np.median(warm) / len(images),
        }


def main():
    """Measure, and write results/disk.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    folder = Path(parser.parse_args().folder or data.locate())
    result = {"command": "python benchmarks/disk.py FOLDER", **environment()}
    paths = data.images(folder)
    frames = np.stack([tifffile.imread(paths[i % len(paths)]) for i in range(FRAMES)])
    columns = np.array_split(frames, 8, axis=2)
    small = np.concatenate(
        [part for column in columns for part in np.array_split(column, 5, axis=1)]
    )
    result |= {"data": data.describe(folder), "rows": []}
    with tempfile.TemporaryDirectory() as scratch:
        for images in (frames, small):
            for row in measure(images, Path(scratch)):
                result["rows"].append(row)
                print(row, flush=True)
    out = Path(__file__).parent / "results" / "disk.json"
    out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
