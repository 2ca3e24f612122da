"""Notebook 15's functions and their benchmark, on NumPy arrays and on a stand-in for CuPy's."""

import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made import folder, scene
from scipy import ndimage

from segkit import frame

CHECKOUT = Path(__file__).parents[2]
CELLS = nbformat.read(CHECKOUT / "notebooks" / "15_gpu.ipynb", as_version=4).cells


@pytest.fixture
def benchmark(load, monkeypatch):
    """Return the benchmark; it finds no CuPy, on a machine with a GPU either."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    return load("benchmarks/gpu")


@pytest.fixture
def chain(benchmark):
    """Return the functions that the notebook defines."""
    return benchmark.functions()


@given(
    shape=st.tuples(st.integers(1, 4), st.integers(2, 40), st.integers(2, 40)),
    seed=st.integers(0, 2**16),
    empty=st.sets(st.integers(0, 3)),
)
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # nothing of it is changed
)
def test_any_batch_is_done_as_its_frames(benchmark, chain, shape, seed, empty):
    """No frame sees its neighbours, whatever their shape, and empty ones among them."""
    images = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), [0, 2, 2])
    images[[number for number in empty if number < len(images)]] = 0
    compared = benchmark.compare(chain, images)
    assert compared["pixels_with_another_label"] == 0
    assert compared["frames_and_areas_equal"] is True
    assert not compared["mean_largest_relative_difference"] > 1e-9  # NaN without nuclei


class Far(np.lib.mixins.NDArrayOperatorsMixin):
    """A stand-in for a CuPy array: it mixes with no NumPy array, and does not become one."""

    __module__ = "cupy"

    def __init__(self, values):
        self.values = values

    def get(self):
        """Return a copy as a NumPy array."""
        return self.values.copy()

    def __array__(self, *args, **kwargs):
        raise TypeError("Implicit conversion to a NumPy array is not allowed.")

    def __array_ufunc__(self, ufunc, method, *inputs, **options):
        return far(getattr(ufunc, method))(*inputs, **options)

    def __getattr__(self, name):
        if name.startswith("__"):  # NumPy would find the values by __array_interface__
            raise AttributeError(name)
        found = getattr(self.values, name)
        return far(found) if callable(found) else found

    def __getitem__(self, key):
        return far(self.values.__getitem__)(key)

    def __setitem__(self, key, value):
        far(self.values.__setitem__)(key, value)

    def __len__(self):
        return len(self.values)


def far(function):
    """Let a function of NumPy or SciPy take and return stand-ins."""

    def wrapped(*args, **kwargs):
        given = [*args, *kwargs.values()]
        assert not any(isinstance(one, np.ndarray) for one in given), "a NumPy array is mixed in"
        args = [getattr(one, "values", one) for one in args]
        kwargs = {name: getattr(one, "values", one) for name, one in kwargs.items()}
        return wrap(function(*args, **kwargs))

    def wrap(result):
        if isinstance(result, tuple):
            return tuple(map(wrap, result))
        return Far(result) if isinstance(result, np.ndarray) else result

    return wrapped


class Library:
    """The functions of a library, for stand-ins."""

    def __init__(self, library, **others):
        self.__dict__.update(others)
        self.library = library

    def __getattr__(self, name):
        found = getattr(self.library, name)
        return found if isinstance(found, type) else far(found)


@pytest.fixture
def cupy(monkeypatch):
    """Put the stand-in for CuPy where the notebook imports it from; return it."""
    device = SimpleNamespace(getDeviceProperties=lambda number: {"name": b"none: a stand-in"})
    cupy = Library(
        np,
        __name__="cupy",
        ndarray=Far,
        asarray=lambda values: values if isinstance(values, Far) else Far(np.array(values)),
        asnumpy=Far.get,
        cuda=SimpleNamespace(runtime=device),
    )
    scipy = SimpleNamespace(ndimage=Library(ndimage))
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    monkeypatch.setitem(sys.modules, "cupyx", SimpleNamespace(scipy=scipy))
    monkeypatch.setitem(sys.modules, "cupyx.scipy", scipy)
    return cupy


def test_nothing_is_mixed_and_nothing_comes_back_by_itself(load, cupy):
    """On arrays that refuse NumPy's, a batch has the labels and the table of the CPU."""
    benchmark = load("benchmarks/gpu")
    chain = benchmark.functions()
    assert chain.gpu == "none: a stand-in"
    images = np.stack([scene(seed) for seed in range(3)])
    images[1] = 0
    compared = benchmark.compare(chain, images)
    assert compared["nuclei"] > 10
    assert compared["pixels_with_another_label"] == 0
    assert compared["frames_and_areas_equal"] is True
    assert type(chain.segment(cupy.asarray(images))) is Far


@pytest.mark.usefixtures("cupy")
def test_the_copy_mixes_nothing_either(monkeypatch, tmp_path, capsys):
    """Copied beside own images, the code finds in each what the course's chain finds."""
    files = folder(tmp_path / "images", 3)
    monkeypatch.chdir(tmp_path)
    (copy,) = (cell for cell in CELLS if "copy" in cell.metadata.get("tags", []))
    names = {}
    exec(copy.source, names)
    counts = [frame.segment(tifffile.imread(path).astype(float)).max() for path in files]
    assert names["table"]["image"].tolist() == np.repeat(range(3), counts).tolist()
    assert capsys.readouterr().out.endswith("computed with cupy\n")


def test_benchmark_without_a_gpu(benchmark, tmp_path, monkeypatch, capsys):
    """One line that names CuPy, exit status 1, and no result."""
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--out", str(out)])
    assert benchmark.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gpu.py: no GPU to measure: ")
    assert "cupy" in line
    assert not out.exists()
