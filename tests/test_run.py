import functools
import hashlib
import logging
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import cloudpickle
import dask
import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile
import zarr
from cluster.lab import links
from dask.callbacks import Callback
from distributed import Client, LocalCluster, SchedulerPlugin
from made import folder, scene, under_small_disk

from segkit import frame, reading, run

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX systems")
SEGKIT = [sys.executable, "-m", "segkit.cli", "segment"]


def segment(files, out, **options):
    """Segment without a bar."""
    return run.segment(files, out, **{"progress": False, "batch": 2, **options})


def digest(out):
    """Hash the table of a run, part by part."""
    parts = sorted((out / "nuclei.parquet").glob("*"))
    return [(part.name, hashlib.sha256(part.read_bytes()).hexdigest()) for part in parts]


@contextmanager
def cluster(**options):
    """Make a client of a cluster of this process's own the active one."""
    settings = {"n_workers": 1, "threads_per_worker": 1, "protocol": "tcp://", "processes": False}
    settings |= {"dashboard_address": None, "silence_logs": logging.CRITICAL}
    settings |= {"scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"}}  # no fixed port
    with LocalCluster(**settings | options) as own, Client(own) as client:
        yield client


def instead(monkeypatch, function):
    """Call a function in place of the reading of each frame, which it gets as an argument."""
    monkeypatch.setattr(reading, "read_frame", functools.partial(function, reading.read_frame))


# ---- what a run gives


def test_table_is_that_of_each_frame(tmp_path):
    """The stored table holds each frame's nuclei, in order, with file and number."""
    files = folder(tmp_path / "in", 7)[::-1]
    result = segment(files, tmp_path / "out", batch=3)
    table = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    assert result["frames"] == 7
    assert result["nuclei"] == len(table) > 40
    for number, path in enumerate(files):
        image = tifffile.imread(path)
        expected = frame.measure(image, frame.segment(image))
        rows = table[table["frame"] == number].reset_index(drop=True)
        assert set(rows["file"]) == {path.name}
        pd.testing.assert_frame_equal(rows[list(expected)], expected)
    assert {str(kind) for kind in table.dtypes[1:4]} == {"int32", "int64"}


def test_frames_without_nuclei_have_all_columns(tmp_path):
    """A table without rows has the columns and types of any other."""
    image = np.full((30, 40), 7, np.uint16)
    image[10, 10] = 9  # one pixel: opened away
    tifffile.imwrite(tmp_path / "dark.tif", image)
    assert segment([tmp_path / "dark.tif"], tmp_path / "out")["nuclei"] == 0
    empty = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    segment(folder(tmp_path / "in", 1), tmp_path / "other")
    other = pd.read_parquet(tmp_path / "other" / "nuclei.parquet")
    assert list(empty) == list(other)
    assert list(empty.dtypes[1:]) == list(other.dtypes[1:])


@pytest.mark.parametrize("size", [None, 0.1625])
def test_labels_are_ome_zarr(tmp_path, size):
    """Axes, pixel size, one chunk per frame, one shard per batch, and each frame's labels."""
    files = folder(tmp_path / "in", 5)
    segment(files, tmp_path / "out", labels=True, pixel_size=size)
    group = zarr.open_group(tmp_path / "out" / "labels.ome.zarr", mode="r")
    array = group["0"]
    assert (array.chunks, array.shards, array.dtype) == ((1, 90, 120), (2, 90, 120), np.int32)
    for number, path in enumerate(files):
        np.testing.assert_array_equal(array[number], frame.segment(tifffile.imread(path)))
    ome = group.attrs["ome"]
    assert ome["version"] == "0.5"
    image = ome["multiscales"][0]
    assert [axis["name"] for axis in image["axes"]] == ["t", "y", "x"]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [1.0, size or 1, size or 1]  # no size: pixels, and so no unit
    assert [axis.get("unit") for axis in image["axes"]] == [None, *2 * [size and "micrometer"]]


@pytest.mark.parametrize(("second", "scale"), [(0.325, 1), (0.1625, 0.1625)])
def test_pixel_size_that_the_files_agree_on(tmp_path, second, scale):
    """The labels have the pixel size that all files state, and none where they disagree."""
    for path, size in zip(folder(tmp_path / "in", 2), (0.1625, second), strict=True):
        unit = {"metadata": {"unit": "um"}, "resolution": (1 / size, 1 / size)}
        tifffile.imwrite(path, scene(1), imagej=True, **unit)
    segment(sorted((tmp_path / "in").iterdir()), tmp_path / "out", labels=True)
    ome = zarr.open_group(tmp_path / "out" / "labels.ome.zarr", mode="r").attrs["ome"]
    found = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert found == [1, scale, scale]


