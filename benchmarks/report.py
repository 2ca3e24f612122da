"""What the benchmarks share: versions and machine, and the memory that a program takes."""

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path

import psutil
from threadpoolctl import threadpool_info

PACKAGES = ("dask", "distributed", "dask-image", "numpy", "scipy", "scikit-image", "tifffile")
PACKAGES += ("joblib", "pyarrow", "zarr")


def _processor():
    """Return the processor's name where the system tells it."""
    info = Path("/proc/cpuinfo")
    found = info.is_file() and re.search(r"model name\s*: (.*)", info.read_text("utf-8"))
    return found[1] if found else platform.processor() or platform.machine()


def environment():
    """Return date, machine and versions, for every recorded figure."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "machine": {
            "system": f"{platform.system()} {platform.machine()}",
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count(),
            "memory_GB": round(psutil.virtual_memory().total / 2**30, 1),
            "load_before": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        },
        "python": platform.python_version(),
        "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
        "blas": sorted({f"{lib['internal_api']} {lib['version']}" for lib in threadpool_info()}),
        "blas_threads": "1 in every way",
    }


def watched(command, folder):
    """Run Python in a folder; return what it printed, and what it took.

    That is seconds, processor seconds, and the peak memory of the process in MB (2**20 bytes).
    """
    began, peak, cpu = time.perf_counter(), 0, 0
    process = psutil.Popen(
        [sys.executable, *map(str, command)], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    while process.poll() is None:
        peak = max(peak, process.memory_info().rss / 2**20)
        cpu = sum(process.cpu_times()[:2]) or cpu
        time.sleep(0.02)
    seconds, printed = round(time.perf_counter() - began, 1), process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"failed: {command}")
    return printed, {"seconds": seconds, "cpu_seconds": round(cpu, 1), "peak_MB": peak}
