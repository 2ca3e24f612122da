"""The CPU of the machine beside its GPU, for ``gpu.py``: the same frames, the same results."""

import concurrent.futures
import multiprocessing
import time

import numpy as np
import ways
from scipy import ndimage
from threadpoolctl import threadpool_limits

from segkit import frame, stack
from segkit.methods import measuring


def median_seconds(function, repeats):
    """Call once to warm up, then `repeats` times; return the median of the seconds."""
    function()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - began)
    return float(np.median(seconds))


def scipy_image(image):
    """One frame with SciPy's functions, as in `ways.scipy_frame`, without the reading."""
    smoothed = ndimage.gaussian_filter(image, 1)
    sigma = [(n - 1) / 6 for n in image.shape]
    threshold = ndimage.gaussian_filter(smoothed.astype(float), sigma)
    mask = ndimage.binary_opening(smoothed > threshold, ways.CROSS)
    labels, count = ndimage.label(mask, ways.CROSS)
    index = np.arange(1, count + 1)
    return ndimage.sum_labels(mask, labels, index), ndimage.mean(image, labels, index)


loaded = []  # the frames, in each process


def _load(files):
    threadpool_limits(1)
    like = stack.common_format(files)
    loaded[:] = [stack.read_frame(path, like=like) for path in files]


def _fast(numbers):
    for number in numbers:
        measuring.columns(loaded[number], frame.segment(loaded[number]))


def on_cpu(files, cores, repeats):
    """Time this machine's CPU on frames in memory: milliseconds a frame."""
    with threadpool_limits(1):
        _load(files)
    few = loaded[: min(10, len(loaded))]
    spawn = multiprocessing.get_context("spawn")
    times = {}
    with threadpool_limits(1):
        loop = median_seconds(lambda: [scipy_image(image) for image in few], min(repeats, 3))
        times["scipy_loop_one_core"] = 1000 * loop / len(few)
        seconds = median_seconds(lambda: _fast(range(len(loaded))), repeats)
        times["fast_path_one_core"] = 1000 * seconds / len(loaded)
    shares = np.array_split(np.arange(len(loaded)), 4 * cores)
    pool = concurrent.futures.ProcessPoolExecutor
    with pool(cores, mp_context=spawn, initializer=_load, initargs=(files,)) as workers:
        list(workers.map(_fast, shares))  # all have started, and have loaded the frames
        seconds = median_seconds(lambda: list(workers.map(_fast, shares)), repeats)
    times["fast_path_all_cores"] = 1000 * seconds / len(loaded)
    return {"cores": cores, **times}


def from_files(files, repeats):
    """Time reading, segmenting and measuring files: milliseconds a frame."""
    like = stack.common_format(files)
    ways_of = {
        "gpu": lambda: stack.batch(files, 0, like=like, device="gpu"),
        "cpu, threads": lambda: ways.fast(files, "threads"),
    }
    return {n: 1000 * median_seconds(c, repeats) / len(files) for n, c in ways_of.items()}
