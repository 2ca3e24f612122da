"""The snippets for GPUs, on the CPU, and with the stand-in in CuPy's place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import standin
import tifffile
from scipy import ndimage

from segkit import frame

CHECKOUT = Path(__file__).parents[2]


def with_stand_in(name, folder):
    """Return what a snippet prints where CuPy finds a device."""
    path = os.pathsep.join([str(standin.PACKAGES), os.environ.get("PYTHONPATH", "")])
    env = {**os.environ, "SEGKIT_DATA": str(folder.parent), "PYTHONPATH": path}
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "snippets" / f"{name}.py")],
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def no_gpu(monkeypatch):
    """Hide CuPy: on a machine with a GPU the snippets would take it."""
    standin.forget(monkeypatch)
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_segment(play, folder, files, no_gpu):
    """As many nuclei as frame by frame, whatever computes them."""
    played = play("gpu_segment")
    count = sum(frame.segment(tifffile.imread(path)).max() for path in files[:10])
    assert played.printed == f"{count} nuclei in 10 frames, computed with numpy"
    assert type(played.labels) is np.ndarray
    assert with_stand_in("gpu_segment", folder) == played.printed.replace("numpy", "cupy")


def test_dask_image(play, folder, files, no_gpu):
    """The mask is that of SciPy, frame by frame, and its chunks are where they should be."""
    played = play("gpu_dask_image")
    covered = []
    for path in files[:4]:
        smoothed = ndimage.gaussian_filter(tifffile.imread(path).astype(float), 1)
        mask = smoothed > frame.local_threshold(smoothed)
        covered.append(ndimage.binary_opening(mask).mean())
    assert played.opened.chunksize[0] == 4
    assert float(re.match(r"[\d.]+", played.printed)[0]) == round(100 * np.mean(covered), 2)
    assert played.printed.endswith("computed with numpy")
    assert with_stand_in("gpu_dask_image", folder) == played.printed.replace("numpy", "cupy")
