"""Small frames for the tests, with objects that every method can see, and small disks."""

import os
import subprocess

import numpy as np
import pytest
import tifffile
from scipy import ndimage


def scene(seed, shape=(90, 120), *, dtype=np.uint16, nuclei=12):
    """One frame: blurred discs on a noisy background."""
    rng = np.random.default_rng(seed)
    seeds = np.zeros(shape)
    rows, columns = (rng.integers(6, n - 6, nuclei) for n in shape)
    seeds[rows, columns] = 1
    discs = ndimage.distance_transform_edt(seeds == 0) < 6
    light = ndimage.gaussian_filter(discs * 600.0, 1.0) + 150 + rng.normal(0, 5, shape)
    return light.astype(dtype)


def folder(path, frames, *, shape=(90, 120)):
    """Write `frames` scenes as TIFF files; return their sorted paths."""
    path.mkdir(parents=True, exist_ok=True)
    files = [path / f"frame_{number:03d}.tif" for number in range(frames)]
    for number, file in enumerate(files):
        tifffile.imwrite(file, scene(number, shape))
    return files


def damaged(content, rng):
    """Change a bit or a byte of a tag, or replace some bytes, by zeros, others or none."""
    content = bytearray(content)
    start = int(rng.integers(len(content)))
    stop = start + int(rng.integers(1, 40))
    how = rng.choice(["bit", "header", "zeros", "insert", "remove"])
    if how == "bit":
        content[start] ^= 1 << int(rng.integers(8))
    elif how == "header":  # a tag's entry; tifffile writes them at the start or at the end
        place = int(rng.choice([rng.integers(300), len(content) - 1 - rng.integers(300)]))
        content[place % len(content)] = int(rng.integers(256))
    elif how == "zeros":
        content[start:stop] = bytes(len(content[start:stop]))
    else:
        content[start:stop] = rng.bytes(50) if how == "insert" else b""
    return content


def under_small_disk(folder, kilobytes):
    """Make a folder on which a small disk can be mounted, or skip the test where none can.

    Returns what to put before a command, then two commands for it: one mounts the disk, the other
    makes it larger. Only that command, and what it starts, sees the disk.
    """
    under = ["unshare", "-m"] if getattr(os, "geteuid", int)() == 0 else ["unshare", "-rm"]
    mounts = [
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)]
        for options in (f"size={kilobytes}k", "remount,size=9m")
    ]
    folder.mkdir()
    try:
        subprocess.run([*under, *mounts[0]], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"this system mounts no small disk for a test: {error}")
    return under, *mounts
