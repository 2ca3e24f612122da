import runpy
import subprocess
import sys
from pathlib import Path

import mirrors
import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "data_fetch.py"
small = pytest.fixture(mirrors.small)


def run(monkeypatch, *arguments):
    """Run the script as `python data_fetch.py` does, and return its exit status."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return caught.value.code


def test_fetches(small, monkeypatch, capsys):
    """The script fills the folder and closes with the number of frames, the second time too."""
    for _ in range(2):
        assert run(monkeypatch, "--into", small.into, "--mirror", small.mirror) == 0
        assert capsys.readouterr().out == f"3 of 3 frames in {small.into}\n"
    assert mirrors.whole(small) == sorted(small.files)


def test_defaults(small, monkeypatch, capsys):
    """Without arguments, SEGKIT_DATA and SEGKIT_MIRROR say where."""
    monkeypatch.setenv("SEGKIT_MIRROR", str(small.mirror))
    assert run(monkeypatch) == 0
    assert capsys.readouterr().out == f"3 of 3 frames in {small.tmp / 'data' / 'BBBC039'}\n"


def test_expected_failure(small, monkeypatch, capsys):
    """An expected failure is one line on standard error, and exit status 1."""
    (small.mirror / "images.zip").write_bytes(b"cut")
    assert run(monkeypatch, "--into", small.into, "--mirror", small.mirror) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "images.zip cannot be unpacked" in err


def test_stopped(small, monkeypatch, capsys):
    """Ctrl-C ends without a traceback."""

    def stop(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("segkit.data.fetch", stop)
    assert run(monkeypatch) == 130
    assert capsys.readouterr().err == "Stopped: the same command goes on from here.\n"


def test_without_the_package(tmp_path):
    """A Python that lacks segkit is named, with what to do; there is no traceback."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), "--into", str(tmp_path / "x")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"segkit is not installed for {sys.executable}: run 'make ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


def test_help(tmp_path):
    """--help names both options."""
    command = [sys.executable, str(SCRIPT), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    assert "--into DIR" in text
    assert "--mirror DIR_OR_URL" in text
