"""What the benchmarks write: JSON with versions and machine, a Markdown table, a plot."""

import datetime
import importlib.metadata
import json
import os
import platform
from pathlib import Path

import matplotlib as mpl
import psutil
from matplotlib.figure import Figure
from threadpoolctl import threadpool_info

PACKAGES = ("dask", "distributed", "dask-image", "numpy", "scipy", "scikit-image", "tifffile")
PACKAGES += ("joblib", "pyarrow", "zarr")


def _processor():
    """Return the processor's name where the system tells it."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(
                line.split(":")[1].strip() for line in lines if line.startswith("model name")
            )
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


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


def table(result):
    """Return the Markdown table of a result."""
    lines = [
        f"# Ways to run the pipeline: {result['data']}",
        "",
        f"`{result['command']}`, {result['date']}, {result['machine']['cores']} cores "
        f"({result['machine']['processor']}), Python {result['python']}, "
        + ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        + f"; BLAS threads: {result['blas_threads']}. One warm-up, median of rounds.",
        "",
        "| way | frames | repeats | ms per frame |",
        "| --- | ---: | ---: | ---: |",
    ]
    for row in result["ways"]:
        lines.append(
            f"| {row['way']} | {row['frames']} | {row['repeats']} | {row['ms_per_frame']:.2f} |"
        )
    lines += ["", "| ratio | value | aim | met |", "| --- | ---: | ---: | --- |"]
    for row in result["ratios"]:
        met = "yes" if row["met"] else "no"
        lines.append(f"| {row['ratio']} | {row['value']:.1f} | {row['aim']} | {met} |")
    if result["scale"]:
        lines += [
            "",
            "| frames | tasks | nuclei | ms per frame | peak memory, all processes (MB) |",
            "| ---: | ---: | ---: | ---: | ---: |",
        ]
        for row in result["scale"]:
            lines.append(
                f"| {row['frames']} | {row['tasks']} | {row['nuclei']} | "
                f"{row['ms_per_frame']:.2f} | {row['peak_MB']:.0f} |"
            )
    return "\n".join(lines) + "\n"


def plot(result, path):
    """Draw milliseconds per frame for every way, on a logarithmic axis."""
    rows = result["ways"][::-1]
    with mpl.rc_context({"font.size": 11}):
        fig = Figure(figsize=(8, 4.5), layout="constrained")
        ax = fig.subplots()
        values = [row["ms_per_frame"] for row in rows]
        fast = [row["way"].startswith("fast") for row in rows]
        ax.barh(
            [row["way"] for row in rows],
            values,
            color=["#0072b2" if one else "#999999" for one in fast],
        )
        for place, value in enumerate(values):
            ax.text(
                value * 1.1, place, f"{value:,.0f}" if value >= 100 else f"{value:.1f}", va="center"
            )
        ax.set(
            xscale="log", xlabel="milliseconds per frame (logarithmic)", xlim=(1, max(values) * 8)
        )
        ax.set_title(
            f"Reading, segmenting and measuring a frame, {result['machine']['cores']} cores"
        )
        fig.savefig(path, dpi=120)


def write(result, out):
    """Write pipeline.json, pipeline.md and pipeline.png into a folder."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result, indent=1) + "\n"
    (out / "pipeline.json").write_text(text, encoding="utf-8")
    (out / "pipeline.md").write_text(table(result), encoding="utf-8")
    plot(result, out / "pipeline.png")
