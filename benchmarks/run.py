"""Time the ways to run the pipeline, side by side in one run, and write what came out.

``python benchmarks/run.py [FOLDER] [--quick]`` (or ``make bench``) takes the frames in use, real
ones where present, and over again if there are fewer than it takes. All ways read, segment and
measure. Machines are noisy: read the ratios, not the seconds. Every way runs once to warm up, then
five rounds follow in which each runs once; the record has the medians. Then it segments 200, 2,000
and 20,000 frames as ``segkit segment`` does, each time in a process of its own.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import dask
import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure, ndmorph
from report import environment, watched
from scipy import ndimage
from skimage import filters, measure, morphology, util
from threadpoolctl import threadpool_limits

from segkit import data, frame, reading, run

CROSS = ndimage.generate_binary_structure(2, 1)
WITHIN = np.pad(CROSS[None], [(1, 1), (0, 0), (0, 0)])  # each frame by itself
# What is divided by what, and what the project aims at.
AIMS = (
    ("scipy loop", "fast path, plain loop", 18),
    ("fast path, plain loop", "fast path, threads", 1.7),
    ("scipy loop", "fast path, threads", 35),
    ("dask-image, 10 frames", "fast path, threads", 100),
)
# Once to warm up, then the run that counts: imports and the matrices of the filter are the same for
# any number of frames.
CHILD = """
import sys
from segkit import data, run
files, count = data.images(sys.argv[1]), int(sys.argv[2])
files = (files * (count // len(files) + 1))[:count]
run.segment(files[:50], "warm", progress=False)
print(*map(run.segment(files, "run", progress=False).get, ("batches", "nuclei", "seconds")))
"""


# ---- the ways


def dask_image_chain(files):
    """Run the published chain, with the persist that it needs to end at all."""
    images = imread(f"{files[0].parent}/*{files[0].suffix}", imread=tifffile.imread)[: len(files)]
    smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
    threshold = ndfilters.threshold_local(smoothed, images.chunksize)
    mask = ndmorph.binary_opening(smoothed > threshold, structure=WITHIN)
    images, labels, count = dask.persist(images, *ndmeasure.label(mask, structure=WITHIN))
    index = np.arange(1, int(count.compute()) + 1)
    area = ndmeasure.area(images, labels, index)
    mean = ndmeasure.mean(images, labels, index)
    return dask.compute(area, mean)


def scipy_frame(path):
    """One frame with SciPy's functions."""
    image = tifffile.imread(path)
    smoothed = ndimage.gaussian_filter(image, 1)
    sigma = [(n - 1) / 6 for n in image.shape]
    threshold = ndimage.gaussian_filter(smoothed.astype(float), sigma)
    mask = ndimage.binary_opening(smoothed > threshold, CROSS)
    labels, count = ndimage.label(mask, CROSS)
    index = np.arange(1, count + 1)
    return ndimage.sum_labels(mask, labels, index), ndimage.mean(image, labels, index)


def skimage_mask(image):
    """Return the mask of one frame, with scikit-image's functions."""
    smoothed = filters.gaussian(image, 1, preserve_range=True)
    sigma = [(n - 1) / 6 for n in image.shape]
    threshold = filters.gaussian(smoothed, sigma, mode="reflect", preserve_range=True)
    return morphology.opening(smoothed > threshold, CROSS)


def skimage_table(image, mask):
    """Label and measure one frame with scikit-image's functions."""
    labels = measure.label(mask, connectivity=1)
    return measure.regionprops_table(labels, image, properties=("label", "area", "mean_intensity"))


def skimage_loop(files):
    """scikit-image's functions, frame by frame."""
    images = map(tifffile.imread, files)
    return [skimage_table(image, skimage_mask(image)) for image in images]


def apply_parallel(files):
    """scikit-image's apply_parallel for the masks, frame by frame; then labels and a table."""
    images = np.stack([tifffile.imread(path) for path in files])
    options = {"chunks": (1, *images.shape[1:]), "dtype": bool, "compute": True}
    masks = util.apply_parallel(lambda chunk: skimage_mask(chunk[0])[None], images, **options)
    return list(map(skimage_table, images, masks))


def fast_loop(files):
    """Run the finished pipeline in one thread; return the tables."""
    like = reading.common_format(files)
    images = (reading.read_frame(path, like=like) for path in files)
    return [frame.columns(image, frame.segment(image)) for image in images]


def fast(files):
    """Run the finished pipeline in Dask's threads, with its files written."""
    with tempfile.TemporaryDirectory() as out:
        return run.segment(files, out, progress=False)


# ---- the measurements


def timed(files, rounds):
    """Time every way in rounds; return rows of way, frames, the seconds of each round, median.

    A round runs each way once, so that what slows the machine for a while meets all of them.
    """
    ways = {  # slow ways get fewer frames, and say so
        "dask-image, 3 frames": (dask_image_chain, files[:3], 3),
        "dask-image, 10 frames": (dask_image_chain, files[:10], 1),
        "scipy loop": (lambda some: list(map(scipy_frame, some)), files[:20], rounds),
        "scikit-image loop": (skimage_loop, files[:20], rounds),
        "apply_parallel": (apply_parallel, files[:20], rounds),
        "fast path, plain loop": (fast_loop, files, rounds),
        "fast path, threads": (fast, files, rounds),
    }
    rows = [{"way": way, "frames": len(ways[way][1]), "seconds": []} for way in ways]
    for number in range(rounds + 1):
        for row, (way, some, most) in zip(rows, ways.values(), strict=True):
            if number <= most:
                began = time.perf_counter()
                way(some)
                row["seconds"].append(time.perf_counter() - began)
    for row in rows:
        del row["seconds"][0]  # files cached, matrices made
        row["ms_per_frame"] = 1000 * float(np.median(row["seconds"])) / row["frames"]
        print("{way:25s} {frames:5d} frames {ms_per_frame:9.2f} ms per frame".format(**row))
    return rows


def ratios(rows):
    """Return the ratios that the project aims at: each the median of those of single rounds."""
    ms = {row["way"]: [1000 * s / row["frames"] for s in row["seconds"]] for row in rows}
    found = []
    for slow, quick, aim in AIMS:
        value = np.median([a / b for a, b in zip(ms[slow], ms[quick], strict=False)])
        found.append({"ratio": f"{slow} / {quick}", "value": float(value), "aim": aim})
    return found


def scale(folder, counts=(200, 2000, 20_000)):
    """Segment more and more frames; yield a row for each number, with the median time."""
    for count in counts:
        runs = []
        for _ in range(3 if count < 5000 else 1):
            with tempfile.TemporaryDirectory() as scratch:
                printed, took = watched(["-c", CHILD, folder, count], scratch)
            tasks, nuclei, seconds = printed.split()
            runs.append((float(seconds), took["peak_MB"]))
        row = {"frames": count, "tasks": int(tasks), "nuclei": int(nuclei)}
        peak = max(memory for _, memory in runs)
        yield row | {"seconds": sorted(runs)[len(runs) // 2][0], "peak_MB": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", help="data set (default: the frames in use)")
    parser.add_argument("--quick", action="store_true", help="20 frames, one round, no scaling")
    parser.add_argument("--out", default=Path(__file__).parent / "results" / "pipeline.json")
    args = parser.parse_args()
    folder = Path(args.folder or data.locate()).absolute()
    files = data.images(folder)
    files = (files * (200 // len(files) + 1))[: 20 if args.quick else 200]
    result = {"command": "python benchmarks/run.py" + (" FOLDER" if args.folder else "")}
    result |= {**environment(), "data": data.describe(folder)}
    with threadpool_limits(1):
        areas = np.concatenate([table["area"] for table in fast_loop(files[:3])])
        if not np.array_equal(areas, dask_image_chain(files[:3])[0]):
            raise SystemExit("the fast path and the chain of dask-image find different nuclei")
        result["ways"] = timed(files, 1 if args.quick else 5)
    result["ratios"] = ratios(result["ways"])
    result["scale"] = [] if args.quick else list(scale(folder))
    Path(args.out).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result["ratios"], indent=1))


if __name__ == "__main__":
    main()