def test_any_name(tmp_path):
    """Frames of one name in several folders are told apart, and every name is an ordinary one."""
    files = [folder(tmp_path / "[1]*" / well, 1)[0] for well in ("A01", "a, b", 'kärne_"核"')]
    tifffile.imwrite(files[1], scene(5))
    files[2].write_text("no picture")
    files[0] = tmp_path / "[1]*" / "x" / ".." / "A01" / files[0].name  # however it is given
    segment(files, tmp_path / "out [2]", labels=True, skip=True)
    table = pd.read_parquet(tmp_path / "out [2]" / "nuclei.parquet")
    names = ["A01/frame_000.tif", "a, b/frame_000.tif", 'kärne_"核"/frame_000.tif']
    assert list(table.groupby("frame")["file"].unique().explode()) == names[:2]
    assert list(pd.read_csv(tmp_path / "out [2]" / "skipped.csv")["file"]) == names[2:]


@pytest.mark.skipif(sys.platform != "linux", reason="names there are not any bytes")
def test_name_that_is_not_utf8(tmp_path):
    """It is an error with the cure, and can be skipped like other unusable frames."""
    files = folder(tmp_path / "in", 3)
    files[1] = files[1].rename(os.fsdecode(os.fsencode(tmp_path / "in") + b"/zell\xe4.tif"))
    with pytest.raises(reading.FrameError, match=r"zell\\.*tif: .* UTF-8; rename the file"):
        segment(files, tmp_path / "out")
    assert segment(files, tmp_path / "out", skip=True)["frames"] == 2
    ((name, reason),) = pd.read_csv(tmp_path / "out" / "skipped.csv").to_numpy()
    assert name == r"zell\xe4.tif"
    assert "rename" in reason
    with pytest.raises(run.RunError, match=r"out\\xe4 is not a UTF-8 name: choose another"):
        segment(files, os.fsdecode(os.fsencode(tmp_path) + b"/out\xe4"))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"files": []}, "list of files is empty"),
        ({"batch": -1}, "batch -1: give at least one frame per task"),
        ({"pixel_size": -1}, "pixel size -1: give a positive number"),
        ({"method": "cloud"}, "unknown method 'cloud': choose tutorial, .* or module:function"),
        ({"method": "json:codecs"}, "json:codecs' cannot be imported .*: not a function"),
    ],
)
def test_what_cannot_be_done_is_refused_at_once(tmp_path, options, said):
    """The error is one line that says what to do, and nothing is written."""
    files = options.pop("files", folder(tmp_path / "in", 1))
    with pytest.raises(ValueError, match=said) as caught:
        segment(files, tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


# ---- frames that cannot be used


@pytest.mark.parametrize("how", ["truncated", "other shape", "missing"])
def test_bad_frame_stops_or_is_skipped(tmp_path, how):
    """It is named with its reason; the rows of the others are what they are without it."""
    files = folder(tmp_path / "in", 5)
    good = files[2].read_bytes()
    segment(files, tmp_path / "whole", labels=True)
    files[2].unlink()
    if how == "truncated":
        files[2].write_bytes(good[:5000])
    elif how == "other shape":
        tifffile.imwrite(files[2], scene(1)[:-1])
    with pytest.raises(reading.FrameError, match=r"frame_002\.tif: "):
        segment(files, tmp_path / "out", labels=True)
    result = segment(files, tmp_path / "out", labels=True, skip=True)
    assert (result["frames"], [name for name, _ in result["skipped"]]) == (4, ["frame_002.tif"])
    assert list(pd.read_csv(tmp_path / "out" / "skipped.csv")["reason"]) == [
        result["skipped"][0][1]
    ]
    whole = pd.read_parquet(tmp_path / "whole" / "nuclei.parquet")
    expected = whole[whole["frame"] != 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out" / "nuclei.parquet"), expected)
    stored = zarr.open_array(tmp_path / "out" / "labels.ome.zarr" / "0", mode="r")
    assert [bool(labels.any()) for labels in stored] == [True, True, False, True, True]
    files[2].write_bytes(good)
    assert segment(files, tmp_path / "out", labels=True, skip=True)["frames"] == 5
    assert not (tmp_path / "out" / "skipped.csv").exists()
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_frame_too_large_for_the_memory(tmp_path):
    """A frame that needs more memory than there is can be skipped; the others are done."""

    def full(image):
        if image[0, 0] == scene(1)[0, 0]:
            raise MemoryError("Unable to allocate 3 GiB")
        return frame.tutorial(image)

    result = segment(folder(tmp_path / "in", 3), tmp_path / "two", method=full, skip=True)
    ((name, reason),) = result["skipped"]
    assert name == "frame_001.tif"
    assert reason.startswith("needs more memory than is free (Unable to allocate 3 GiB)")


# ---- runs that go on


def test_second_run_computes_nothing(tmp_path, monkeypatch):
    """A run that is complete is only counted again."""
    files = folder(tmp_path / "in", 4)
    first = segment(files, tmp_path / "out")
    monkeypatch.setattr(reading, "read_frame", lambda *_, **__: pytest.fail("a frame was read"))
    second = segment(files, tmp_path / "out")
    assert (second["frames"], second["nuclei"]) == (first["frames"], first["nuclei"])
    assert [(one["batches"], one["there"]) for one in (first, second)] == [(2, 0), (2, 2)]


@pytest.mark.parametrize("how", ["cut", "unexpected"])
def test_part_that_is_not_complete_is_done_again(tmp_path, how):
    """A damaged or unexpected part does not count, nor what a killed run left."""
    files = folder(tmp_path / "in", 4)
    segment(files, tmp_path / "out")
    before = digest(tmp_path / "out")
    part = tmp_path / "out" / "nuclei.parquet" / "part-00001.parquet"
    part.with_name(".part-00001.parquet.123.part").write_bytes(b"half")
    if how == "cut":
        part.write_bytes(part.read_bytes()[:-20])
    else:
        pd.DataFrame({"a": [1]}).to_parquet(part)
    assert segment(files, tmp_path / "out")["there"] == 1
    assert digest(tmp_path / "out") == before


@POSIX
def test_run_killed_three_times_gives_the_same_bytes(tmp_path, simulated_frames):
    """Kill -9 in the middle, three times: no batch is done twice, and the table is the same."""
    files = sorted(links(simulated_frames, 120, tmp_path / "in").iterdir())
    segment(files, tmp_path / "whole", batch=3)
    out = tmp_path / "out"
    command = [*SEGKIT, str(tmp_path / "in"), "--out", str(out), "--batch", "3"]
    parts = out / "nuclei.parquet"
    written = {}
    for kill in (1, 2, 3):
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        while len(list(parts.glob("part-*"))) < 8 * kill and process.poll() is None:
            time.sleep(0.002)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        for part in parts.glob("part-*"):
            assert written.setdefault(part.name, part.stat().st_mtime_ns) == part.stat().st_mtime_ns
        assert 8 * kill <= len(written) < 40
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.match(r"(2[4-9]|3\d) of 40 batches were there already\nframes=120 ", done.stdout)
    for part in parts.glob("part-*"):
        if part.name in written:
            assert written[part.name] == part.stat().st_mtime_ns
    assert digest(out) == digest(tmp_path / "whole")
    assert list(parts.glob(".*")) == []


@POSIX
def test_kill_leaves_no_process_and_no_lock(tmp_path, simulated_frames):
    """After kill -9 no process is left behind, and the same command goes on at once."""
    links(simulated_frames, 30, tmp_path / "in")
    command = [*SEGKIT, str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--workers", "1"]
    command += ["--batch", "1", "--scheduler", "local"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    parts = tmp_path / "out" / "nuclei.parquet"
    while len(list(parts.glob("part-*"))) < 3 and process.poll() is None:
        time.sleep(0.002)
    below = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert below
    done = subprocess.run([*command[:-1], "threads"], capture_output=True, text=True, check=True)
    assert "of 30 batches were there already\nframes=30 " in done.stdout
    assert psutil.wait_procs(below, timeout=30)[1] == []


def test_full_disk(tmp_path):
    """On a full disk a line says what to do; with space the same command gives the same bytes."""
    segment(folder(tmp_path / "in", 8), tmp_path / "whole", batch=1, labels=True)
    under, mount, enlarge = under_small_disk(tmp_path / "out", 64)
    call = [*SEGKIT, str(tmp_path / "in"), "--out", str(tmp_path / "out"), "--batch", "1"]
    steps = [mount, [*call, "--labels"], ["cp", "-r", "out", "full"]]
    steps += [enlarge, [*call, "--labels"], ["cp", "-r", "out", "done"]]
    script = [*under, "sh", "-c", "\n".join(map(shlex.join, steps))]
    done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert set() < set(digest(tmp_path / "full")) < set(digest(tmp_path / "whole"))
    assert digest(tmp_path / "done") == digest(tmp_path / "whole")
    assert re.match(r"\d of 8 batches were there already\nframes=8 nuclei=", done.stdout)
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("segkit: ")]
    assert str(tmp_path / "out") in line
    assert line.endswith("What is written stays, and the same command goes on.")


def test_one_run_at_a_time(tmp_path, monkeypatch):
    """A second start is refused and harms nothing; the first run ends as if alone."""
    files, refused = folder(tmp_path / "in", 4), []

    def beside(read, path, **options):
        half = tmp_path / "out" / "nuclei.parquet" / ".part-00001.parquet.half.part"
        half.touch()
        with pytest.raises(run.RunError, match=r"another run is filling .*out: wait") as caught:
            segment(files, tmp_path / "out")
        refused.append(caught.value)
        assert half.exists()  # as a worker of the first run would be writing it
        half.unlink()
        return read(path, **options)

    segment(files, tmp_path / "alone")
    instead(monkeypatch, beside)
    with dask.config.set(scheduler="synchronous"):
        segment(files, tmp_path / "out")
    assert len(refused) == 4
    assert digest(tmp_path / "out") == digest(tmp_path / "alone")


# ---- runs that are refused


@pytest.mark.parametrize(
    ("numbers", "options", "said"),
    [
        ([0, 1, 2], {"method": "otsu"}, r"method=tutorial \(not otsu\)"),
        ([0, 1, 2], {"labels": True, "pixel_size": 1}, r"labels=.* and pixel_size=None \(not 1\)"),
        ([0, 1, 2, 3, 4], {}, r"\(files added: 2, missing: 0, such as frame_003.tif\)"),
        ([1, 2, 4], {}, r"\(files added: 1, missing: 1, such as frame_000.tif\)"),
        ([0, 1, 2, 0], {}, "the same files in another order"),
    ],
)
def test_another_run_is_refused(tmp_path, numbers, options, said):
    """The message says what the folder holds and what was wanted, and nothing in it changes."""
    files = folder(tmp_path / "in", 5)
    segment(files[:3], tmp_path / "out")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    with pytest.raises(run.RunError, match=f"{said}.*: choose another --out, or del") as caught:
        segment([files[number] for number in numbers], tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}


def test_frames_of_the_same_names_in_another_folder_are_refused(tmp_path):
    """Plates of one microscope have the same names: both folders are named."""
    files, others = folder(tmp_path / "plateA", 3), folder(tmp_path / "plateB", 3)
    segment(files, tmp_path / "out")
    with pytest.raises(run.RunError, match=r"folder=.*plateA \(not .*plateB\): choose"):
        segment(others, tmp_path / "out")


@pytest.mark.parametrize("how", ["size", "time"])
def test_frame_that_was_exported_again_is_refused(tmp_path, how):
    """A frame that is not the one of the table is named; without its part it is done again."""
    files = folder(tmp_path / "in", 4)
    segment(files, tmp_path / "out")
    if how == "size":
        tifffile.imwrite(files[3], scene(9), compression="deflate")
    else:
        os.utime(files[3], ns=(0, 1))
    said = r"frame_003.tif has changed .*: 1 of 4\).*part-00001.parquet in"
    with pytest.raises(run.RunError, match=said):
        segment(files, tmp_path / "out")
    (tmp_path / "out" / "nuclei.parquet" / "part-00001.parquet").unlink()
    assert segment(files, tmp_path / "out")["there"] == 1
    segment(files, tmp_path / "again")
    assert digest(tmp_path / "out") == digest(tmp_path / "again")


def test_frame_that_changes_during_the_run(tmp_path, monkeypatch):
    """The run ends with its name, and so does the next one: its table may hold either state."""
    files = folder(tmp_path / "in", 4)

    def during(read, path, **options):
        image = read(path, **options)
        if Path(path).name == "frame_002.tif":
            os.utime(path, ns=(0, 1))
        return image

    instead(monkeypatch, during)
    for _ in range(2):
        with pytest.raises(run.RunError, match=r"frame_002.tif has changed since the run"):
            segment(files, tmp_path / "out")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("run.json", b"{", "is damaged"),
        ("run.json", b"[]", "is damaged"),
        ("run.json", None, "is there without run.json"),
        ("files.parquet", b"PAR1", "is missing or damaged"),
    ],
)
def test_damaged_folder_is_refused(tmp_path, name, content, said):
    """What tells one run from another is needed: the file is named, with the cure."""
    files = folder(tmp_path / "in", 1)
    segment(files, tmp_path / "out")
    (tmp_path / "out" / name).unlink()
    if content is not None:
        (tmp_path / "out" / name).write_bytes(content)
    with pytest.raises(run.RunError, match=rf"{said}.*: choose another --out") as caught:
        segment(files, tmp_path / "out")
    assert "\n" not in str(caught.value)
    assert str(tmp_path / "out") in str(caught.value)


# ---- a function of one's own


def bright(image, *, level=300):
    """Label what is bright."""
    return frame.label(image > level).astype(np.int64)


def level(value):
    """Make a function that labels what is brighter than a value."""
    return lambda image: frame.label(image > value)


class Model:
    """A callable that keeps what it learned."""

    def __init__(self, value):
        self.value = value

    def predict(self, image):
        """Label what is brighter."""
        return frame.label(image > self.value)

    __call__ = predict


OWN = {
    "function": (bright, bright),
    "partial": (functools.partial(bright, level=300), functools.partial(bright, level=310)),
    "closure": (level(300), level(310)),
    "object": (Model(300), Model(310)),
    "method": (Model(300).predict, Model(310).predict),
}


@pytest.mark.parametrize("kind", OWN)
def test_own_function(tmp_path, kind):
    """Its labels are measured; it goes on as itself, and is not taken for one bound otherwise."""
    files, (own, other) = folder(tmp_path / "in", 4), OWN[kind]
    segment(files, tmp_path / "out", method=own)
    table = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    expected = frame.measure(tifffile.imread(files[1]), bright(tifffile.imread(files[1])))
    rows = table[table["frame"] == 1].reset_index(drop=True)
    pd.testing.assert_frame_equal(rows[list(expected)], expected)
    again = cloudpickle.loads(cloudpickle.dumps(own))  # as the same line in another session
    assert segment(files, tmp_path / "out", method=again)["there"] == 2
    if other is not own:
        with pytest.raises(run.RunError, match=r"method=.*:.*, source .* \(not .*:.*, source "):
            segment(files, tmp_path / "out", method=other)


@pytest.mark.parametrize("where", ["threads", "cluster"])
def test_function_of_the_current_folder(tmp_path, monkeypatch, where):
    """It is found by name; an edited module is another run, on workers that knew the old one."""
    files = folder(tmp_path / "in", 4)
    monkeypatch.chdir(tmp_path)
    name, text = f"own_{where}", "from segkit import frame\ndef f(image):\n  return {}\n"

    def edit(line):
        Path(f"{name}.py").write_text(text.format(line))
        monkeypatch.delitem(sys.modules, name, raising=False)

    edit("frame.label(image > 300)")
    with cluster(processes=True) if where == "cluster" else run.scheduler("threads"):
        segment(files, tmp_path / "out", method=f"{name}:f")
        assert len(pd.read_parquet(tmp_path / "out" / "nuclei.parquet")) > 20
        edit("0 * frame.label(image > 300)  # nothing")
        with pytest.raises(run.RunError, match=f"method={name}:f, source .*choose another"):
            segment(files, tmp_path / "out", method=f"{name}:f")
        assert segment(files, tmp_path / "none", method=f"{name}:f")["nuclei"] == 0


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda image: undefined, "NameError: name 'undefined' is not defined"),  # noqa: F821
        (lambda image: image / 2, "ValueError: .*"),
    ],
)
def test_own_function_that_fails(tmp_path, function, said):
    """The frame and the function are named; with skip the reason is that of all frames."""
    files = folder(tmp_path / "in", 3)
    where = r"frame_00\d\.tif: cannot be segmented with "
    with pytest.raises(reading.FrameError, match=rf"{where}.*\({said}.*\); correct") as caught:
        segment(files, tmp_path / "out", method=function)
    assert "\n" not in str(caught.value)
    with pytest.raises(run.RunError, match=r"3 of 3 .* such as frame_000\.tif, because: cannot"):
        segment(files, tmp_path / "skipped", method=function, skip=True)


