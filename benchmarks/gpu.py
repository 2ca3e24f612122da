"""Time the pipeline on a GPU beside the CPU of the same machine, and write what came out.

``python benchmarks/gpu.py [FOLDER] [--quick]`` takes the frames in use, real ones where present.
Times on the GPU are taken between two events in its queue, after two calls that warm up (kernels
are compiled, memory is taken); the median is written. "With transfer" starts with the frames in
the machine's memory and ends with the table there. Without CuPy or a GPU it says which is
missing, writes nothing, and exits with status 1.
"""

import argparse
import importlib.metadata
import json
import os
import re
import sys
import tempfile
from pathlib import Path

import gpu_beside
import gpu_support
import gpu_times
import numpy as np
import ways
from report import environment

from segkit import data, device, stack

SIZES = (1, 2, 4, 8, 16, 32, 64, 100, 200)


def describe_device():
    """Return name, memory, driver and versions of the GPU that is used."""
    import cupy

    properties = cupy.cuda.runtime.getDeviceProperties(cupy.cuda.Device().id)
    return {
        "name": properties["name"].decode(),
        "memory_GB": round(properties["totalGlobalMem"] / 2**30, 1),
        "driver_up_to_cuda": cupy.cuda.runtime.driverGetVersion(),
        "cuda": cupy.cuda.runtime.runtimeGetVersion(),
        "cupy": cupy.__version__,
    }


def measure(files, sizes, repeats, cores):
    """Run all timings and comparisons on these files."""
    import cupy

    like = stack.common_format(files)
    images = np.stack([stack.read_frame(path, like=like) for path in files])
    result = {
        "comparison": gpu_times.compare(images),
        "transfers_of_a_batch": gpu_times.count_transfers(images),
        "batches": gpu_times.batches(images, sizes, repeats),
        "memory_kept_by_cupy_MB": cupy.get_default_memory_pool().total_bytes() / 1e6,
        "stages": gpu_times.stages(images, repeats),
        "transfer": gpu_times.transfer(images, repeats),
    }
    cupy.get_default_memory_pool().free_all_blocks()
    result["dask_image_chain"] = gpu_times.dask_image_chain(images[: min(sizes[-1], 10)], repeats)
    result["cpu_ms_per_frame"] = gpu_beside.on_cpu(files, cores, repeats)
    result["from_files_ms_per_frame"] = gpu_beside.from_files(files, repeats)
    result["support"] = gpu_support.table()
    result["ratios"] = gpu_times.ratios(result)
    return result


def main():
    """Run the benchmark of the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--quick", action="store_true", help="4 frames, two repeats, two cores")
    parser.add_argument("--out", default=Path(__file__).parent / "results", type=Path)
    args = parser.parse_args()
    try:
        device.require("gpu")
    except device.DeviceError as error:
        print(f"{Path(__file__).name}: {error}", file=sys.stderr)
        return 1
    folder = Path(args.folder) if args.folder else data.locate()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    sizes, repeats, cores = ((1, 2, 4), 2, 2) if args.quick else (SIZES, 10, cores)
    with tempfile.TemporaryDirectory() as scratch:
        files = ways.repeat(data.images(folder), sizes[-1], Path(scratch))
        print(data.describe(folder), f"as {len(files)} files", sep="; ", flush=True)
        result = {
            **environment(),
            "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
            "data": f"{data.describe(folder)}; as {len(files)} files",
            "device": describe_device(),
            "repeats": repeats,
            **measure(files, sizes, repeats, cores),
        }
    result["versions"]["segkit"] = importlib.metadata.version("segkit")
    slug = re.sub(r"[^a-z0-9]+", "-", result["device"]["name"].lower()).strip("-")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"gpu-{slug}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    for row in result["ratios"]:
        verdict = "met" if row["met"] else "NOT met"
        print(f"{row['ratio']:70s} {row['value']:8.2f}  (aim {row['aim']}: {verdict})")
    same = result["comparison"]
    print(f"written to {path.name}; compared with the CPU: {json.dumps(same)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
