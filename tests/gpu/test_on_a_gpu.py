"""On a real GPU: the results of the CPU, and nothing that crosses in between.

Run by ``make test-gpu``. Without CuPy or a GPU each test is skipped, and says which is missing.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made import folder, scene

from segkit import cli, data, device, frame, stack
from segkit.methods import gpu, measuring

pytestmark = pytest.mark.gpu
CHECKOUT = Path(__file__).parents[2]
STAGES = ("smooth", "local_threshold", "open_mask", "label", "tutorial")


@pytest.fixture(scope="module")
def cupy():
    """Return CuPy where it has a GPU, or skip with the reason."""
    if reason := device.missing():
        pytest.skip(reason)
    import cupy

    return cupy


@pytest.fixture
def sealed(cupy, monkeypatch):
    """Return a function that from then on lets nothing cross but single numbers."""

    def seal():
        def refuse(name, kind):
            original = getattr(cupy, name)

            def call(array, *args, **options):
                crosses = isinstance(array, kind) and array.size > 1
                assert not crosses, f"cupy.{name} moved {array.shape}"
                return original(array, *args, **options)

            monkeypatch.setattr(cupy, name, call)

        refuse("asarray", np.ndarray)
        refuse("asnumpy", cupy.ndarray)

    return seal


def frames(source, count):
    """Read the first frames of a data set."""
    return np.stack([stack.read_frame(path) for path in data.images(source)[:count]])


def agree(cupy, images):
    """Compare labels and table of a batch with those of the CPU."""
    there = cupy.asarray(images)
    labels = frame.segment(there)
    expected = frame.segment(images)
    np.testing.assert_array_equal(labels.get(), expected)
    table, wanted = frame.measure(there, labels), frame.measure(images, expected)
    for name in ("frame", "label", "area"):
        np.testing.assert_array_equal(table[name], wanted[name])
    for name in ("mean_intensity", "centroid_row", "centroid_col"):
        np.testing.assert_allclose(table[name], wanted[name], rtol=1e-6)
    return len(table)


def test_simulated_frames(cupy, simulated_frames):
    """All 40 at once: the same labels and areas, the means to 1e-6."""
    assert agree(cupy, frames(simulated_frames, 40)) > 3000


@pytest.mark.real
def test_real_frames(cupy, real_frames):
    """Real frames, 100 of them in batches of 50: the same labels and areas, the means to 1e-6."""
    images = frames(real_frames, 100)
    assert agree(cupy, images[:50]) + agree(cupy, images[50:]) > 8000


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("stage", STAGES)
def test_each_stage(cupy, stage, dtype):
    """Each stage alone, on a batch with saturated, dark and empty parts, and on one frame."""
    images = np.stack([scene(seed) // (4 if dtype is np.uint8 else 1) for seed in range(4)])
    images[1], images[3][:30, :30], images[3][30:60, :30] = 7, 255, 0
    images = images.astype(dtype)
    given = images > images.mean() if stage in ("open_mask", "label") else images
    for values in (given, given[0]):
        result = getattr(frame, stage)(cupy.asarray(values))
        assert type(result) is cupy.ndarray
        expected = getattr(gpu, stage)(values)  # the same code on NumPy
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result.get(), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(1, 50), (50, 1), (2, 2), (3, 8)])
def test_thin_frames(cupy, shape):
    """Frames narrower than the kernels are done as on the CPU."""
    images = np.arange(3 * np.prod(shape), dtype=np.uint16).reshape(3, *shape)
    np.testing.assert_array_equal(frame.segment(cupy.asarray(images)).get(), frame.segment(images))


def test_nothing_crosses_inside_a_stage(cupy, sealed, simulated_frames):
    """Once the constants are there, no array goes over or comes back, forth or silently."""
    there = cupy.asarray(frames(simulated_frames, 3))
    measuring.columns(there, frame.segment(there))
    sealed()
    smoothed = frame.smooth(there)
    labels = frame.label(frame.open_mask(smoothed > frame.local_threshold(smoothed)))
    table = measuring.columns(there, labels)
    assert all(type(column) is cupy.ndarray for column in table.values())
    with pytest.raises(AssertionError, match="asnumpy moved"):
        device.to_host(labels)


def test_cupy_refuses_what_the_stand_in_refuses(cupy):
    """Silent conversion and mixing raise, on which the tests without a GPU rely."""
    there = cupy.arange(6.0)
    with pytest.raises(TypeError, match="Implicit conversion"):
        np.asarray(there)
    with pytest.raises(TypeError, match="Unsupported type"):
        there + np.arange(6.0)


def test_batch_from_files_and_command_line(cupy, tmp_path):
    """Table and label images of files are those of the CPU, byte by byte on disk."""
    files = folder(tmp_path / "in", 5)
    like = stack.common_format(files)
    there, _, labels = stack.batch(files, 3, like=like, labels=True, device="gpu")
    here, _, expected = stack.batch(files, 3, like=like, labels=True)
    np.testing.assert_array_equal(labels, expected)
    for name in here:
        np.testing.assert_array_equal(there[name], here[name])
    for where in ("cpu", "gpu"):
        arguments = ["segment", str(files[0].parent), "--out", str(tmp_path / where)]
        assert cli.main([*arguments, "--batch", "2", "--device", where]) == 0
    for part in (tmp_path / "cpu" / "nuclei.parquet").glob("part-*"):
        there = tmp_path / "gpu" / "nuclei.parquet" / part.name
        assert there.read_bytes() == part.read_bytes()


def test_memory_that_is_not_there(cupy, tmp_path):
    """A batch for which there is no memory is refused in words."""
    files = folder(tmp_path, 3)
    pool = cupy.get_default_memory_pool()
    limit = pool.get_limit()
    pool.free_all_blocks()
    pool.set_limit(size=max(1, pool.used_bytes()) + 2**16)
    try:
        with pytest.raises(device.DeviceError, match="take smaller batches"):
            stack.batch(files, 0, like=stack.common_format(files), device="gpu")
    finally:
        pool.set_limit(size=limit)


def run(*command, **environment):
    """Run a command of the checkout; return what it printed."""
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_benchmark(cupy, tmp_path):
    """A quick run of the benchmark writes a result that agrees with the CPU."""
    files = folder(tmp_path / "in", 4)
    run("benchmarks/gpu.py", files[0].parent, "--quick", "--out", tmp_path / "out")
    (path,) = (tmp_path / "out").iterdir()
    result = json.loads(path.read_text(encoding="utf-8"))
    assert result["comparison"]["pixels_with_another_label"] == 0
    assert result["transfers_of_a_batch"] == {"to_gpu": 1, "to_host": 1}


@pytest.mark.parametrize("snippet", ["gpu_dask_image", "gpu_segment"])
def test_snippets(cupy, snippet, simulated_frames):
    """The snippets compute on the GPU."""
    assert "cupy" in run(f"snippets/{snippet}.py", SEGKIT_DATA=str(simulated_frames.parent))


def test_notebook(cupy, tmp_path, simulated_frames):
    """Notebook 13 runs from top to bottom, its tests included, on the GPU."""
    command = ["tools/run_notebooks.py", "notebooks/13_gpu.ipynb", "--into", tmp_path]
    run(*command, SEGKIT_DATA=str(simulated_frames.parent))
