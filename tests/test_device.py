"""Where arrays are, and what is said where there is no GPU."""

import importlib.machinery
import sys

import numpy as np
import pytest
import standin
from made import folder

from segkit import cli, device


@pytest.fixture
def cupy(monkeypatch):
    """Put the stand-in in CuPy's place."""
    return standin.install(monkeypatch)


class Broken:
    """Finds a CuPy that cannot be imported."""

    def __init__(self, error):
        self.error = error

    def find_spec(self, name, path=None, target=None):
        """Claim to know CuPy."""
        return importlib.machinery.ModuleSpec(name, self) if name == "cupy" else None

    def create_module(self, spec):
        """Leave that to Python."""

    def exec_module(self, module):
        """Fail as CuPy fails."""
        raise self.error


def without(monkeypatch, error=None):
    """Hide CuPy, or let its import fail."""
    standin.forget(monkeypatch)
    if error is None:
        monkeypatch.setitem(sys.modules, "cupy", None)
    else:
        monkeypatch.setattr(sys, "meta_path", [Broken(error), *sys.meta_path])


def refusal(**options):
    """Return what is said about the GPU, which has to be one line."""
    with pytest.raises(device.DeviceError) as caught:
        device.require("gpu", **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_cupy_is_named(monkeypatch):
    """Without CuPy the error says so, and what to install."""
    without(monkeypatch)
    assert "CuPy is not installed" in device.missing()
    assert "pip install cupy-cuda12x" in refusal()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ImportError("libnvrtc.so.12: cannot open\nmore lines"), "libnvrtc.so.12: cannot open)"),
        (ModuleNotFoundError("No module named 'cuda'", name="cuda"), "CuPy needs cuda"),
        (ImportError(""), "(ImportError)"),
    ],
)
def test_broken_cupy_is_told_from_a_missing_one(monkeypatch, error, said):
    """A CuPy that cannot be imported is not called missing, and the reason is kept."""
    without(monkeypatch, error)
    assert said in refusal()
    assert "CuPy is not installed" not in refusal()


def test_missing_device_is_named(monkeypatch, cupy):
    """With CuPy and no device the error names the device, and the driver's own words."""

    def no_driver():
        raise RuntimeError("cudaErrorNoDevice: no CUDA-capable device is detected")

    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", no_driver)
    assert "finds no GPU (cudaErrorNoDevice" in refusal()
    assert "not installed" not in refusal()
    monkeypatch.setattr(cupy.cuda.runtime, "getDeviceCount", lambda: 0)
    assert "finds no GPU (the driver lists none)" in refusal()


def test_gpu_that_is_there_is_accepted(cupy):
    """With CuPy and a device there is nothing to say."""
    assert device.missing() is None
    device.require("gpu")


@pytest.mark.parametrize("method", ["otsu", "watershed", "best"])
def test_other_methods_need_the_cpu(cupy, method):
    """A method that has no GPU version is refused by name, even where there is a GPU."""
    assert f"method '{method}' runs on the CPU only" in refusal(method=method)


def test_cpu_is_always_there(monkeypatch):
    """The CPU needs no CuPy; a device of another name does not exist."""
    without(monkeypatch)
    device.require("cpu", method="best")
    with pytest.raises(ValueError, match="no device 'tpu': choose one of cpu, gpu"):
        device.require("tpu")


def test_module_is_that_of_the_type(cupy):
    """The type of the arrays decides; nothing is imported for NumPy's."""
    import cupyx.scipy.ndimage
    import scipy.ndimage

    here, there = np.zeros(3), cupy.zeros(3)
    assert device.module(here, here) is np
    assert device.module(there) is cupy
    assert device.ndimage(here) is scipy.ndimage
    assert device.ndimage(there) is cupyx.scipy.ndimage


def test_mixed_and_foreign_arrays_are_refused(cupy):
    """A NumPy array beside a CuPy array, and what is no array, are named."""
    with pytest.raises(ValueError, match=r"arrays of numpy.ndarray, cupy.ndarray"):
        device.module(np.zeros(2), cupy.zeros(2))
    with pytest.raises(ValueError, match=r"arrays of builtins.list"):
        device.module([1, 2])


def test_arrays_go_there_and_back(cupy):
    """Moving copies once in each direction; what is there already stays."""
    here = np.arange(5)
    there = device.to_gpu(here)
    assert type(there) is cupy.ndarray
    assert device.to_gpu(there) is there
    np.testing.assert_array_equal(device.to_host(there), here)
    assert device.to_host(here) is here
    assert dict(cupy.transfers) == {"to device": 1, "to host": 1}


def test_table_comes_back_in_one_piece(cupy):
    """All columns cross in one transfer, with their values and dtypes."""
    table = {
        "label": np.array([1, 2**31 - 1], np.int32),
        "area": np.array([3, 2**53 - 1], np.int64),
        "mean": np.array([0.1, 1e9 + 1 / 3]),
    }
    there = {name: cupy.asarray(column) for name, column in table.items()}
    cupy.transfers.clear()
    back = device.table_to_host(there)
    assert dict(cupy.transfers) == {"to host": 1}
    for name, column in table.items():
        assert back[name].dtype == column.dtype
        np.testing.assert_array_equal(back[name], column)
    assert device.table_to_host(table) is table


def test_stand_in_refuses_what_cupy_refuses(cupy):
    """Neither silent conversion to NumPy nor mixing with it: or it would prove nothing."""
    there = cupy.asarray(np.arange(6.0))
    with pytest.raises(TypeError, match="Implicit conversion to a NumPy array is not allowed"):
        np.asarray(there)
    with pytest.raises(TypeError, match="Unsupported type"):
        there + np.arange(6.0)
    with pytest.raises(TypeError, match="Unsupported type"):
        np.arange(6.0) + there
    with pytest.raises(TypeError, match="Unsupported type"):
        cupy.where(there > 2, there, np.zeros(6))
    assert not isinstance(there, np.ndarray)
    assert type(there + 1) is type(np.sqrt(there)) is type(there[0]) is cupy.ndarray


def test_stand_in_leaves_no_trace():
    """Outside a test that puts it there, the stand-in is not importable."""
    assert "Stand-in" not in str(getattr(sys.modules.get("cupy"), "__doc__", ""))
    assert str(standin.PACKAGES) not in sys.path


def test_command_line_says_what_is_missing(tmp_path, monkeypatch, capsys):
    """``segkit segment --device gpu`` without CuPy: one line, and exit status 1."""
    without(monkeypatch)
    files = folder(tmp_path / "in", 2)
    arguments = ["segment", str(files[0].parent), "--out", str(tmp_path / "out"), "--device", "gpu"]
    assert cli.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("segkit: no GPU to compute on: CuPy is not installed")
    assert not (tmp_path / "out").exists()


def test_command_line_writes_the_same_table(tmp_path, cupy):
    """With a device the files are those of the CPU, byte by byte."""
    files = folder(tmp_path / "in", 5)
    for where in ("cpu", "gpu"):
        arguments = ["segment", str(files[0].parent), "--out", str(tmp_path / where)]
        assert cli.main([*arguments, "--batch", "2", "--device", where]) == 0
    parts = sorted((tmp_path / "cpu" / "nuclei.parquet").glob("part-*"))
    assert len(parts) == 3
    for part in parts:
        there = tmp_path / "gpu" / "nuclei.parquet" / part.name
        assert there.read_bytes() == part.read_bytes()
