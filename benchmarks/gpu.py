"""Run the functions of notebook 15 on a GPU, compare and time them beside the CPU's.

``python benchmarks/gpu.py [FOLDER] [--quick]`` takes the frames in use, real ones where present. It
compares labels and tables with those of `segkit.frame`, times batches of several sizes with both
thresholds of the notebook, in double and in single precision, and writes
``results/gpu-NAME.json``. A time ends when the table is in the computer's memory, so that no work
is left on the GPU; two calls warm up (kernels are compiled, memory is taken), and the median of the
others is written. Without CuPy or a GPU it says which is missing, and writes nothing. Then, and
where results differ, the exit status is 1.
"""

import argparse
import contextlib
import importlib.metadata
import json
import re
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import joblib
import numpy as np
import pandas as pd
from report import environment
from threadpoolctl import threadpool_limits

from segkit import data, frame, reading
from segkit.check import gpu as check

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "15_gpu.ipynb"
SIZES = (1, 2, 4, 8, 16, 32, 64, 100, 200)


def functions(*, gpu=True, precision=float):
    """Return what the notebook's cells tagged ``gpu`` define; with NumPy if `gpu` is False.

    `precision` takes the place of ``float``, to which the cells convert the frames.

    ``gpu`` is the name of the device or None, ``missing`` then says why; ``xp`` is CuPy or NumPy;
    ``segment(batch, threshold)`` and ``measure(batch, labels)`` are the pipeline, ``wide`` and
    ``by_products`` its thresholds, and ``solution_renumber(labels)`` numbers the objects of each
    frame from 1 on.
    """
    names = {"check": check, "float": precision}  # a cell is a solution and ends with its check
    hidden = mock.patch.dict(sys.modules, {"cupy": None})
    with contextlib.nullcontext() if gpu else hidden:
        for cell in json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]:
            if "gpu" in cell["metadata"].get("tags", ()):
                exec("".join(cell["source"]), names)
    return SimpleNamespace(**names)


def compare(chain, images, threshold="wide"):
    """Compare the renumbered labels and the table of a batch with those of `segkit.frame`."""
    there = chain.xp.asarray(images)
    labels = chain.segment(there, getattr(chain, threshold))
    table = chain.measure(there, labels)
    labels = chain.to_host(chain.solution_renumber(labels))
    expected = np.stack([frame.segment(image.astype(float)) for image in images])
    parts = [frame.measure(*pair) for pair in zip(images, expected, strict=True)]
    wanted = pd.concat([part.assign(frame=number) for number, part in enumerate(parts)])
    wanted = wanted.reset_index(drop=True)
    columns = ["frame", "area"]
    same = np.array_equal(table[columns], wanted[columns])
    apart = (table["mean_intensity"] / wanted["mean_intensity"] - 1).abs().max()
    return {
        "frames": len(images),
        "nuclei": len(wanted),
        "pixels_with_another_label": int(np.count_nonzero(labels != expected)),
        "frames_and_areas_equal": same,
        "mean_largest_relative_difference": float(apart) if same else None,
    }


def milliseconds(function, images, repeats):
    """Return the median time per frame of a function of frames, after two calls to warm up."""
    times = []
    for _ in range(2 + repeats):
        began = time.perf_counter()
        function(images)
        times.append(1000 * (time.perf_counter() - began) / len(images))
    return float(np.median(times[2:]))


def batches(chain, images, sizes, repeats, threshold):
    """Time batches of several sizes, with the frames on the GPU already and moved there."""
    threshold = getattr(chain, threshold)

    def resident(there):
        chain.measure(there, chain.segment(there, threshold))

    def moved(some):
        resident(chain.xp.asarray(some))

    rows = []
    for size in sizes:
        some = images[:size]
        there = chain.xp.asarray(some)
        row = {
            "frames": size,
            "resident_ms_per_frame": milliseconds(resident, there, repeats),
            "with_transfer_ms_per_frame": milliseconds(moved, some, repeats),
        }
        print(json.dumps(row), flush=True)
        rows.append(row)
    return rows


def thresholds(chain, images, distinct, repeats):
    """Time and compare both thresholds, in double and in single precision, in one batch."""
    for precision in (np.float64, np.float32):
        chain = functions(precision=precision)
        for name in ("wide", "by_products"):
            compared = compare(chain, images[:distinct], name)
            (row,) = batches(chain, images, [len(images)], repeats, name)
            yield {"threshold": name, "precision": np.dtype(precision).name, **row, **compared}


