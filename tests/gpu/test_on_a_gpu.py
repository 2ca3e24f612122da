"""On a GPU: the functions of notebook 15 give the results of the CPU.

Run by ``make test-gpu``. Without CuPy or a GPU each test is skipped, and says which is missing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
from dask_image import ndfilters, ndinterp, ndmorph
from dask_image.dispatch._dispatch_ndfilters import dispatch_threshold_local_mean
from made import folder, scene

from segkit import data

pytestmark = pytest.mark.gpu
CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def program(load):
    """Return the benchmark, which loads and compares the functions."""
    return load("benchmarks/gpu")


@pytest.fixture
def chain(program):
    """Return the functions of the notebook on CuPy, or skip with the reason."""
    functions = program.functions()
    if not functions.gpu:
        pytest.skip(f"no GPU: {' '.join(functions.missing.split())}")
    return functions


def agree(program, chain, images):
    """Compare a batch with the CPU's labels, areas and means; return the number of nuclei."""
    compared = program.compare(chain, images)
    assert compared["pixels_with_another_label"] == 0
    assert compared["frames_and_areas_equal"]
    assert compared["mean_largest_relative_difference"] < 1e-6
    return compared["nuclei"]


def frames(source, count):
    """Read the first frames of a data set."""
    return np.stack([tifffile.imread(path) for path in data.images(source)[:count]])


def test_simulated_frames(program, chain, simulated_frames):
    """The first 40 at once: the same labels and areas, the means to 1e-6."""
    assert agree(program, chain, frames(simulated_frames, 40)) > 3000


@pytest.mark.real
def test_real_frames(program, chain, real_frames):
    """Real frames, 50 of them at once: the same labels and areas, the means to 1e-6."""
    assert agree(program, chain, frames(real_frames, 50)) > 4000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_small_frames(program, chain, dtype):
    """Each kind of pixel, with an empty frame in between; the labels stay on the GPU."""
    images = np.stack([scene(seed) // 4 for seed in range(3)]).astype(dtype)
    images[1] = 0
    assert agree(program, chain, images) > 10
    assert type(chain.segment(chain.xp.asarray(images))) is chain.xp.ndarray


def run(*command, cwd=CHECKOUT, **environment):
    """Run a Python program; return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_benchmark(chain, tmp_path):
    """A quick run of the benchmark writes a result that names the device."""
    files = folder(tmp_path / "in", 4)
    run("benchmarks/gpu.py", files[0].parent, "--quick", "--out", tmp_path / "out")
    (path,) = (tmp_path / "out").iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["device"]["name"] == chain.gpu


def on_chunks(xp):
    """Return what each function that dask-image documents for CuPy makes of chunks of `xp`."""
    values = xp.asarray(np.random.default_rng(6).random((2, 24, 30)))
    image = da.from_array(values, chunks=(1, 24, 30), asarray=False)
    mask, block, weights = image > 0.5, (1, 5, 5), xp.ones((1, 3, 3)) / 9
    calls = {
        "laplace prewitt sobel": (image,),
        "gaussian_filter gaussian_gradient_magnitude gaussian_laplace": (image, [0, 1, 1]),
        "maximum_filter median_filter minimum_filter uniform_filter": (image, block),
        "threshold_local": (image, block),
        "convolve correlate": (image, weights),
        "generic_filter": (image, dispatch_threshold_local_mean(image), block),
        "percentile_filter": (image, 50, block),
        "rank_filter": (image, 1, block),
        "binary_closing binary_dilation binary_erosion binary_opening": (mask,),
        "affine_transform": (image, np.eye(3)),  # it takes NumPy's matrix, and moves it
        "spline_filter spline_filter1d": (image[0],),
    }
    functions = vars(ndfilters) | vars(ndmorph) | vars(ndinterp)
    return {
        name: functions[name](*arguments).compute(scheduler="synchronous")
        for names, arguments in calls.items()
        for name in names.split()
    }


def test_functions_of_dask_image(chain):
    """The 23 that are documented for CuPy chunks give there what they give on NumPy's."""
    there, here = on_chunks(chain.xp), on_chunks(np)
    assert len(here) == 23
    for name, expected in here.items():
        assert type(there[name]) is chain.xp.ndarray
        found = chain.to_host(there[name])
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("snippet", ["gpu_dask_image", "gpu_segment"])
def test_snippets(chain, snippet, simulated_frames):
    """The snippets compute on the GPU, in the folder that holds the images."""
    path = CHECKOUT / "snippets" / f"{snippet}.py"
    printed = run(path, cwd=simulated_frames, SEGKIT_DATA=str(simulated_frames.parent))
    assert "cupy" in printed


def test_notebook(chain, tmp_path, simulated_frames):
    """Notebook 15 runs from top to bottom, its tests included, on the GPU."""
    command = ["tools/run_notebooks.py", "notebooks/15_gpu.ipynb", "--into", tmp_path]
    run(*command, SEGKIT_DATA=str(simulated_frames.parent))
