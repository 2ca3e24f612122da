"""What ``gpu.py`` times and compares on the GPU."""

import json

import dask.array as da
import numpy as np
import ways
from dask_image import ndfilters, ndmorph
from gpu_beside import median_seconds

from segkit import device, frame
from segkit.methods import measuring


def event_ms(function, repeats):
    """Return the median of milliseconds between an event before a call and one after it."""
    import cupy

    times = []
    for turn in range(2 + repeats):
        before, after = cupy.cuda.Event(), cupy.cuda.Event()
        before.record()
        function()
        after.record()
        after.synchronize()
        if turn >= 2:
            times.append(cupy.cuda.get_elapsed_time(before, after))
    return float(np.median(times))


def resident(there):
    """Segment and measure frames that are on the GPU; all results stay there."""
    labels = frame.segment(there)
    return labels, measuring.columns(there, labels)


def round_trip(images):
    """Move frames to the GPU, segment and measure them, and bring the table back."""
    return device.table_to_host(resident(device.to_gpu(images))[1])


def batches(images, sizes, repeats):
    """Time batches of several sizes."""
    rows = []
    for size in sizes:
        some = images[:size]
        there = device.to_gpu(some)
        rows.append(
            {
                "frames": size,
                "resident_ms": event_ms(lambda there=there: resident(there), repeats),
                "with_transfer_ms": event_ms(lambda some=some: round_trip(some), repeats),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    return rows


def stages(images, repeats):
    """Time each stage on one batch."""
    there = device.to_gpu(images)
    smoothed = frame.smooth(there)
    threshold = frame.local_threshold(smoothed)
    mask = frame.open_mask(smoothed > threshold)
    labels = frame.label(mask)
    calls = {
        "smooth": lambda: frame.smooth(there),
        "local threshold": lambda: frame.local_threshold(smoothed),
        "compare": lambda: smoothed > threshold,
        "open": lambda: frame.open_mask(mask),
        "label": lambda: frame.label(mask),
        "measure": lambda: measuring.columns(there, labels),
    }
    return [{"stage": name, "ms": event_ms(call, repeats)} for name, call in calls.items()]


def transfer(images, repeats):
    """Time the ways over: pageable and pinned memory to the GPU, and label images back."""
    import cupyx

    pinned = cupyx.empty_pinned(images.shape, images.dtype)
    pinned[...] = images
    labels = device.to_gpu(np.zeros(images.shape, np.int32))
    calls = {
        "frames to the GPU": (images.nbytes, lambda: device.to_gpu(images)),
        "frames to the GPU, from pinned memory": (images.nbytes, lambda: device.to_gpu(pinned)),
        "label images back": (labels.nbytes, lambda: device.to_host(labels)),
    }
    rows = []
    for name, (size, call) in calls.items():
        ms = event_ms(call, repeats)
        rows.append({"what": name, "MB": size / 1e6, "ms": ms, "GB_per_s": size / 1e6 / ms})
    return rows


def count_transfers(images):
    """Count the arrays that cross in one round trip, after the constants have gone over.

    (CuPy's own functions exchange single numbers with the host, such as how many labels there
    are. These are not counted.)
    """
    import cupy

    round_trip(images)
    counts = dict.fromkeys(("asarray", "asnumpy"), 0)
    crosses = {"asarray": np.ndarray, "asnumpy": cupy.ndarray}
    originals = {name: getattr(cupy, name) for name in counts}

    def counted(name):
        def call(*args, **options):
            counts[name] += isinstance(args[0], crosses[name])
            return originals[name](*args, **options)

        return call

    try:
        for name in counts:
            setattr(cupy, name, counted(name))
        round_trip(images)
    finally:
        for name, original in originals.items():
            setattr(cupy, name, original)
    return {"to_gpu": counts["asarray"], "to_host": counts["asnumpy"]}


def compare(images):
    """Compare labels and table of the GPU with those of the CPU."""
    labels, columns = resident(device.to_gpu(images))
    labels, columns = device.to_host(labels), device.table_to_host(columns)
    expected = frame.segment(images)
    table = measuring.columns(images, expected)
    same = all(np.array_equal(columns[name], table[name]) for name in ("frame", "label", "area"))
    apart = np.inf
    if same and len(table["area"]):
        apart = abs(columns["mean_intensity"] / table["mean_intensity"] - 1).max()
    return {
        "frames": len(images),
        "nuclei": len(table["label"]),
        "pixels_with_another_label": int(np.count_nonzero(labels != expected)),
        "frames_labels_and_areas_equal": same,
        "mean_largest_relative_difference": float(apart),
    }


def dask_image_chain(images, repeats):
    """Time the mask of notebook 04 by dask-image, one chunk, and compare it with the CPU's."""
    import cupy

    masks, rows = {}, []
    for kind in (images.dtype.name, "float64"):
        for where, xp in (("cpu", np), ("gpu", cupy)):
            there = xp.asarray(images.astype(kind))
            lazy = da.from_array(there, chunks=there.shape, asarray=False)
            smoothed = ndfilters.gaussian_filter(lazy, [0, 1, 1])
            threshold = ndfilters.threshold_local(smoothed, (1, *there.shape[1:]))
            mask = ndmorph.binary_opening(smoothed > threshold, xp.asarray(ways.SANDWICH))

            def compute(mask=mask):
                return mask.compute(scheduler="synchronous")

            masks[where] = device.to_host(compute())
            ms = event_ms(compute, repeats) if where == "gpu" else 1000 * median_seconds(compute, 1)
            rows.append({"dtype": kind, "where": where, "frames": len(images), "ms": ms})
        rows[-1]["pixels_that_differ"] = int(np.count_nonzero(masks["cpu"] != masks["gpu"]))
    return rows


def ratios(result):
    """Return the ratios that the project aims at, each with its aim and whether it is met."""
    last = result["batches"][-1]
    cpu = result["cpu_ms_per_frame"]
    moved, there = (last[key] / last["frames"] for key in ("with_transfer_ms", "resident_ms"))
    loop = cpu["scipy_loop_one_core"]
    size = f"batch of {last['frames']}"
    rows = [
        (f"scipy loop, one core / GPU with transfer, {size}", loop / moved, 20),
        (
            f"fast path, all cores / GPU with transfer, {size}",
            cpu["fast_path_all_cores"] / moved,
            1,
        ),
        (f"scipy loop, one core / GPU, data resident, {size}", loop / there, 100),
    ]
    return [{"ratio": n, "value": v, "aim": aim, "met": bool(v >= aim)} for n, v, aim in rows]