def test_function_that_cannot_be_sent(tmp_path):
    """What is bound to it may not leave this process: the error says so before anything is done."""
    files, bound = folder(tmp_path / "in", 1), functools.partial(bright, level=threading.Lock())
    with cluster(), pytest.raises(run.RunError, match=r"cannot be sent to workers .*lock.*: let"):
        segment(files, tmp_path / "out", method=bound)
    assert not (tmp_path / "out").exists()


# ---- schedulers


@pytest.mark.parametrize("where", ["worker", "threads"])
def test_schedulers_do_not_change_a_byte(tmp_path, monkeypatch, where):
    """What Dask uses is used, and writes what threads write; workers are given absolute paths."""
    files, seen = folder(tmp_path / "in", 5), []
    segment(files, tmp_path / "threads")
    monkeypatch.chdir(tmp_path)

    def watched(read, path, **options):
        assert Path(path).is_absolute()
        of_worker = "Dask-Default-Threads" in threading.current_thread().name
        seen.append("worker" if of_worker else "threads")
        return read(path, **options)

    instead(monkeypatch, watched)
    files = [Path("in") / path.name for path in files]
    with cluster(), dask.config.set({"scheduler": "threads"} if where == "threads" else {}):
        segment(files, "out")
    assert set(seen) == {where}
    assert digest(tmp_path / "out") == digest(tmp_path / "threads")