def device(chain, images, repeats):
    """Return what a batch needs of the memory, how fast it moves, and when Python goes on."""
    from cupyx import empty_pinned

    xp, pool = chain.xp, chain.xp.get_default_memory_pool()
    there, pinned = xp.asarray(images), empty_pinned(images.shape, images.dtype)
    pinned[:] = images
    pool.free_all_blocks()
    before = pool.total_bytes()
    chain.measure(there, chain.segment(there))
    held = (pool.total_bytes() - before) / images.size
    asked, done = [], []
    for _ in range(2 + repeats):
        began = time.perf_counter()
        chain.segment(there)
        asked.append(1000 * (time.perf_counter() - began))
        xp.cuda.Device().synchronize()
        done.append(1000 * (time.perf_counter() - began))

    def copied(some):
        xp.asarray(some)
        xp.cuda.Device().synchronize()

    moves = {"pageable": images, "pinned": pinned}
    times = {name: milliseconds(copied, some, repeats) for name, some in moves.items()}
    return {
        "frames": len(images),
        "bytes_per_pixel_beside_the_frames": held,
        "segment_asked_ms": float(np.median(asked[2:])),
        "segment_done_ms": float(np.median(done[2:])),
        "GB_per_s": {name: images[0].nbytes / 1e6 / ms for name, ms in times.items()},
    }


def measured(image):
    """Segment and measure one frame with `segkit.frame`."""
    return frame.measure(image, frame.segment(image))


def on_cpu(images, cores, repeats):
    """Time the CPU on the same frames: the notebook's functions with NumPy, and `segkit.frame`."""
    chain = functions(gpu=False)

    def scipy_loop(some):
        for image in some:
            chain.measure(image[None], chain.segment(image[None]))

    def loop(some):
        return [measured(image) for image in some]

    with threadpool_limits(1):
        times = {
            "scipy_loop_one_core": milliseconds(scipy_loop, images[:10], min(repeats, 3)),
            "segkit_frame_one_core": milliseconds(loop, images, repeats),
        }
    with joblib.Parallel(n_jobs=cores) as parallel:

        def shared(some):
            return parallel(joblib.delayed(measured)(image) for image in some)

        times["segkit_frame_all_cores"] = milliseconds(shared, images, repeats)
    return {"cores": cores, **times}


def measure(chain, images, distinct, sizes, repeats, cores):
    """Return all times and their ratios on these frames."""
    result = {
        "batches": batches(chain, images, sizes, repeats, "wide"),
        "thresholds": list(thresholds(chain, images, distinct, repeats)),
        "one_batch": device(chain, images, repeats),
        "cpu_ms_per_frame": on_cpu(images, cores, repeats),
    }
    cpu, ratios = result["cpu_ms_per_frame"], {}
    for row in result["thresholds"]:
        if row["precision"] == "float64":
            moved, resident = (row[f"{n}_ms_per_frame"] for n in ("with_transfer", "resident"))
            ratios[row["threshold"]] = {
                "SciPy loop on one core / GPU with transfer": cpu["scipy_loop_one_core"] / moved,
                "SciPy loop on one core / GPU, resident": cpu["scipy_loop_one_core"] / resident,
                "segkit.frame, all cores / GPU with transfer": cpu["segkit_frame_all_cores"]
                / moved,
            }
    return {"ratios": ratios, **result}


def describe(chain):
    """Return name, memory and versions of the device that is used."""
    runtime = chain.xp.cuda.runtime
    return {
        "name": chain.gpu,
        "memory_GB": round(runtime.getDeviceProperties(0)["totalGlobalMem"] / 2**30, 1),
        "driver_up_to_cuda": runtime.driverGetVersion(),
        "cuda": runtime.runtimeGetVersion(),
        "cupy": chain.xp.__version__,
    }


def main():
    """Run the benchmark of the command line; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--quick", action="store_true", help="4 frames, two repeats, two cores")
    parser.add_argument("--out", default=Path(__file__).parent / "results", type=Path)
    args = parser.parse_args()
    chain = functions()
    if not chain.gpu:
        print(f"gpu.py: no GPU to measure: {' '.join(chain.missing.split())}", file=sys.stderr)
        return 1
    folder = Path(args.folder) if args.folder else data.locate()
    result = environment()
    sizes, repeats, cores = SIZES, 10, result["machine"]["cores"]
    if args.quick:
        sizes, repeats, cores = (1, 2, 4), 2, 2
    files = data.images(folder)[: sizes[-1]]
    images = np.stack([reading.read_frame(path) for path in files])
    compared = compare(chain, images)
    print(json.dumps(compared))
    images = np.resize(images, (sizes[-1], *images.shape[1:]))  # over again, if they are fewer
    result["versions"]["segkit"] = importlib.metadata.version("segkit")
    result |= {
        "command": " ".join(["python", "benchmarks/gpu.py", *sys.argv[1:]]),
        "data": f"{data.describe(folder)}; {len(files)} of them as {len(images)}",
        "device": describe(chain),
        "repeats": repeats,
        "comparison": compared,
        **measure(chain, images, len(files), sizes, repeats, cores),
    }
    print(json.dumps(result["ratios"], indent=1))
    slug = re.sub(r"[^a-z0-9]+", "-", chain.gpu.lower()).strip("-")
    args.out.mkdir(parents=True, exist_ok=True)
    path = args.out / f"gpu-{slug}.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"written to {path}")
    if compared["pixels_with_another_label"] or not compared["frames_and_areas_equal"]:
        print("gpu.py: the results differ from those of segkit.frame", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
