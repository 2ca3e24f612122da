"""The GPU's benchmark: all of it that can run without one, on the stand-in."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import standin
from dask_image import ndfilters, ndfourier, ndinterp, ndmeasure, ndmorph
from made import folder

CHECKOUT = Path(__file__).parents[1]
BENCHMARKS = CHECKOUT / "benchmarks"
NO_SUPPORT = "gpu_support.table = lambda: []"
CPU = {"cores": 2, "scipy_loop_one_core": 262.0, "fast_path_all_cores": 6.5}


def python(code, *, packages=standin.PACKAGES):
    """Run code in a process of its own, with the stand-in in CuPy's place."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), str(BENCHMARKS)])}
    return subprocess.run(
        [sys.executable, "-c", code], env=env, capture_output=True, text=True, cwd=CHECKOUT
    )


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """Return what a quick run writes, the CPU's times being given."""
    files = folder(tmp_path_factory.mktemp("frames"), 4)
    out = tmp_path_factory.mktemp("results")
    arguments = ["gpu.py", str(files[0].parent), "--quick", "--out", str(out)]
    done = python(
        f"""
import sys, gpu, gpu_beside, gpu_support
{NO_SUPPORT}
gpu_beside.on_cpu = lambda *_: {CPU}
gpu_beside.from_files = lambda *_: {{}}
sys.argv = {arguments}
sys.exit(gpu.main())
"""
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    assert path.name == "gpu-stand-in-of-numpy.json"
    return json.loads(path.read_text(encoding="utf-8"))


def test_result_is_complete(result):
    """Device, versions, every batch and every stage are recorded, with times above zero."""
    assert set(result["device"]) == {"name", "memory_GB", "driver_up_to_cuda", "cuda", "cupy"}
    assert result["command"].startswith("python benchmarks/gpu.py")
    assert [row["frames"] for row in result["batches"]] == [1, 2, 4]
    assert [row["stage"] for row in result["stages"]][:2] == ["smooth", "local threshold"]
    times = [row["resident_ms"] for row in result["batches"]]
    times += [row["with_transfer_ms"] for row in result["batches"]]
    times += [row["ms"] for key in ("stages", "transfer") for row in result[key]]
    assert min(times) > 0


def test_results_are_compared_and_transfers_counted(result):
    """Labels and table are those of the CPU; the frames go over once, the table back once."""
    compared = result["comparison"]
    assert compared["nuclei"] > 20
    assert compared["pixels_with_another_label"] == 0
    assert compared["frames_labels_and_areas_equal"] is True
    assert compared["mean_largest_relative_difference"] < 1e-6
    assert result["transfers_of_a_batch"] == {"to_gpu": 1, "to_host": 1}
    chain = result["dask_image_chain"]
    assert [row["pixels_that_differ"] for row in chain if row["where"] == "gpu"] == [0, 0]


def test_ratios_are_those_of_the_times(result):
    """Each ratio is made of the recorded times of the largest batch, and compared with its aim."""
    last = result["batches"][-1]
    moved, there = (last[key] / 4 for key in ("with_transfer_ms", "resident_ms"))
    expected = [262 / moved, 6.5 / moved, 262 / there]
    assert [row["value"] for row in result["ratios"]] == pytest.approx(expected)
    assert [row["aim"] for row in result["ratios"]] == [20, 1, 100]
    assert all(row["met"] == (row["value"] >= row["aim"]) for row in result["ratios"])


def test_a_difference_is_seen(tmp_path):
    """Labels that are wrong on the GPU are counted, and the areas not called equal."""
    done = python(
        """
import numpy as np, gpu_times
from segkit import frame
from segkit.methods import gpu
images = np.stack([np.kron(np.eye(6), np.ones((9, 9))) * 400] * 2).astype(np.uint16)
right = gpu.label
gpu.label = lambda mask: right(mask) + 1
print(gpu_times.compare(images)["frames_labels_and_areas_equal"])
print(gpu_times.compare(images)["pixels_with_another_label"] > 1000)
"""
    )
    assert done.stdout.split() == ["False", "True"], done.stderr


def test_support_table_tells_what_works():
    """Each function is run on both kinds of chunks; those that end in NumPy or fail are named."""
    done = python("import json, gpu_support; print(json.dumps(gpu_support.table()))")
    rows = {row["function"]: row for row in json.loads(done.stdout)}
    packages = (ndfilters, ndfourier, ndinterp, ndmeasure, ndmorph)
    names = {name for package in packages for name in package.__all__} | {"find_objects"}
    assert set(rows) == names - {"sum"}  # another name of sum_labels, deprecated
    for name in ("convolve", "threshold_local", "binary_opening", "median_filter"):
        assert (rows[name]["documented"], rows[name]["outcome"]) == (True, "works")
    assert rows["mean"]["outcome"] == "works, with the result in NumPy arrays"
    assert rows["map_coordinates"]["outcome"].startswith("fails: NotImplementedError")
    assert not any("NumPy chunks too" in row["outcome"] for row in rows.values())


def test_cpu_beside_it_is_timed(tmp_path, load):
    """Loop, fast path and all cores: milliseconds a frame, each above zero."""
    gpu_beside = load("benchmarks/gpu_beside")
    times = gpu_beside.on_cpu(folder(tmp_path, 2, shape=(40, 50)), 1, 1)
    assert set(times) == {
        "cores",
        "scipy_loop_one_core",
        "fast_path_one_core",
        "fast_path_all_cores",
    }
    assert min(times.values()) > 0


def test_without_a_gpu_it_says_so_and_writes_nothing(tmp_path):
    """Exit status 1 and one line that names CuPy; no result."""
    (tmp_path / "cupy.py").write_text("raise ModuleNotFoundError('no cupy', name='cupy')\n")
    out = tmp_path / "out"
    code = f"import sys, gpu; sys.argv = ['gpu.py', '--out', {str(out)!r}]; sys.exit(gpu.main())"
    done = python(code, packages=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith("gpu.py: no GPU to compute on: CuPy is not installed")
    assert not out.exists()


def test_recorded_results_are_of_a_real_gpu():
    """What is recorded was measured with CuPy on 200 frames, and agrees with the CPU."""
    paths = sorted((BENCHMARKS / "results").glob("gpu-*.json"))
    if not paths:
        pytest.skip("nothing was measured on a GPU yet: python benchmarks/gpu.py records it")
    for path in paths:
        recorded = json.loads(path.read_text(encoding="utf-8"))
        assert "stand-in" not in json.dumps(recorded).lower()
        assert recorded["batches"][-1]["frames"] == 200
        assert recorded["comparison"]["pixels_with_another_label"] == 0
