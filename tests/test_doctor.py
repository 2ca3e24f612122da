"""The doctor: each finding provoked, and what the report makes of it."""

import subprocess
import sys
from importlib import metadata
from pathlib import Path
from unittest.mock import Mock

from segkit import data, doctor

CHECKOUT = Path(__file__).parents[1]
GB = 10**9


def test_missing_package_is_named(monkeypatch):
    """A package that is not installed is named, with the way to get it."""
    there = [*metadata.requires("segkit"), "not-there>=1"]
    monkeypatch.setattr(metadata, "requires", lambda _: there)
    subject, status, finding, todo = doctor.examine()[0]
    assert (subject, status) == ("packages", "missing")
    assert finding.endswith("not-there")
    assert "pip install -e ." in todo


def test_frames(tmp_path, simulated_frames, monkeypatch):
    """The doctor makes no frames and says how to get some; real ones come before simulated ones."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    assert doctor.frames()[1:3] == ("warning", "none yet")
    assert not list(tmp_path.iterdir())
    (tmp_path / "simulated").symlink_to(simulated_frames)
    _, status, finding, todo = doctor.frames()
    assert status == "ok"
    assert "not real" in finding
    assert "segkit fetch" in todo
    (tmp_path / "BBBC039" / "images").mkdir(parents=True)
    for name in [name for name in data.entries() if name.startswith("images/")][:7]:
        (tmp_path / "BBBC039" / name).touch()
    assert doctor.frames() == ("frames", "ok", "BBBC039, 7 of 200 frames (real)", "")


def test_damaged_manifest_is_missing(tmp_path, monkeypatch):
    """Simulated frames that do not say what they are are reported, not passed on as an error."""
    for name in ("images/a.tif", "metadata/simulated.json"):
        (tmp_path / "simulated" / name).parent.mkdir(parents=True)
        (tmp_path / "simulated" / name).write_text("{")
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    (frames,) = [finding for finding in doctor.examine() if finding[0] == "frames"]
    assert frames[1] == "missing"
    assert "simulated.json cannot be read: delete" in frames[2]


def test_report_prints_and_judges(monkeypatch, capsys):
    """Only what is missing makes the report say no; the table names all, and what to do."""
    findings = [("Python", "ok", "3.11", ""), ("GPU", "warning", "no CuPy", "Read on.")]
    monkeypatch.setattr(doctor, "examine", lambda: findings)
    assert doctor.report() is True
    table = capsys.readouterr().out
    assert "GPU        warning  no CuPy\n                    -> Read on.\n" in table
    assert table.endswith("\nReady to start.\n")
    findings.append(("disk", "missing", "0.1 GB free", "Make room."))
    assert doctor.report() is False
    assert capsys.readouterr().out.endswith("\nFix before you start: disk.\n")


def test_examine_looks_at_everything():
    """Each subject is there once, with a known status; what is not ok says what to do."""
    findings = doctor.examine()
    subjects = "packages cores memory disk frames"
    assert " ".join(subject for subject, *_ in findings) == subjects
    assert all(status in ("ok", "missing", "warning") for _, status, *_ in findings)
    assert all(todo for _, status, _, todo in findings if status != "ok")


def test_report_comes_without_any_package():
    """On a bare Python, with no third-party package to import, the report still comes."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from segkit import doctor\n"
        "sys.exit(not doctor.report())"
    )
    command = [sys.executable, "-I", "-S", "-c", code, str(CHECKOUT / "src")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (1, "")
    assert "packages   missing  No package metadata was found for segkit" in done.stdout
    assert "memory     missing  No module named 'distributed'" in done.stdout
    assert "Fix before you start: packages" in done.stdout


# ---- the machine


def test_memory_and_cores(monkeypatch):
    """Little is a warning, too little is missing; both say what to do."""
    for gigabytes, status in ((0.5, "missing"), (1.5, "warning"), (4, "ok")):
        monkeypatch.setattr("distributed.system.MEMORY_LIMIT", gigabytes * GB)
        _, found, finding, todo = doctor.memory()
        assert (found, finding) == (status, f"{gigabytes:.1f} GB")
        assert bool(todo) == (status != "ok")
    for count, status in ((1, "warning"), (4, "ok")):
        monkeypatch.setattr("dask.system.CPU_COUNT", count)
        assert doctor.cores()[1:3] == (status, str(count))


def test_disk_space(tmp_path, monkeypatch):
    """Little space is a warning, too little is missing; the folder need not exist."""
    folder = tmp_path / "not" / "yet"
    monkeypatch.setenv("SEGKIT_DATA", str(folder))
    for gigabytes, status in ((0.1, "missing"), (1, "warning"), (9, "ok")):
        monkeypatch.setattr("shutil.disk_usage", Mock(return_value=Mock(free=gigabytes * GB)))
        _, found, finding, todo = doctor.disk()
        assert (found, finding) == (status, f"{gigabytes:.1f} GB free for {folder}")
        assert ("SEGKIT_DATA" in todo) == (status != "ok")
    assert not folder.exists()


def test_disk_that_cannot_be_written_to(tmp_path, monkeypatch):
    """A file in the way, or a folder without the right to write, is named."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "file" / "data"))
    _, status, finding, todo = doctor.disk()
    assert (status, finding) == ("missing", f"{tmp_path / 'file'} cannot be written to")
    assert "SEGKIT_DATA" in todo
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    assert doctor.disk()[1] == "missing"
