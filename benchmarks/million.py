"""What a million frames cost before any of them is segmented: the start, and the memory.

``python benchmarks/million.py`` links a million names to a few tiny frames, and runs a method that
finds nothing on a local cluster of two processes. The scheduler of such a cluster runs in the
process of the client, so that one number is the memory of both. Ctrl-C ends the run early; what was
measured by then is recorded.
"""

import argparse
import json
import logging
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import tifffile
from distributed import Client, LocalCluster
from report import environment

from segkit import data, run

AIMS = {"seconds until the first batch": 10, "peak MB, client and scheduler": 500}


def nothing(image):
    """Find no nuclei."""
    return np.zeros(image.shape, np.int32)


def link(folder, frames):
    """Fill a folder with names of frames of 16 x 16 pixels; return how many files they share."""
    noise, files = np.random.default_rng(0), max(20, frames // 50_000)  # ext4 takes 65,000 names
    folder.mkdir()
    for number in range(frames):
        path = folder / f"frame_{number:07d}.tif"
        if number < files:
            tifffile.imwrite(path, noise.integers(0, 4096, (16, 16), np.uint16))
        else:
            path.hardlink_to(folder / f"frame_{number % files:07d}.tif")
    return files


def watch(began, parts, found, over):
    """Note the memory until a run is over, and when its first batch is on disk."""
    process, key = psutil.Process(), "peak MB, client and scheduler"
    while not over.wait(0.05):
        found[key] = max(found.get(key, 0), round(process.memory_info().rss / 2**20))
        if "seconds until the first batch" not in found and any(parts.glob("part-*")):
            found["seconds until the first batch"] = round(time.perf_counter() - began, 1)


def measure(scratch, said):
    """Segment the frames of a folder; return what it took."""
    found, over = {}, threading.Event()
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as own,
        Client(own),
    ):
        for name in ("distributed", "py.warnings"):
            logging.getLogger(name).addHandler(said)
        found["MB before"] = round(psutil.Process().memory_info().rss / 2**20)
        began = time.perf_counter()
        place = scratch / "out" / "nuclei.parquet"
        watching = threading.Thread(target=watch, args=(began, place, found, over))
        watching.start()
        files = data.images(scratch / "in", kind=str)
        with suppress(KeyboardInterrupt):
            run.segment(files, scratch / "out", method=nothing, progress=False)
        found["seconds in all"] = round(time.perf_counter() - began, 1)
        over.set()
        watching.join()
    done = len(list(place.glob("part-*")))
    return {"frames": len(files), "batches": -(-len(files) // run.BATCH), "done": done, **found}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=1_000_000, help="default: 1,000,000")
    parser.add_argument("--out", default=Path(__file__).with_name("results") / "million.json")
    args = parser.parse_args()
    load, messages, said = psutil.getloadavg()[0], [], logging.Handler(logging.WARNING)
    said.emit = lambda record: messages.append(record.getMessage())
    logging.captureWarnings(True)
    with tempfile.TemporaryDirectory() as scratch:
        files = link(Path(scratch) / "in", args.frames)
        found = measure(Path(scratch), said)
    result = {"command": f"python benchmarks/million.py --frames {args.frames}", **environment()}
    result["machine"]["load_before"] = load
    found |= {"aims": AIMS, "messages": messages}
    result |= {"data": f"names of {files} frames of 16 x 16 pixels", "workers": 2, **found}
    Path(args.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
