"""The functions of notebook 15 and their benchmark, on NumPy arrays."""

import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import scene
from scipy import ndimage

from segkit import frame


@pytest.fixture
def benchmark(load, monkeypatch):
    """Return the benchmark; it finds no CuPy, on a machine with a GPU either."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    return load("benchmarks/gpu")


@pytest.fixture
def chain(benchmark):
    """Return the functions that the notebook defines."""
    return benchmark.functions()


def by_scipy(image):
    """Label one frame with SciPy's functions, in float."""
    smoothed = ndimage.gaussian_filter(image.astype(float), 1)
    threshold = ndimage.gaussian_filter(smoothed, [(size - 1) / 6 for size in image.shape])
    return ndimage.label(ndimage.binary_opening(smoothed > threshold))[0]


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)),
    seed=st.integers(0, 2**16),
    empty=st.sets(st.integers(0, 3)),
    step=st.integers(1, 3),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # nothing of it is changed
)
def test_any_batch_is_done_as_its_frames_by_scipy(chain, shape, seed, empty, step):
    """No frame sees its neighbours, whatever their shape; gaps between labels are kept."""
    images = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), [0, 2, 2])
    images[[number for number in empty if number < len(images)]] = 0
    labels = chain.segment(images)
    expected = np.stack([by_scipy(image) for image in images])
    np.testing.assert_array_equal(labels, expected)
    table = chain.measure(images, labels * step)
    parts = [frame.measure(*pair) for pair in zip(images, labels * step, strict=True)]
    for name in ("label", "area", "mean_intensity"):
        wanted = np.concatenate([part[name] for part in parts])
        np.testing.assert_allclose(table[name], wanted, rtol=1e-9)
    assert table["frame"].tolist() == np.repeat(range(len(parts)), list(map(len, parts))).tolist()


def test_benchmark_times_and_compares(benchmark, chain):
    """All that it does on a GPU it does on NumPy arrays: no difference, and times above zero."""
    images = np.stack([scene(seed) for seed in range(2)])
    compared = benchmark.compare(chain, images)
    assert compared["nuclei"] > 10
    assert compared["pixels_with_another_label"] == 0
    assert compared["frames_labels_and_areas_equal"] is True
    assert compared["mean_largest_relative_difference"] < 1e-9
    result = benchmark.measure(chain, images, (1, 2), 1, 1)
    assert {row["outcome"] for row in result["dask_image"]} == {"works"}
    assert len(result["dask_image"]) == 23
    times = [list(row.values())[1:] for row in result["batches"]]
    assert np.min([*times, list(result["cpu_ms_per_frame"].values())[1:3]]) > 0
    moved = result["batches"][-1]["with_transfer_ms_per_frame"]
    loop = result["cpu_ms_per_frame"]["scipy_loop_one_core"]
    assert result["ratios"]["SciPy loop on one core / GPU with transfer"] == loop / moved


def test_benchmark_without_a_gpu(benchmark, tmp_path, monkeypatch, capsys):
    """One line that names CuPy, exit status 1, and no result."""
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(out)])
    assert benchmark.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gpu.py: no GPU to measure: ")
    assert "cupy" in line
    assert not out.exists()
