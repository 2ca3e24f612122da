"""The ways to run the pipeline that the benchmark compares; all read, segment and measure."""

import os
import shutil
import tempfile
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import dask
import joblib
import numpy as np
import tifffile
from dask.array.image import imread
from dask_image import ndfilters, ndmeasure, ndmorph
from distributed import Client, LocalCluster
from scipy import ndimage
from skimage import filters, measure, morphology, util
from threadpoolctl import threadpool_limits

from segkit import frame, reading, run

CROSS = ndimage.generate_binary_structure(2, 1)
WITHIN = np.zeros((3, 3, 3), bool)  # each frame by itself
WITHIN[1] = CROSS


def repeat(files, count, scratch):
    """Name `count` files: the first of `files`, and links to them over again if they are fewer."""
    files = list(files)
    if len(files) >= count:
        return files[:count]
    scratch.mkdir(parents=True, exist_ok=True)
    links = [scratch / f"frame_{number:05d}.tif" for number in range(count)]
    for number, link in enumerate(links):
        try:
            os.link(files[number % len(files)], link)
        except OSError:  # another file system
            shutil.copyfile(files[number % len(files)], link)
    return links


def _chain(files):
    """Persist the dask-image chain up to the label image."""
    with tempfile.TemporaryDirectory() as folder:
        for number, path in enumerate(files):
            shutil.copyfile(path, Path(folder) / f"{number:05d}.tif")
        images = imread(f"{folder}/*.tif", imread=tifffile.imread)
        smoothed = ndfilters.gaussian_filter(images, sigma=[0, 1, 1])
        threshold = ndfilters.threshold_local(smoothed, images.chunksize)
        mask = ndmorph.binary_opening(smoothed > threshold, structure=WITHIN)
        labels, count = ndmeasure.label(mask, structure=WITHIN)
        return dask.persist(images, labels, count)


def dask_image_labels(files):
    """Label images of the dask-image chain."""
    return _chain(files)[1].compute()


def dask_image_chain(files):
    """Run the published chain, with the persist that it needs to end at all."""
    images, labels, count = _chain(files)
    index = np.arange(1, int(count.compute()) + 1)
    area = ndmeasure.area(images, labels, index)
    mean = ndmeasure.mean(images, labels, index)
    return dask.compute(area, mean)


def scipy_frame(path):
    """One frame with scipy's functions."""
    image = tifffile.imread(path)
    smoothed = ndimage.gaussian_filter(image, 1)
    sigma = [(n - 1) / 6 for n in image.shape]
    threshold = ndimage.gaussian_filter(smoothed.astype(float), sigma)
    mask = ndimage.binary_opening(smoothed > threshold, CROSS)
    labels, count = ndimage.label(mask, CROSS)
    index = np.arange(1, count + 1)
    return ndimage.sum_labels(mask, labels, index), ndimage.mean(image, labels, index)


def skimage_frame(path):
    """One frame with scikit-image's functions and a regionprops table."""
    image = tifffile.imread(path)
    smoothed = filters.gaussian(image, 1, preserve_range=True)
    sigma = [(n - 1) / 6 for n in image.shape]
    threshold = filters.gaussian(smoothed, sigma, mode="reflect", preserve_range=True)
    mask = morphology.opening(smoothed > threshold, CROSS)
    labels = measure.label(mask, connectivity=1)
    return measure.regionprops_table(labels, image, properties=("label", "area", "mean_intensity"))


def _mask_of_chunk(chunk):
    smoothed = filters.gaussian(chunk[0], 1, preserve_range=True)
    sigma = [(n - 1) / 6 for n in smoothed.shape]
    threshold = filters.gaussian(smoothed, sigma, mode="reflect", preserve_range=True)
    return morphology.opening(smoothed > threshold, CROSS)[None]


def apply_parallel(files):
    """scikit-image's apply_parallel for the masks, frame by frame; then labels and a table."""
    images = np.stack([tifffile.imread(path) for path in files])
    masks = util.apply_parallel(
        _mask_of_chunk, images, chunks=(1, *images.shape[1:]), dtype=bool, compute=True
    )
    for image, mask in zip(images, masks, strict=True):
        labels = measure.label(mask, connectivity=1)
        measure.regionprops_table(labels, image, properties=("label", "area", "mean_intensity"))


def fast_loop(files):
    """Run the finished pipeline in one thread; return the tables."""
    with threadpool_limits(1):
        like = reading.common_format(files)
        images = (reading.read_frame(path, like=like) for path in files)
        return [frame.columns(image, frame.segment(image)) for image in images]


def fast(files):
    """Run the finished pipeline on what Dask uses, with its files written."""
    with tempfile.TemporaryDirectory() as out:
        return run.segment(files, out, progress=False)


@contextmanager
def _one_thread(way):
    """Keep BLAS at one thread while a way runs."""
    with threadpool_limits(1):
        yield way


@contextmanager
def _on_cluster(files):
    """Start a local cluster for one run of the fast path: beside others it would cost them time.

    It has run two batches before, so that what is timed is a cluster that is up.
    """
    with (
        LocalCluster(threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(len(cluster.workers))
        fast(files[: 2 * run.BATCH])
        yield lambda: fast(files)


def every(files, repeats):
    """Give rows of name, context, frames, repeats; slow ways get fewer frames, and say so.

    What is to be timed is the function that the context gives, not the context's own set-up.
    """
    few, some, slow = files[:3], files[:10], files[:20]
    jobs = [joblib.delayed(skimage_frame)(path) for path in slow]
    single = [
        ("dask-image, 3 frames", lambda: dask_image_chain(few), few, min(repeats, 3)),
        ("dask-image, 10 frames", lambda: dask_image_chain(some), some, 1),
        ("scipy loop", lambda: [scipy_frame(path) for path in slow], slow, repeats),
        ("scikit-image loop", lambda: [skimage_frame(path) for path in slow], slow, repeats),
        (
            "joblib over the scikit-image loop",
            lambda: joblib.Parallel(n_jobs=-1)(jobs),
            slow,
            repeats,
        ),
        ("apply_parallel", lambda: apply_parallel(slow), slow, repeats),
        ("fast path, plain loop", lambda: fast_loop(files), files, repeats),
    ]
    # dask keeps BLAS at one thread in the parallel ways by itself (segkit.run)
    threads = partial(nullcontext, lambda: fast(files))
    return [
        *((name, partial(_one_thread, way), len(frames), n) for name, way, frames, n in single),
        ("fast path, threads", threads, len(files), repeats),
        ("fast path, local cluster", partial(_on_cluster, files), len(files), repeats),
    ]
