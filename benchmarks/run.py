"""Time the ways to run the pipeline, side by side in one run, and write what came out.

``python benchmarks/run.py [FOLDER] [--quick]`` (or ``make bench``) takes the frames in use, real
ones where present. Machines are noisy: read the ratios, not the seconds. Every way runs once to
warm up (files cached, matrices made) and then five times; the table has the medians.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import ways
from report import environment, write
from scale import scale

from segkit import data, frame, stack


def median_seconds(function, repeats):
    """Call once to warm up, then `repeats` times; return the median of the seconds."""
    function()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def measure(files, repeats):
    """Time every way; return rows of name, frames, seconds, milliseconds a frame."""
    rows = []
    for name, way, count, times in ways.every(files, repeats):
        seconds = median_seconds(way, times)
        rows.append(
            {
                "way": name,
                "frames": count,
                "repeats": times,
                "seconds": seconds,
                "ms_per_frame": 1000 * seconds / count,
            }
        )
        print(f"{name:45s} {count:5d} frames {1000 * seconds / count:9.2f} ms a frame", flush=True)
    return rows


def ratios(rows):
    """Return the ratios that the project aims at, each with its aim and whether it is met."""
    ms = {row["way"]: row["ms_per_frame"] for row in rows}
    loop = ms["fast path, plain loop"]
    best = min(ms["fast path, threads"], ms["fast path, processes"])
    aims = [
        ("scipy loop / fast loop, one core", ms["scipy loop"] / loop, 18),
        ("fast loop / default scheduler", loop / ms["fast path, threads"], 1.7),
        ("scipy loop / fast path on all cores", ms["scipy loop"] / best, 35),
        ("dask-image with persist, 10 frames / fast path", ms["dask-image, 10 frames"] / best, 100),
    ]
    return [
        {"ratio": name, "value": value, "aim": aim, "met": bool(value >= aim)}
        for name, value, aim in aims
    ]


def same_counts(files):
    """Check that what is compared finds the same nuclei; return their number in three frames."""
    found = [int(frame.segment(stack.read_frame(path)).max()) for path in files[:3]]
    chain = ways.dask_image_labels(files[:3])
    counts = [int(np.unique(labels).size - 1) for labels in chain]
    if counts != found:
        raise SystemExit(f"the fast path finds {found} nuclei, the dask-image chain {counts}")
    return sum(found)


def main():
    """Run the benchmarks of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--quick", action="store_true", help="20 frames, one repeat, no scaling")
    parser.add_argument("--out", default=Path(__file__).parent / "results", type=Path)
    args = parser.parse_args()
    folder = Path(args.folder) if args.folder else data.locate()
    with tempfile.TemporaryDirectory() as scratch:
        files = ways.repeat(data.images(folder), 20 if args.quick else 200, Path(scratch))
        print(data.describe(folder), f"as {len(files)} files", sep="; ")
        nuclei = same_counts(files)
        rows = measure(files, 1 if args.quick else 5)
        result = {
            **environment(),
            "command": " ".join(["python", "benchmarks/run.py", *sys.argv[1:]]),
            "data": data.describe(folder),
            "nuclei_in_3_frames": nuclei,
            "ways": rows,
            "ratios": ratios(rows),
            "scale": [] if args.quick else scale(folder, Path(scratch)),
        }
    write(result, args.out)
    for row in result["ratios"]:
        verdict = "met" if row["met"] else "NOT met"
        print(f"{row['ratio']:50s} {row['value']:7.2f}  (aim {row['aim']}: {verdict})")


if __name__ == "__main__":
    main()
