"""The doctor: each finding provoked, and what the report makes of it."""

import socket
import subprocess
import sys
import types
from importlib import metadata
from pathlib import Path

import pytest

from segkit import doctor

CHECKOUT = Path(__file__).parents[1]
GB = 10**9


def provoke(monkeypatch, changed):
    """Make `metadata.version` give these versions; None stands for a missing package."""
    real = metadata.version

    def version(name):
        if changed.get(name, "") is None:
            raise metadata.PackageNotFoundError(name)
        return changed.get(name) or real(name)

    monkeypatch.setattr(metadata, "version", version)


def test_old_python_is_missing():
    """Python 3.10 is named and too old; 3.11 will do."""
    subject, status, finding, todo = doctor.python((3, 10, 14))
    assert (subject, status) == ("Python", "missing")
    assert "3.10.14" in finding
    assert "3.11" in todo
    assert doctor.python((3, 11, 0))[1] == "ok"


def test_missing_packages_are_named(monkeypatch):
    """Packages that are not installed are named, with the way to get them."""
    provoke(monkeypatch, {"zarr": None, "dask-image": None})
    _, status, finding, todo = doctor.packages()
    assert status == "missing"
    assert finding == "not installed: dask-image, zarr"
    assert "pip install -e ." in todo


def test_old_packages_are_missing(monkeypatch):
    """A version below the lower bound of the metadata is too old, however the digits sort."""
    provoke(monkeypatch, {"dask": "2026.2.0", "scikit-image": "0.9.1"})
    _, status, finding, _ = doctor.packages()
    assert status == "missing"
    assert "dask 2026.2.0 (needed: 2026.7)" in finding
    assert "scikit-image 0.9.1 (needed: 0.26.0)" in finding or "(needed: 0.26)" in finding


