"""Run snippets: in this process, to look at their results, or as a learner does."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import tifffile
from scipy import ndimage

from segkit import data, simulate

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Folder of twelve simulated frames. Read only: all snippets share it."""
    return simulate.write(tmp_path_factory.mktemp("sets") / "simulated", frames=12)


@pytest.fixture(scope="session")
def files(folder):
    """Return the sorted paths of the twelve frames."""
    return data.images(folder)


def scene(number, shape=(230, 310)):
    """Return a frame as another microscope records it, and its true labels.

    16 bits, a background of 1500 that rises to one side, noise, and sharp discs that do not touch;
    some are cut by the left edge. Frame 4 is empty.
    """
    rng = np.random.default_rng(number)
    row, column = np.indices(shape)
    mask = np.zeros(shape, bool)
    top = 14 + 7 * (number % 6)  # nuclei of different frames are in different places
    steps = np.arange(0, shape[1] - 15, 50)  # each column is lower than the one before
    places = [(y + x // 6, x + 3) for y in range(top, shape[0] - 55, 55) for x in steps]
    places = [(y, x) for y, x in places if y < shape[0] - 15]
    count = 0 if number == 4 else len(places) * (number + 8) // 18
    for y, x in rng.choice(places, count, replace=False):
        mask |= (row - y) ** 2 + (column - x) ** 2 <= rng.integers(8, 14) ** 2
    labels, count = ndimage.label(mask)
    light = np.append(0, rng.uniform(8_000, 40_000, count))[labels] + 1500 + column
    return (light + rng.normal(0, 30, shape)).astype(np.uint16), labels


@pytest.fixture
def own(tmp_path):
    """Six such frames in the folder images, where snippets run, under names that need care."""
    images, labels = map(np.stack, zip(*map(scene, range(6)), strict=True))
    paths = [tmp_path / "images" / f"scan [{number}] µm.tif" for number in range(6)]
    paths[0].parent.mkdir()

    def write(images, **options):
        for path, image in zip(paths, images, strict=True):
            tifffile.imwrite(path, image, **options)

    write(images)
    counts = labels.max(axis=(1, 2)).tolist()
    names = {"images": images, "labels": labels, "counts": counts, "paths": paths}
    return SimpleNamespace(**names, write=write, scene=scene)


@pytest.fixture
def play(folder, tmp_path, monkeypatch, capsys):
    """Run a snippet here, in an empty working directory; return its names, and what it printed."""

    def play(name):
        monkeypatch.setenv("SEGKIT_DATA", str(folder.parent))
        monkeypatch.chdir(tmp_path)
        capsys.readouterr()
        names = runpy.run_path(str(CHECKOUT / "snippets" / f"{name}.py"), run_name="__main__")
        return SimpleNamespace(**names, printed=capsys.readouterr().out.strip())

    yield play
    plt.close("all")


@pytest.fixture(scope="session")
def run():
    """Start a snippet as a process of its own; return what it prints, warnings being errors."""

    def run(name, folder, *, cwd=CHECKOUT):
        env = {**os.environ, "SEGKIT_DATA": str(folder.parent), "MPLBACKEND": "agg"}
        env["PYTHONWARNINGS"] = "error::FutureWarning,error::DeprecationWarning"
        command = [sys.executable, str(CHECKOUT / "snippets" / f"{name}.py")]
        options = {"capture_output": True, "text": True, "timeout": 300}
        done = subprocess.run(command, cwd=cwd, env=env, **options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