@pytest.mark.parametrize("where", ["threads", "cluster"])
def test_batches_are_sent_in_windows(tmp_path, monkeypatch, where):
    """Ten thousand batches are not one graph, and no scheduler holds more than a window of them."""
    files, held = folder(tmp_path / "in", 50), []
    segment(files, tmp_path / "whole", batch=1)
    assert run.WINDOW < 10_000
    monkeypatch.setattr(run, "WINDOW", 8)

    class Noting(SchedulerPlugin):
        def update_graph(self, scheduler, **_):
            held.append(sum(task.state != "memory" for task in scheduler.tasks.values()))

    started = Callback(start=lambda graph: held.append(len(graph)))
    with cluster() if where == "cluster" else nullcontext() as client, started:
        if client:
            client.cluster.scheduler.add_plugin(Noting())
        segment(files, tmp_path / "out", batch=1)
    assert len(held) >= 50 / 8
    assert 3 < max(held) <= 8
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_two_runs_on_one_cluster(tmp_path):
    """Runs at the same time, with batches of the same numbers, do not take each other's tasks."""
    plates = [folder(tmp_path / "a", 6), folder(tmp_path / "b", 6, shape=(150, 200))]
    outs = [tmp_path / "a-out", tmp_path / "b-out"]
    with cluster(), ThreadPoolExecutor() as pool:
        results = pool.map(segment, plates, outs)
    for files, out, result in zip(plates, outs, results, strict=True):
        alone = out.with_name(f"{out.name}-alone")
        assert result["nuclei"] == segment(files, alone)["nuclei"]
        assert digest(out) == digest(alone)