def test_segkit_itself_may_be_missing(monkeypatch):
    """Without the metadata of segkit the finding says so."""

    def requires(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", requires)
    assert doctor.packages()[1:3] == ("missing", "segkit itself is not installed")


def frames_in(folder, monkeypatch):
    """Look for frames with `folder` as the place of the data sets."""
    monkeypatch.setenv("SEGKIT_DATA", str(folder))
    return doctor.frames()


def test_no_frames_yet(tmp_path, monkeypatch):
    """Without frames the doctor makes none, and says how to get some."""
    subject, status, finding, todo = frames_in(tmp_path / "data", monkeypatch)
    assert (subject, status, finding) == ("frames", "warning", "none yet")
    assert "segkit fetch" in todo
    assert not (tmp_path / "data").exists()


def test_simulated_frames(simulated_frames, monkeypatch):
    """Simulated frames are ok and said not to be real; the real ones are a command away."""
    _, status, finding, todo = frames_in(simulated_frames.parent, monkeypatch)
    assert status == "ok"
    assert "not real" in finding
    assert "segkit fetch" in todo


def test_real_frames_come_first(tmp_path, monkeypatch):
    """Frames with names of BBBC039 are counted among its 200."""
    from segkit import data

    known = [name for name in data.entries() if name.startswith("images/")]
    for kind in ("BBBC039", "simulated"):
        (tmp_path / kind / "images").mkdir(parents=True)
    for name in known[:7]:
        (tmp_path / "BBBC039" / name).touch()
    _, status, finding, todo = frames_in(tmp_path, monkeypatch)
    assert (status, todo) == ("ok", "")
    assert finding == "BBBC039, 7 of 200 frames (real)"


def test_damaged_manifest_is_missing(tmp_path, monkeypatch):
    """Simulated frames that do not say what they are are reported, not passed on as an error."""
    folder = tmp_path / "simulated"
    for name in ("images/a.tif", "metadata/simulated.json"):
        (folder / name).parent.mkdir(parents=True)
        (folder / name).write_text("{")
    _, status, finding, _ = frames_in(tmp_path, monkeypatch)
    assert status == "missing"
    assert "simulated.json" in finding


def test_napari_is_optional(monkeypatch):
    """Without napari, or without a display, there is a warning with the reason."""
    monkeypatch.setattr("segkit.show.why_not_napari", lambda: "this machine has no display")
    subject, status, finding, todo = doctor.napari()
    assert (subject, status, finding) == ("napari", "warning", "this machine has no display")
    assert "Matplotlib" in todo
    monkeypatch.setattr("segkit.show.why_not_napari", lambda: "")
    provoke(monkeypatch, {"napari": "0.9.2"})
    assert doctor.napari() == ("napari", "ok", "0.9.2, with a display", "")


def test_report_prints_and_judges(capsys):
    """Only what is missing makes the report say no; the table names all, and what to do."""
    fine = ("Python", "ok", "3.11", "")
    warned = ("GPU", "warning", "no CuPy", "Read on.")
    lacking = ("disk", "missing", "0.1 GB free", "Make room.")
    assert doctor.report([fine, warned]) is True
    table = capsys.readouterr().out
    assert "GPU        warning  no CuPy\n                    -> Read on.\n" in table
    assert table.endswith("\nThis machine is ready for the course.\n")
    assert doctor.report([fine, warned, lacking]) is False
    assert capsys.readouterr().out.endswith("\nFix before you start: disk.\n")


def test_report_wraps_long_lines(capsys):
    """No line is longer than 98 characters, and nothing is lost."""
    doctor.report([("packages", "missing", "not installed: " + "package, " * 40, "Do it. " * 40)])
    table = capsys.readouterr().out
    assert max(map(len, table.splitlines())) <= 98
    assert table.count("package,") == 40


def test_examine_looks_at_everything():
    """Each subject is there once, with a known status; what is not ok says what to do."""
    findings = doctor.examine()
    assert [subject for subject, *_ in findings] == [
        "Python",
        "packages",
        "cores",
        "memory",
        "disk",
        "frames",
        "napari",
        "GPU",
        "dashboard",
    ]
    assert all(status in ("ok", "missing", "warning") for _, status, *_ in findings)
    assert all(todo for _, status, _, todo in findings if status != "ok")


def test_report_comes_without_any_package():
    """On a bare Python, with no third-party package to import, the report still comes."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from segkit import doctor\n"
        "sys.exit(not doctor.report())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code, str(CHECKOUT / "src")],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "segkit itself is not installed" in done.stdout
    assert "memory     warning  not known: No module named 'distributed'" in done.stdout
    assert "Fix before you start: packages" in done.stdout


# ---- the machine


@pytest.mark.parametrize(
    ("limit", "status"), [(0.5 * GB, "missing"), (1.5 * GB, "warning"), (4 * GB, "ok")]
)
def test_memory(limit, status):
    """Little memory is a warning, too little is missing; both say what to do."""
    _, found, finding, todo = doctor.memory(limit)
    assert (found, finding) == (status, f"{limit / GB:.1f} GB")
    assert bool(todo) == (status != "ok")


def test_cores():
    """One core is a warning."""
    assert doctor.cores(1)[1] == "warning"
    assert doctor.cores(4) == ("cores", "ok", "4 cores", "")


@pytest.mark.parametrize(
    ("free", "status"), [(0.1 * GB, "missing"), (GB, "warning"), (9 * GB, "ok")]
)
def test_disk_space(tmp_path, free, status):
    """Little room is a warning, too little is missing; the folder need not exist."""
    folder = tmp_path / "not" / "yet"
    _, found, finding, todo = doctor.disk(folder, free=free)
    assert (found, finding) == (status, f"{free / GB:.1f} GB free for {folder}")
    assert ("SEGKIT_DATA" in todo) == (status != "ok")
    assert not folder.exists()


def test_disk_that_cannot_be_written_to(tmp_path, monkeypatch):
    """A file in the way, or a folder without the right to write, is named."""
    (tmp_path / "file").touch()
    _, status, finding, todo = doctor.disk(tmp_path / "file" / "data")
    assert (status, finding) == ("missing", f"{tmp_path / 'file'} cannot be written to")
    assert "SEGKIT_DATA" in todo
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor.disk(tmp_path)[1] == "missing"


def test_disk_of_the_data_folder(tmp_path, monkeypatch):
    """Without an argument it looks where the frames go."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "frames"))
    assert doctor.disk()[2].endswith(f"free for {tmp_path / 'frames'}")


def test_dashboard_port_taken_and_free():
    """A port on which a server listens is taken; once the server is gone it is free again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        _, status, finding, todo = doctor.dashboard(port)
        assert (status, finding) == ("warning", f"port {port} is taken")
        assert "link" in todo
        with socket.create_connection(("127.0.0.1", port)):  # leaves a closing connection behind
            server.accept()[0].close()
    assert doctor.dashboard(port) == ("dashboard", "ok", f"port {port} is free", "")


def test_dashboard_port_taken_on_all_addresses():
    """A server on all addresses, as Dask's dashboard is, takes the port too."""
    with socket.create_server(("", 0)) as server:
        assert doctor.dashboard(server.getsockname()[1])[1] == "warning"


def test_gpu(monkeypatch):
    """A device is named; an error of the driver, or no CuPy, is a warning."""

    def properties(number):
        if number in failing:
            raise RuntimeError("cudaErrorInsufficientDriver")
        return {"name": b"Some GPU"}

    failing = set()
    made = types.ModuleType("cupy")
    made.__version__ = "14.2.0"
    runtime = types.SimpleNamespace(getDeviceProperties=properties)
    made.cuda = types.SimpleNamespace(runtime=runtime)
    monkeypatch.setitem(sys.modules, "cupy", made)
    assert doctor.gpu() == ("GPU", "ok", "Some GPU, CuPy 14.2.0", "")
    failing.add(0)
    assert doctor.gpu()[1:3] == ("warning", "CuPy 14.2.0, but cudaErrorInsufficientDriver")
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert doctor.gpu()[1:3] == ("warning", "no CuPy, no NVIDIA driver")
    assert "cupy-cuda13x" in doctor.gpu()[3]
