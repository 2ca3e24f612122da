"""Cost per frame and peak memory as the number of frames grows."""

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import ways

from segkit import data

COUNTS = (200, 2000, 20000)


def _memory(process):
    """Return the resident memory of a process and its children, in bytes."""
    try:
        family = [process, *process.children(recursive=True)]
        return sum(one.memory_info().rss for one in family)
    except psutil.Error:
        return 0


# What the measured process does: once to warm up, as everywhere in these benchmarks, then the run
# that counts. Imports and the matrices of the filter are the same for any number of frames.
CHILD = """
import sys
from pathlib import Path
from segkit import data, run
source, out = Path(sys.argv[1]), Path(sys.argv[2])
files = data.images(source)
run.segment(files[:50], out / "warm", progress=False)
result = run.segment(files, out / "run", progress=False)
print(result["seconds"], result["nuclei"])
"""


def _run(source, out):
    """Segment a folder in a process of its own; return seconds, nuclei and the peak memory."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(source), str(out)], stdout=subprocess.PIPE, text=True
    )
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        peak = max(peak, _memory(watched))
        time.sleep(0.05)
    seconds, nuclei = process.stdout.read().split()
    return float(seconds), int(nuclei), peak


def scale(folder, scratch, *, counts=COUNTS):
    """Segment 200, 2,000 and 20,000 frames (links to those at hand) as `segkit segment` does."""
    rows = []
    for count in counts:
        source = scratch / f"scale-{count}"
        ways.repeat(data.images(folder), count, source)
        if not source.exists():
            source = folder
        runs = [
            _run(source, scratch / f"out-{count}-{turn}")
            for turn in range(3 if count < 5000 else 1)
        ]
        seconds, nuclei, _ = sorted(runs)[len(runs) // 2]
        peak = max(run[2] for run in runs)
        tasks = len(list((scratch / f"out-{count}-0" / "run" / "nuclei.parquet").glob("part-*")))
        rows.append(
            {
                "frames": count,
                "tasks": tasks,
                "nuclei": nuclei,
                "seconds": seconds,
                "ms_per_frame": 1000 * seconds / count,
                "peak_MB": peak / 2**20,
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


if __name__ == "__main__":
    raise SystemExit(f"run {Path(__file__).with_name('run.py')} instead")