def test_after_an_error_the_cluster_is_free(tmp_path, monkeypatch):
    """Batches that wait when a run stops are not done behind the user's back."""
    files = folder(tmp_path / "in", 30)
    files[0].write_text("no picture")

    def slow(read, path, **options):
        time.sleep(0.05)
        return read(path, **options)

    instead(monkeypatch, slow)
    with cluster() as client:
        with pytest.raises(reading.FrameError, match="frame_000"):
            segment(files, tmp_path / "out", batch=1)
        time.sleep(0.5)
        there = len(digest(tmp_path / "out"))
        time.sleep(0.5)
        assert len(digest(tmp_path / "out")) == there < 20
        assert client.submit(int, 7).result() == 7


def test_no_worker_holds_what_is_done(tmp_path):
    """A finished batch is forgotten at once: no worker's death can make it run again."""
    files, held = folder(tmp_path / "in", 12), []
    with cluster() as client, ThreadPoolExecutor() as pool:
        running = pool.submit(segment, files, tmp_path / "out", batch=1)
        while not running.done():
            tasks = list(client.cluster.scheduler.tasks.values())
            held.append(sum(task.state == "memory" for task in tasks))
            time.sleep(0.005)
    assert len(digest(tmp_path / "out")) == 12
    assert max(held) <= 4


