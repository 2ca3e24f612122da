"""What the machine has: too little of each, made up, and a port that is really taken."""

import socket
import sys
import types
from pathlib import Path

import pytest

from segkit import machine

GB = 10**9


def groups(folder, listing, limits):
    """Write what Linux would tell about control groups; return the arguments to read it."""
    (folder / "cgroup").write_text(listing)
    for name, limit in limits.items():
        path = folder / "fs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{limit}\n")
    return {"listing": folder / "cgroup", "mount": folder / "fs"}


@pytest.mark.parametrize(
    ("listing", "limits", "found"),
    [
        ("0::/\n", {"memory.max": 2 * GB}, 2 * GB),
        ("0::/\n", {"memory.max": "max"}, 8 * GB),
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": 3 * GB}, 3 * GB),
        ("0::/a/b\n", {"a/b/memory.max": GB, "a/memory.max": 3 * GB}, GB),
        ("0::/of/the/host\n", {"memory.max": 4 * GB}, 4 * GB),
        ("0::/\n", {"memory.max": 64 * GB}, 8 * GB),
        ("9:memory:/\n0::/\n", {"memory/memory.limit_in_bytes": GB}, GB),
        ("9:cpu,memory:/d\n", {"memory/d/memory.limit_in_bytes": 2 * GB}, 2 * GB),
        ("9:memory:/d\n", {"memory/memory.limit_in_bytes": 9223372036854771712}, 8 * GB),
        ("3:cpu:/\n", {"memory/memory.limit_in_bytes": GB}, 8 * GB),
    ],
)
def test_memory_limit_of_a_container(tmp_path, listing, limits, found):
    """The smallest limit counts: of the machine, of the group, and of all groups above it."""
    assert machine.memory_limit(8 * GB, **groups(tmp_path, listing, limits)) == found


def test_memory_limit_without_control_groups(tmp_path):
    """On other systems the machine's memory is the limit."""
    limit = machine.memory_limit(8 * GB, listing=tmp_path / "none", mount=tmp_path)
    assert limit == 8 * GB


@pytest.mark.parametrize(
    ("limit", "status"), [(0.5 * GB, "missing"), (1.5 * GB, "warning"), (4 * GB, "ok")]
)
def test_memory(limit, status):
    """Little memory is a warning, too little is missing; both say what to do."""
    _, found, finding, todo = machine.memory(limit, total=16 * GB)
    assert found == status
    assert finding.startswith(f"{limit / GB:.1f} GB, the limit of this container")
    assert bool(todo) == (status != "ok")


def test_cores():
    """One core is a warning."""
    assert machine.cores(1)[1] == "warning"
    assert machine.cores(4) == ("cores", "ok", "4 cores", "")


@pytest.mark.parametrize(
    ("free", "status"), [(0.1 * GB, "missing"), (GB, "warning"), (9 * GB, "ok")]
)
def test_disk_space(tmp_path, free, status):
    """Little room is a warning, too little is missing; the folder need not exist."""
    folder = tmp_path / "not" / "yet"
    _, found, finding, todo = machine.disk(folder, free=free)
    assert (found, finding) == (status, f"{free / GB:.1f} GB free for {folder}")
    assert ("SEGKIT_DATA" in todo) == (status != "ok")
    assert not folder.exists()


def test_disk_that_cannot_be_written_to(tmp_path, monkeypatch):
    """A file in the way, or a folder without the right to write, is named."""
    (tmp_path / "file").touch()
    _, status, finding, todo = machine.disk(tmp_path / "file" / "data")
    assert (status, finding) == ("missing", f"{tmp_path / 'file'} cannot be written to")
    assert "SEGKIT_DATA" in todo
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert machine.disk(tmp_path)[1] == "missing"


def test_disk_of_the_data_folder(tmp_path, monkeypatch):
    """Without an argument it looks where the frames go."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "frames"))
    assert machine.disk()[2].endswith(f"free for {tmp_path / 'frames'}")


def test_dashboard_port_taken_and_free():
    """A port on which a server listens is taken; once the server is gone it is free again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        _, status, finding, todo = machine.dashboard(port)
        assert (status, finding) == ("warning", f"port {port} is taken")
        assert "link" in todo
        with socket.create_connection(("127.0.0.1", port)):  # leaves a closing connection behind
            server.accept()[0].close()
    assert machine.dashboard(port) == ("dashboard", "ok", f"port {port} is free", "")


def test_dashboard_port_taken_on_all_addresses():
    """A server on all addresses, as Dask's dashboard is, takes the port too."""
    with socket.create_server(("", 0)) as server:
        assert machine.dashboard(server.getsockname()[1])[1] == "warning"


def test_blas_threads():
    """More threads than cores is a warning that says which variable to set."""
    pools = [{"internal_api": "openblas", "num_threads": 64}]
    _, status, finding, todo = machine.blas(pools, count=2)
    assert (status, finding) == ("warning", "openblas with 64 threads, 2 cores")
    assert "OMP_NUM_THREADS=2" in todo
    assert machine.blas(pools, count=64)[1] == "ok"


def cupy(monkeypatch, count, *, error=None):
    """Put a made-up CuPy in the place of the real one."""

    def device_count():
        if error:
            raise error
        return count

    made = types.ModuleType("cupy")
    made.__version__ = "14.2.0"
    runtime = types.SimpleNamespace(
        getDeviceCount=device_count, getDeviceProperties=lambda number: {"name": b"Some GPU"}
    )
    made.cuda = types.SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cupy", made)


def test_gpu(monkeypatch):
    """A device is named; no device, a fault of the driver, or no CuPy is a warning."""
    cupy(monkeypatch, 1)
    assert machine.gpu() == ("GPU", "ok", "Some GPU, CuPy 14.2.0", "")
    cupy(monkeypatch, 0)
    assert machine.gpu()[1:3] == ("warning", "CuPy 14.2.0, but no device")
    cupy(monkeypatch, 0, error=RuntimeError("cudaErrorInsufficientDriver"))
    assert machine.gpu()[1:3] == ("warning", "CuPy 14.2.0, but cudaErrorInsufficientDriver")
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert machine.gpu()[1:3] == ("warning", "no CuPy and no NVIDIA driver")
    monkeypatch.setattr("shutil.which", lambda name: str(Path("bin", name)))
    assert "cupy-cuda13x" in machine.gpu()[3]
