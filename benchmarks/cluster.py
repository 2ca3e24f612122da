"""What a local cluster gains with a second worker.

``python benchmarks/cluster.py [FOLDER]`` takes the frames in use: 2,000 of them (those here, over
and over) on clusters of one and of two workers that are up already. The two take turns, so that a
slow minute of the machine falls on both.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from distributed import Client, LocalCluster
from report import environment

from segkit import data, run

AIM = 1.7


def seconds(files, cluster):
    """Segment files into a folder that is thrown away; return the seconds it took."""
    with tempfile.TemporaryDirectory() as out, Client(cluster):
        began = time.perf_counter()
        run.segment(files, out, progress=False)
        return time.perf_counter() - began


def measure(files, *, repeats):
    """Time one and two workers `repeats` times, in turn; return the seconds of each."""
    one_thread = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(1, **one_thread) as one, LocalCluster(2, **one_thread) as two:
        sets = {"cluster, 1 worker, many frames": one, "cluster, 2 workers, many frames": two}
        found = {name: [] for name in sets}
        for cluster in sets.values():  # warm up: files cached, modules loaded, matrices made
            seconds(files[:200], cluster)
        for turn in range(repeats):
            for name, cluster in sets.items():
                found[name].append(seconds(files, cluster))
                print(f"{turn + 1}/{repeats}  {name:42s} {found[name][-1]:7.2f} s", flush=True)
    return found


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
    files = data.images(folder)
    many = (files * (args.many // len(files) + 1))[: args.many]
    found = measure(many, repeats=args.repeats)
    one, two = map(np.array, found.values())
    gain = float(np.median(one / two))  # of the turns: a slow minute is in both
    ratio = {"ratio": "speed-up from 1 to 2 workers", "value": gain, "aim": AIM}
    result |= {"seconds": found, "ratios": [ratio | {"met": gain >= AIM}]}
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{ratio['ratio']}: {gain:.2f} (aim {AIM}: {'met' if gain >= AIM else 'NOT met'})")


if __name__ == "__main__":
    main()
