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


@pytest.fixture(scope="session")
def stack(files):
    """Return the twelve frames as one array."""
    return np.stack([tifffile.imread(path) for path in files])


@pytest.fixture
def own(tmp_path):
    """Return a function that writes frames as a data set, and returns its folder."""

    def own(frames, *, parent="own"):
        images = tmp_path / parent / "BBBC039" / "images"
        images.mkdir(parents=True)
        for number, image in enumerate(frames):
            tifffile.imwrite(images / f"{number:02}.tif", image)
        return images.parent

    return own


@pytest.fixture
def play(folder, tmp_path, monkeypatch, capsys):
    """Run a snippet here, in an empty working directory; return its names, and what it printed."""

    def play(name, folder=folder, *, viewer="matplotlib"):
        monkeypatch.setenv("SEGKIT_DATA", str(folder.parent))
        monkeypatch.setenv("SEGKIT_VIEWER", viewer)
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
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "snippets" / f"{name}.py")],
            cwd=cwd,
            env=env,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run
