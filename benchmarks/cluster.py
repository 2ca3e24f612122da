"""What a local cluster gains with a second worker, and what it costs beside plain processes.

``python benchmarks/cluster.py [FOLDER]`` takes the frames in use. All in one run: 2,000 frames
(links to those here) on clusters of one and of two workers that are up already, and 200 frames on
two workers beside two plain processes. Plain processes start anew with each run, and the cluster
has that behind it: so they are timed with a pool that is up already too, and that ratio counts.
The ways take turns, so that a slow minute of the machine falls on all of them.
"""

import argparse
import json
import shutil
import tempfile
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import dask
import numpy as np
import ways
from report import environment

from segkit import cluster, data, run, schedulers

AIMS = {"speed-up from 1 to 2 workers": 1.7, "overhead of the cluster, percent": 15}


def seconds(files, **options):
    """Segment files into a folder that is thrown away; return the seconds it took."""
    out = tempfile.mkdtemp()
    try:
        began = time.perf_counter()
        run.segment(files, out, progress=False, **options)
        return time.perf_counter() - began
    finally:
        shutil.rmtree(out)


def pooled(files, pool):
    """Time a pool of processes that is up already."""
    with dask.config.set(pool=pool), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The ``initializer`` argument is ignored")
        return seconds(files, scheduler="processes")


def measure(few, many, *, repeats):
    """Time each way `repeats` times, in turn; return the seconds of each."""
    found = {}
    with ExitStack() as stack:
        clients = [stack.enter_context(cluster.client("local", workers=n)) for n in (1, 2)]
        one, two = (client.scheduler.address for client in clients)
        for client, count in zip(clients, (1, 2), strict=True):
            client.wait_for_workers(count)
        pool = ProcessPoolExecutor(2, get_context("spawn"), schedulers.limit_blas)
        stack.enter_context(pool)
        sets = {
            "cluster, 1 worker, many frames": lambda: seconds(many, scheduler=one),
            "cluster, 2 workers, many frames": lambda: seconds(many, scheduler=two),
            "cluster, 2 workers, few frames": lambda: seconds(few, scheduler=two),
            "2 processes, up already, few frames": lambda: pooled(few, pool),
            "2 processes, started for it, few frames": lambda: seconds(
                few, scheduler="processes", workers=2
            ),
        }
        for address in (one, two):  # warm up: files cached, modules loaded, matrices made
            seconds(few, scheduler=address)
        pooled(few, pool)
        for turn in range(repeats):
            for name, way in sets.items():
                found.setdefault(name, []).append(way())
                print(f"{turn + 1}/{repeats}  {name:42s} {found[name][-1]:7.2f} s", flush=True)
    return found


def ratios(found):
    """Return what is aimed at: medians over the turns of the ratio within each turn."""
    of = {name: np.array(times) for name, times in found.items()}
    one, two, few, up, anew = of.values()
    gain = float(np.median(one / two))
    cost = float(100 * np.median(few / up - 1))
    started = float(100 * np.median(few / anew - 1))
    gained, costs = AIMS.items()
    return [
        {"ratio": gained[0], "value": gain, "aim": gained[1], "met": gain >= gained[1]},
        {"ratio": costs[0], "value": cost, "aim": costs[1], "met": cost < costs[1]},
        {"ratio": "the same, with the processes' start", "value": started},
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--many", type=int, default=2000, help="default: 2000")
    parser.add_argument("--few", type=int, default=200, help="default: 200")
    parser.add_argument("--repeats", type=int, default=3)
    default = Path(__file__).parent / "results" / "cluster.json"
    parser.add_argument("--out", default=default, type=Path)
    args = parser.parse_args()
    folder = Path(args.folder) if args.folder else data.locate()
    result = {"command": "python benchmarks/cluster.py" + (" FOLDER" if args.folder else "")}
    result |= {**environment(), "data": data.describe(folder), "repeats": args.repeats}
    result |= {"few": args.few, "many": args.many, "batch": run.BATCH}
    with tempfile.TemporaryDirectory() as scratch:
        files = data.images(folder)
        few = ways.repeat(files, args.few, Path(scratch) / "few")
        many = ways.repeat(files, args.many, Path(scratch) / "many")
        result["seconds"] = measure(few, many, repeats=args.repeats)
    result["ratios"] = ratios(result["seconds"])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["ratios"]:
        verdict = (
            "" if "aim" not in row else f"(aim {row['aim']}: {'met' if row['met'] else 'NOT met'})"
        )
        print(f"{row['ratio']:40s} {row['value']:7.2f}  {verdict}")


if __name__ == "__main__":
    main()
