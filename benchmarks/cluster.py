"""What a local cluster gains with a second worker.

``python benchmarks/cluster.py [FOLDER]`` takes the frames in use: 2,000 of them (links to those
here) on clusters of one and of two workers that are up already. The two take turns, so that a
slow minute of the machine falls on both.
"""

import argparse
import json
import shutil
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import ways
from report import environment

from segkit import cluster, data, run

AIM = 1.7


def seconds(files, **options):
    """Segment files into a folder that is thrown away; return the seconds it took."""
    out = tempfile.mkdtemp()
    try:
        began = time.perf_counter()
        run.segment(files, out, progress=False, **options)
        return time.perf_counter() - began
    finally:
        shutil.rmtree(out)


def measure(files, *, repeats):
    """Time each way `repeats` times, in turn; return the seconds of each."""
    found = {}
    with ExitStack() as stack:
        clients = [stack.enter_context(cluster.client("local", workers=n)) for n in (1, 2)]
        one, two = (client.scheduler.address for client in clients)
        for client, count in zip(clients, (1, 2), strict=True):
            client.wait_for_workers(count)
        sets = {
            "cluster, 1 worker, many frames": lambda: seconds(files, scheduler=one),
            "cluster, 2 workers, many frames": lambda: seconds(files, scheduler=two),
        }
        for address in (one, two):  # warm up: files cached, modules loaded, matrices made
            seconds(files[:200], scheduler=address)
        for turn in range(repeats):
            for name, way in sets.items():
                found.setdefault(name, []).append(way())
                print(f"{turn + 1}/{repeats}  {name:42s} {found[name][-1]:7.2f} s", flush=True)
    return found


def ratios(found):
    """Return what is aimed at: the median over the turns of the ratio within each turn."""
    one, two = (np.array(times) for times in found.values())
    gain = float(np.median(one / two))
    name = "speed-up from 1 to 2 workers"
    return [{"ratio": name, "value": gain, "aim": AIM, "met": gain >= AIM}]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--many", type=int, default=2000, help="default: 2000")
    parser.add_argument("--repeats", type=int, default=3)
    default = Path(__file__).parent / "results" / "cluster.json"
    parser.add_argument("--out", default=default, type=Path)
    args = parser.parse_args()
    folder = Path(args.folder) if args.folder else data.locate()
    result = {"command": "python benchmarks/cluster.py" + (" FOLDER" if args.folder else "")}
    result |= {**environment(), "data": data.describe(folder), "repeats": args.repeats}
    result |= {"many": args.many, "batch": run.BATCH}
    with tempfile.TemporaryDirectory() as scratch:
        files = data.images(folder)
        many = ways.repeat(files, args.many, Path(scratch) / "many")
        result["seconds"] = measure(many, repeats=args.repeats)
    result["ratios"] = ratios(result["seconds"])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["ratios"]:
        verdict = "met" if row["met"] else "NOT met"
        print(f"{row['ratio']:40s} {row['value']:7.2f}  (aim {row['aim']}: {verdict})")


if __name__ == "__main__":
    main()