def test_scheduler_out_of_reach(tmp_path, monkeypatch):
    """The run ends with what is on disk and how to go on, and another scheduler goes on."""
    files = folder(tmp_path / "in", 6)
    segment(files, tmp_path / "whole")
    begun, leave, done = threading.Event(), threading.Event(), []

    def slow(read, path, **options):
        done.append(path)
        if len(done) == 3:
            begun.set()
            leave.wait(20)
        return read(path, **options)

    with monkeypatch.context() as patch, cluster() as client, ThreadPoolExecutor() as pool:
        instead(patch, slow)

        def cut():
            begun.wait(20)
            for connection in list(client.cluster.scheduler.client_comms.values()):
                client.cluster.loop.add_callback(connection.abort)

        pool.submit(cut)
        address = client.scheduler.address
        said = f"scheduler at {address} is gone; 1 of 3 batches .* the same command goes on"
        with pytest.raises(run.RunError, match=said):
            segment(files, tmp_path / "out")
        leave.set()
    segment(files, tmp_path / "out")
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def deadly(image):
    """End the worker at a frame that is saturated."""
    if image[0, 0] == 4095:
        os._exit(1)
    return frame.label(image > 300)


def test_frames_that_end_every_worker_are_named(tmp_path):
    """Where workers die on a batch, the message names its files, and the other batches stay."""
    files = folder(tmp_path / "in", 6)
    saturated = scene(0)
    saturated[0, 0] = 4095
    tifffile.imwrite(files[5], saturated)
    strict = {"distributed.scheduler.allowed-failures": 0}
    with dask.config.set(strict), run.scheduler("local", workers=1):
        said = "1 workers died.* on the 2 frames from frame_004.tif to frame_005.tif"
        with pytest.raises(run.RunError, match=said):
            segment(files, tmp_path / "out", method=deadly)
    assert len(digest(tmp_path / "out")) == 2


