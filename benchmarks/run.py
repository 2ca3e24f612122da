"""Time the ways to run the pipeline, side by side in one run, and write what came out.

``python benchmarks/run.py [FOLDER] [--quick]`` (or ``make bench``) takes the frames in use, real
ones where present. Machines are noisy: read the ratios, not the seconds. Every way runs once to
warm up, then five rounds follow in which each runs once; the table has the medians.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import ways
from report import environment, write
from scale import scale

from segkit import data, frame, reading


def measure(files, repeats):
    """Time every way in rounds; return rows of way, frames, the seconds of each round, median.

    A round runs each way once, so that what slows the machine for a while meets all of them.
    """
    every, rows = ways.every(files, repeats), []
    for name, context, count, times in every:
        with context() as way:
            way()  # files cached, matrices made
        rows.append({"way": name, "frames": count, "repeats": times, "seconds": []})
    for number in range(repeats):
        for row, (_, context, _, times) in zip(rows, every, strict=True):
            if number < times:
                with context() as way:
                    began = time.perf_counter()
                    way()
                    row["seconds"].append(time.perf_counter() - began)
    for row in rows:
        row["ms_per_frame"] = 1000 * float(np.median(row["seconds"])) / row["frames"]
        print("{way:45s} {frames:5d} frames {ms_per_frame:9.2f} ms per frame".format(**row))
    return rows


def ratios(rows):
    """Return the ratios that the project aims at, each with its aim and whether it is met.

    Each is the median of the ratios of the single rounds.
    """
    ms = {row["way"]: 1000 * np.array(row["seconds"]) / row["frames"] for row in rows}
    loop, threads = ms["fast path, plain loop"], ms["fast path, threads"]
    slow = ms["dask-image, 10 frames"]
    aims = [
        ("scipy loop / fast loop, one core", ms["scipy loop"] / loop, 18),
        ("fast loop / default scheduler", loop / threads, 1.7),
        ("scipy loop / fast path on all cores", ms["scipy loop"] / threads, 35),
        ("dask-image with persist, 10 frames / fast path", slow / threads[: len(slow)], 100),
    ]
    return [
        {
            "ratio": name,
            "value": float(np.median(rounds)),
            "rounds": [round(float(value), 2) for value in rounds],
            "aim": aim,
            "met": bool(np.median(rounds) >= aim),
        }
        for name, rounds, aim in aims
    ]


def same_counts(files):
    """Check that what is compared finds the same nuclei; return their number in three frames."""
    found = [int(frame.segment(reading.read_frame(path)).max()) for path in files[:3]]
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
            "command": "python benchmarks/run.py" + (" FOLDER" if args.folder else ""),
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
