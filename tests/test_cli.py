import re
import subprocess
import sys
from pathlib import Path

import dask
import pandas as pd
import pytest
from made import folder

from segkit import cli, run


def call(*words, capsys):
    """Run a command in this process; return status, output and errors."""
    status = cli.main([str(word) for word in words])
    out, err = capsys.readouterr()
    return status, out, err


def test_segment_ends_with_the_counts(tmp_path, capsys):
    """The closing line has frames, nuclei and seconds; the table has as many rows."""
    files = folder(tmp_path / "in", 5)
    out = tmp_path / "out"
    status, text, _ = call("segment", tmp_path / "in", "--frames", 3, "--out", out, capsys=capsys)
    assert status == 0
    closing = re.fullmatch(r"frames=3 nuclei=(\d+) seconds=\d+\.\d\d\n", text)
    table = pd.read_parquet(out / "nuclei.parquet")
    assert int(closing[1]) == len(table) > 10
    assert set(table["file"]) == {path.name for path in files[:3]}


def test_segment_passes_every_option_on(tmp_path, monkeypatch, capsys):
    """What the command line says is what the run gets."""
    folder(tmp_path, 2)
    seen = {}

    def record(files, out, **options):
        seen.update(options, out=out, files=len(files), workers=dask.config.get("num_workers"))
        found = {"frames": 2, "nuclei": 1, "seconds": 0.5, "skipped": [("a.tif", "b")]}
        return {**found, "batches": 8, "there": 0}

    monkeypatch.setattr(run, "segment", record)
    words = "--out o --method otsu --batch 7 --labels --pixel-size 0.5 --on-error skip --workers 3"
    status, text, _ = call("segment", tmp_path, *words.split(), capsys=capsys)
    assert status == 0
    assert seen.pop("workers") == 3
    assert seen.pop("files") == 2
    options = {"method": "otsu", "batch": 7, "labels": True, "pixel_size": 0.5, "skip": True}
    assert seen == {"out": "o", **options}
    assert "frames skipped: 1, see" in text
    assert "already" not in text


def test_function_of_the_current_folder(tmp_path, monkeypatch, capsys):
    """A function named as MODULE:FUNCTION segments frames simulated here, and is scored."""
    monkeypatch.chdir(tmp_path)
    status, text, _ = call("simulate", "--frames", 4, "--seed", 3, "--into", "in", capsys=capsys)
    assert (status, text) == (0, "in\n")
    text = "from segkit import frame\ndef bright(image):\n    return frame.label(image > 300)\n"
    Path("of_this_test.py").write_text(text)
    words = ["--method", "of_this_test:bright"]
    status, text, _ = call("segment", "in", "--out", "o", *words, capsys=capsys)
    assert status == 0
    assert text.startswith("frames=4 ")
    assert '"method": "of_this_test:bright, source ' in Path("o", "run.json").read_text()
    status, text, _ = call("score", "in", "--split", "all", *words, capsys=capsys)
    assert status == 0
    assert "F1" in text


def test_bad_frame_is_one_line_and_status_1(tmp_path, capsys):
    """An error is one line that names the file; no traceback."""
    files = folder(tmp_path / "in", 3)
    files[1].write_text("no picture")
    status, text, err = call("segment", tmp_path / "in", "--out", tmp_path / "o", capsys=capsys)
    assert (status, text) == (1, "")
    last = err.strip().splitlines()[-1]
    assert re.fullmatch(r"segkit: .*frame_001\.tif: .*, or add --on-error skip", last)
    assert "Traceback" not in err


def test_more_frames_skipped_than_kept_is_an_error(tmp_path, capsys):
    """Exit status 1, with the count, the commonest reason and the list; the table stays."""
    files = folder(tmp_path / "in", 5)
    words = ["segment", tmp_path / "in", "--out", tmp_path / "o", "--on-error", "skip"]
    for path in files[1:3]:
        path.write_text("no picture")
    assert call(*words, capsys=capsys)[0] == 0
    files[4].write_text("no picture")
    status, _, err = call(*words, capsys=capsys)
    last = err.strip().splitlines()[-1]
    assert status == 1
    assert last.startswith("segkit: 3 of 5 frames were skipped, such as frame_001.tif, because: ")
    assert last.endswith(f"see {tmp_path / 'o' / 'skipped.csv'}")
    assert len(pd.read_csv(tmp_path / "o" / "skipped.csv")) == 3
    assert pd.read_parquet(tmp_path / "o" / "nuclei.parquet")["frame"].nunique() == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scheduler", "cloud"], "unknown scheduler 'cloud': choose threads, local or an addr"),
        (["--scheduler", "tls://127.0.0.1:1"], "no scheduler answers at tls://127.0.0.1:1 (Type"),
        (["--pixel-size", "nan"], "pixel size nan: give a positive number of micrometres"),
    ],
)
def test_option_that_cannot_be_met(tmp_path, words, said, capsys):
    """What is wrong with an option is one line, and status 1."""
    folder(tmp_path / "in", 1)
    words = ["--out", tmp_path / "o", *words]
    status, text, err = call("segment", tmp_path / "in", *words, capsys=capsys)
    assert (status, text, err.count("\n")) == (1, "", 1)
    assert said in err


@pytest.mark.parametrize(
    "words", [["segment", "x"], ["segment", "x", "--out", "y", "--frames", "0"]]
)
def test_wrong_usage_has_status_2(words, capsys):
    """What argparse refuses comes with the usage."""
    with pytest.raises(SystemExit) as caught:
        cli.main(words)
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_command_is_installed():
    """`segkit` beside the interpreter says its version."""
    from segkit import __version__

    command = Path(sys.executable).with_name("segkit")
    shown = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == __version__
