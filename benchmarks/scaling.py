"""Strong and weak scaling on workers of this machine, with and without early trimming of memory.

``python benchmarks/scaling.py [FOLDER]`` takes the frames in use (over and over) on 1, 2, 4 ...
workers of one thread, up to the number of cores: the same number of frames, and the same number
per worker. Dask tells the allocator of each worker to return freed memory early
(MALLOC_TRIM_THRESHOLD_); each number is measured with that and without ("kept"). All take turns.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import dask
import numpy as np
from distributed import Client, LocalCluster
from report import environment

from segkit import data, run

REPEATS = 3
TRIM = "MALLOC_TRIM_THRESHOLD_"
OPTIONS = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}


def seconds(files, count):
    """Segment `count` frames on the active cluster, into a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory() as out:
        many = (files * (count // len(files) + 1))[:count]
        began = time.perf_counter()
        run.segment(many, out, progress=False)
        return time.perf_counter() - began


def turn(files, workers, memory, frames):
    """Start a cluster, and return the seconds of the strong and the weak experiment on it."""
    os.environ.pop(TRIM, None)  # nannies set it in this process, and then it wins
    setting = {f"distributed.nanny.pre-spawn-environ.{TRIM}": None} if memory == "kept" else {}
    with (
        dask.config.set(setting),
        LocalCluster(n_workers=workers, **OPTIONS) as cluster,
        Client(cluster),
    ):
        seconds(files, 50 * workers)  # files cached, modules loaded
        strong = seconds(files, frames)
        return strong, strong if workers == 1 else seconds(files, frames * workers)


def rows(found, frames):
    """Return one row per number of workers and setting: medians, speed-up and efficiencies."""
    medians = {key: np.median(times, axis=0) for key, times in found.items()}
    for (workers, memory), (strong, weak) in medians.items():
        one = medians[1, memory][0]
        yield {
            "memory": memory,
            "workers": workers,
            "strong_s": strong,
            "speedup": one / strong,
            "strong_efficiency": one / strong / workers,
            "weak_s": weak,
            "weak_efficiency": one / weak,
            "core_hours_100000": workers * strong / frames * 100_000 / 3600,
        }


def main():
    """Measure, and write results/scaling.json."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--frames", default=1000, type=int, help="per experiment, default: 1000")
    args = parser.parse_args()
    folder, frames = Path(args.folder or data.locate()), args.frames
    command = f"python benchmarks/scaling.py FOLDER --frames {frames}"
    result = {"command": command, **environment()}
    counts = [2**i for i in range(result["machine"]["cores"].bit_length())]
    found = {(workers, memory): [] for memory in ("trimmed", "kept") for workers in counts}
    result |= {"data": data.describe(folder), "frames": frames, "batch": run.BATCH}
    out = Path(__file__).parent / "results" / "scaling.json"
    for _ in range(REPEATS):
        for key, times in found.items():
            times.append(turn(data.images(folder), *key, frames))
            print(*key, *(f"{value:.2f} s" for value in times[-1]), flush=True)
        result["rows"] = list(rows(found, frames))
        result["seconds"] = [[*key, times] for key, times in found.items()]
        out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