def test_a_local_cluster_that_does_not_start_has_its_own_cure(monkeypatch):
    """No address is to be corrected: the line names the cause and the scheduler that works."""
    monkeypatch.setattr("distributed.Client", lambda **options: 1 / 0)
    said = "local cluster does not start .ZeroDivisionError.*: use the scheduler threads"
    with pytest.raises(run.RunError, match=said), run.scheduler("local"):
        pass


def test_local_processes_listen_on_loopback_and_end(tmp_path, monkeypatch):
    """Workers are processes of one thread; an error ends all of them, and no client is left."""
    monkeypatch.delenv("MALLOC_TRIM_THRESHOLD_", raising=False)  # another cluster may have set it
    me = psutil.Process()
    before = {one.pid for one in me.children(recursive=True)}

    def below():
        every = [one for one in me.children(recursive=True) if one.pid not in before]
        return [one for one in every if "resource_tracker" not in " ".join(one.cmdline())]

    def end_with_an_error():
        with run.scheduler("local", workers=1):
            (worker,) = Client.current().scheduler_info()["workers"].values()
            assert worker["nthreads"] == 1
            opened = [port for one in [me, *below()] for port in one.net_connections("inet")]
            opened = {port.laddr.ip for port in opened if port.status == psutil.CONN_LISTEN}
            assert opened == {"127.0.0.1"}
            saturation = Client.current().run_on_scheduler(
                lambda dask_scheduler: dask_scheduler.WORKER_SATURATION
            )
            assert saturation == 1  # a worker that dies takes no other task's blame
            trim = Client.current().run(os.environ.get, "MALLOC_TRIM_THRESHOLD_")
            assert list(trim.values()) == [None]  # freed memory is kept for the next frame
            segment(folder(tmp_path / "in", 1), tmp_path / "out", method=lambda image: 1 / 0)

    with pytest.raises(reading.FrameError, match="ZeroDivisionError"):
        end_with_an_error()
    assert below() == []
    assert logging.getLogger("distributed").isEnabledFor(logging.CRITICAL)
    segment(folder(tmp_path / "in", 1), tmp_path / "out2")  # in threads again
