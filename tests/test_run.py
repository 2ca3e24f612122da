import hashlib
import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import dask
import numpy as np
import pandas as pd
import psutil
import pytest
import tifffile
import zarr
from distributed import Client, LocalCluster
from made import folder, scene, under_small_disk

from segkit import cluster, frame, reading, run, stack, store


def digest(out):
    """Hash the table of a run, part by part."""
    parts = sorted((out / "nuclei.parquet").glob("*"))
    return [(part.name, hashlib.sha256(part.read_bytes()).hexdigest()) for part in parts]


@contextmanager
def scheduler(**options):
    """Run a scheduler of this process's own, and give its cluster and address."""
    settings = {"n_workers": 1, "threads_per_worker": 1, "protocol": "tcp://"}
    settings |= {"dashboard_address": None}
    settings |= {"scheduler_kwargs": {"dashboard_address": "127.0.0.1:0"}}  # no fixed port
    with LocalCluster(**settings, **options) as own:
        yield own, own.scheduler_address


def test_table_is_that_of_each_frame(tmp_path):
    """The stored table holds each frame's nuclei, in order, with file and number."""
    files = folder(tmp_path / "in", 7)
    result = run.segment(files, tmp_path / "out", batch=3, progress=False)
    table = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    assert result["frames"] == 7
    assert result["nuclei"] == len(table) > 40
    for number, path in enumerate(files):
        image = tifffile.imread(path)
        expected = frame.measure(image, frame.segment(image))
        rows = table[table["frame"] == number].reset_index(drop=True)
        assert set(rows["file"]) == {path.name}
        pd.testing.assert_frame_equal(rows[list(expected)], expected)


def test_threads_do_not_change_a_byte(tmp_path):
    """Threads write the same parts as a single thread."""
    files = folder(tmp_path / "in", 5)
    run.segment(files, tmp_path / "out", batch=2, progress=False)
    run.segment(files, tmp_path / "one", batch=2, workers=1, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "one")


def test_address_of_a_cluster(tmp_path):
    """A distributed scheduler, given by its address, writes the same table."""
    files = folder(tmp_path / "in", 5)
    run.segment(files, tmp_path / "threads", batch=2, progress=False)
    with scheduler(processes=False) as (_, address):
        run.segment(files, tmp_path / "out", batch=2, scheduler=address, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "threads")


def test_workers_need_not_be_in_the_same_folder(tmp_path, monkeypatch):
    """Frames and results that are named from the current folder are found by every worker."""
    folder(tmp_path / "in", 3)
    monkeypatch.chdir(tmp_path)
    files = [Path("in") / f"frame_{number:03d}.tif" for number in range(3)]
    with scheduler(processes=False) as (_, address):
        monkeypatch.setattr(stack, "read_frame", absolute(stack.read_frame))
        result = run.segment(files, "out", scheduler=address, progress=False)
    assert result["frames"] == 3
    assert len(digest(tmp_path / "out")) == 1


def absolute(read):
    """Let a function be called with absolute paths only."""

    def checked(path, **options):
        assert Path(path).is_absolute()
        return read(path, **options)

    return checked


def test_scheduler_out_of_reach(tmp_path, monkeypatch):
    """The run ends with what is on disk and how to go on, and another scheduler goes on."""
    files = folder(tmp_path / "in", 6)
    run.segment(files, tmp_path / "whole", batch=2, progress=False)
    batch, begun, leave, done = stack.batch, threading.Event(), threading.Event(), []

    def slow(files, first, **options):
        done.append(first)
        if len(done) == 2:
            begun.set()
            leave.wait(20)
        return batch(files, first, **options)

    monkeypatch.setattr(stack, "batch", slow)
    with scheduler(processes=False) as (own, address):

        def cut():
            begun.wait(20)
            for connection in list(own.scheduler.client_comms.values()):
                own.loop.add_callback(connection.abort)

        cutting = threading.Thread(target=cut)
        cutting.start()
        said = f"scheduler at {address} is gone; 1 of 3 batches .* the same command goes on"
        with pytest.raises(cluster.ClusterError, match=said):
            run.segment(files, tmp_path / "out", batch=2, scheduler=address, progress=False)
        leave.set()
        cutting.join()
    monkeypatch.setattr(stack, "batch", batch)
    run.segment(files, tmp_path / "out", batch=2, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def poison(name):
    """Make this worker end as soon as it comes to a file of that name."""
    batch = stack.batch

    def deadly(files, first, **options):
        if any(Path(path).name == name for path in files):
            os._exit(1)
        return batch(files, first, **options)

    stack.batch = deadly


def test_frames_that_end_every_worker_are_named(tmp_path):
    """Where workers die on a batch, the message names its files, and the other batches stay."""
    files = folder(tmp_path / "in", 6)
    settings = {"distributed.scheduler.allowed-failures": 0}
    settings["distributed.scheduler.worker-saturation"] = 1.0  # as `cluster.client` has it
    with (
        dask.config.set(settings),
        scheduler(silence_logs=logging.CRITICAL) as (_, address),
    ):
        with Client(address) as client:
            client.run(poison, "frame_004.tif")
        said = "1 workers died.* on the 2 frames from .*frame_004.tif to frame_005.tif"
        with pytest.raises(cluster.ClusterError, match=said):
            run.segment(files, tmp_path / "out", batch=2, scheduler=address, progress=False)
    run.segment(files, tmp_path / "out", batch=2, progress=False)
    run.segment(files, tmp_path / "whole", batch=2, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_what_only_a_cluster_knows_is_refused_elsewhere(tmp_path):
    """Hosts and the like with threads are refused before anything is written."""
    files = folder(tmp_path / "in", 1)
    with pytest.raises(ValueError, match="hosts: only for a cluster"):
        run.segment(files, tmp_path / "out", hosts="a,b")
    assert not (tmp_path / "out").exists()


def test_device_is_one_of_the_settings(tmp_path, monkeypatch):
    """The run on the GPU differs from that on the CPU in its device alone."""
    files = folder(tmp_path / "in", 2)
    run.segment(files, tmp_path / "cpu", progress=False)
    asked = json.loads((tmp_path / "cpu" / "run.json").read_text())
    assert set(asked) == {"method", "batch", "labels", "device", "folder", "segkit"}
    batch, seen = stack.batch, []

    def record(files, first, *, device, **options):
        seen.append(device)
        return batch(files, first, **options)

    monkeypatch.setattr(stack, "batch", record)
    monkeypatch.setattr(run, "require", lambda device, method: None)
    run.segment(files, tmp_path / "gpu", device="gpu", progress=False)
    assert seen == ["gpu"]
    assert json.loads((tmp_path / "gpu" / "run.json").read_text()) == {**asked, "device": "gpu"}


def test_building_the_graph_reads_no_frame(tmp_path, monkeypatch):
    """Tasks are as many as batches, and nothing is read until they are computed."""
    names = [path.name for path in folder(tmp_path / "in", 1)] * 100
    monkeypatch.setattr(stack, "read_frame", lambda *_, **__: pytest.fail("a frame was read"))
    for batch, expected in [(25, 4), (7, 15), (200, 1)]:
        todo = run.pending(names, tmp_path, batch=batch)
        todo = run.tasks(todo, str(tmp_path / "in"), tmp_path, like=None)
        graph = dask.base.collections_to_expr(todo).optimize().__dask_graph__()
        assert len(graph) == expected


def test_second_run_computes_nothing(tmp_path, monkeypatch):
    """A run that is complete is only counted again."""
    files = folder(tmp_path / "in", 4)
    first = run.segment(files, tmp_path / "out", batch=2, progress=False)
    monkeypatch.setattr(stack, "batch", lambda *_, **__: pytest.fail("a batch was computed"))
    second = run.segment(files, tmp_path / "out", batch=2, progress=False)
    assert (second["frames"], second["nuclei"]) == (first["frames"], first["nuclei"])
    assert [(one["batches"], one["there"]) for one in (first, second)] == [(2, 0), (2, 2)]


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX systems")
def test_run_killed_three_times_gives_the_same_bytes(tmp_path):
    """Kill -9 in the middle, three times: no batch is done twice, and the table is the same."""
    some = folder(tmp_path / "some", 4, shape=(520, 696))
    files = [tmp_path / "in" / f"frame_{number:03d}.tif" for number in range(120)]
    files[0].parent.mkdir()
    for number, path in enumerate(files):
        os.link(some[number % 4], path)
    run.segment(files, tmp_path / "whole", batch=3, progress=False)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "segkit.cli", "segment", str(files[0].parent)]
    command += ["--out", str(out), "--batch", "3"]
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


def test_full_disk(tmp_path):
    """On a full disk a line tells what to do; with room the same command gives the same bytes."""
    files = folder(tmp_path / "in", 8)
    run.segment(files, tmp_path / "whole", batch=1, labels=True, progress=False)
    under, mount, enlarge = under_small_disk(tmp_path / "out", 64)
    command = ["segment", str(tmp_path / "in"), "--out", str(tmp_path / "out")]
    code = f"""
import subprocess
from pathlib import Path
from segkit import cli
def call():
    print(cli.main({[*command, "--batch", "1", "--labels"]}), flush=True)
    return {{part.name: part.read_bytes() for part in Path("out/nuclei.parquet").glob("part-*")}}
whole = {{part.name: part.read_bytes() for part in Path("whole/nuclei.parquet").iterdir()}}
subprocess.run({mount}, check=True)
first = call()
print(0 < len(first) < len(whole), first.items() < whole.items())
subprocess.run({enlarge}, check=True)
print(call() == whole)
"""
    done = subprocess.run(
        [*under, sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    failed, kept, already, result, status, same = done.stdout.splitlines()
    assert (failed, kept, status, same) == ("1", "True True", "0", "True")
    assert already.endswith(" of 8 batches were there already")
    assert result.startswith("frames=8 nuclei=")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("segkit: ")]
    assert line.startswith(f"segkit: There is no room left in {tmp_path / 'out'} (")
    assert line.endswith("What is written stays, and the same command goes on.")


def test_other_method_in_the_same_folder_is_refused(tmp_path):
    """Results of two methods are not mixed."""
    files = folder(tmp_path / "in", 2)
    run.segment(files, tmp_path / "out", progress=False)
    with pytest.raises(store.RunError, match="method=tutorial"):
        run.segment(files, tmp_path / "out", method="otsu", progress=False)


def test_stop_keeps_what_is_done_and_goes_on_when_mended(tmp_path):
    """A bad frame stops the run; once it is mended the run ends as if nothing had been."""
    files = folder(tmp_path / "in", 6)
    good = files[5].read_bytes()
    files[5].write_bytes(good[:4000])
    with pytest.raises(stack.FrameError, match="frame_005"):
        run.segment(files, tmp_path / "out", batch=2, progress=False)
    files[5].write_bytes(good)
    run.segment(files, tmp_path / "out", batch=2, progress=False)
    run.segment(files, tmp_path / "whole", batch=2, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_skip_lists_the_frame_and_takes_it_up_when_mended(tmp_path):
    """skipped.csv names file and reason; a later run with the file mended is complete."""
    files = folder(tmp_path / "in", 6)
    good = files[2].read_bytes()
    files[2].write_text("no picture")
    result = run.segment(files, tmp_path / "out", batch=2, skip=True, progress=False)
    assert result["frames"] == 5
    listed = pd.read_csv(tmp_path / "out" / "skipped.csv")
    assert list(listed["file"]) == ["frame_002.tif"]
    assert "cannot be read" in listed["reason"][0]
    files[2].write_bytes(good)
    result = run.segment(files, tmp_path / "out", batch=2, skip=True, progress=False)
    assert result["frames"] == 6
    assert not (tmp_path / "out" / "skipped.csv").exists()
    run.segment(files, tmp_path / "whole", batch=2, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "whole")


def test_labels_are_stored_frame_by_frame(tmp_path):
    """The label store holds the label image of each frame."""
    files = folder(tmp_path / "in", 5)
    run.segment(files, tmp_path / "out", batch=2, labels=True, progress=False)
    array = zarr.open_array(tmp_path / "out" / "labels.ome.zarr" / "0", mode="r")
    assert array.shards == (2, 90, 120)
    for number, path in enumerate(files):
        np.testing.assert_array_equal(array[number], frame.segment(tifffile.imread(path)))


def test_files_of_the_same_name_order(tmp_path):
    """Frame numbers follow the order of the files that were given."""
    files = folder(tmp_path / "in", 3)[::-1]
    run.segment(files, tmp_path / "out", progress=False)
    table = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    assert list(table.groupby("frame")["file"].first()) == [path.name for path in files]


def test_plate_with_the_same_names_is_refused(tmp_path):
    """Frames of another folder are not taken for those that were segmented; both are named."""
    files, others = folder(tmp_path / "plateA", 3), folder(tmp_path / "plateB", 3)
    run.segment(files, tmp_path / "out", progress=False)
    before = digest(tmp_path / "out")
    with pytest.raises(store.RunError, match=r"frames in .*plateA, not in .*plateB: choose"):
        run.segment(others, tmp_path / "out", progress=False)
    assert digest(tmp_path / "out") == before


@pytest.mark.parametrize("how", ["content", "time"])
def test_frame_that_was_exported_again_is_refused(tmp_path, how):
    """A frame that is not the one of the table is named; without its part it is done again."""
    files = folder(tmp_path / "in", 4)
    run.segment(files, tmp_path / "out", batch=2, progress=False)
    if how == "content":
        tifffile.imwrite(files[3], scene(9), compression="deflate")
    else:
        os.utime(files[3], ns=(0, 1))
    said = (
        r"frame_003.tif has changed .*\((size|time of change); .* 1 of 4\).*part-00001.parquet in"
    )
    with pytest.raises(store.RunError, match=said):
        run.segment(files, tmp_path / "out", batch=2, progress=False)
    (tmp_path / "out" / "nuclei.parquet" / "part-00001.parquet").unlink()
    assert run.segment(files, tmp_path / "out", batch=2, progress=False)["there"] == 1
    run.segment(files, tmp_path / "again", batch=2, progress=False)
    assert digest(tmp_path / "out") == digest(tmp_path / "again")


def test_frame_that_changes_while_the_run_goes_on(tmp_path, monkeypatch):
    """The run ends with its name, and so does the next one: its table may hold either state."""
    files, batch = folder(tmp_path / "in", 4), stack.batch

    def during(files, first, **options):
        done = batch(files, first, **options)
        if first == 2:
            tifffile.imwrite(tmp_path / "other.tif", scene(9))
            (tmp_path / "other.tif").replace(tmp_path / "in" / "frame_001.tif")
        return done

    monkeypatch.setattr(stack, "batch", during)
    for _ in range(2):
        with pytest.raises(store.RunError, match=r"frame_001.tif has changed since"):
            run.segment(files, tmp_path / "out", batch=2, progress=False)


def test_more_or_fewer_frames_are_refused(tmp_path):
    """The message says how many frames were added, and names one."""
    files = folder(tmp_path / "in", 4)
    run.segment(files[:2], tmp_path / "out", progress=False)
    with pytest.raises(store.RunError, match=r"files added: 2, such as frame_002.tif"):
        run.segment(files, tmp_path / "out", progress=False)


def test_equal_names_in_subfolders(tmp_path):
    """Table and skipped.csv tell frames of the same name apart by their folders."""
    files = [folder(tmp_path / "in" / well, 1)[0] for well in ("A01", "B02", "C03")]
    tifffile.imwrite(files[1], scene(5))
    files[2].write_text("no picture")
    run.segment(files, tmp_path / "out", skip=True, progress=False)
    table = pd.read_parquet(tmp_path / "out" / "nuclei.parquet")
    names = ["A01/frame_000.tif", "B02/frame_000.tif", "C03/frame_000.tif"]
    assert list(table.groupby("frame")["file"].unique().explode()) == names[:2]
    assert list(pd.read_csv(tmp_path / "out" / "skipped.csv")["file"]) == names[2:]


@pytest.mark.skipif(sys.platform != "linux", reason="names there are not any bytes")
def test_name_that_is_not_utf8(tmp_path):
    """It is an error with the cure, and can be skipped like other unusable frames."""
    files = folder(tmp_path / "in", 3)
    files[1] = files[1].rename(os.fsdecode(os.fsencode(tmp_path / "in") + b"/zell\xe4.tif"))
    with pytest.raises(stack.FrameError, match=r"zell\\.*tif: .* UTF-8; rename the file"):
        run.segment(files, tmp_path / "out", progress=False)
    result = run.segment(files, tmp_path / "out", skip=True, progress=False)
    assert result["frames"] == 2
    ((name, reason),) = pd.read_csv(tmp_path / "out" / "skipped.csv").to_numpy()
    assert name == r"zell\xe4.tif"
    assert "rename" in reason
    with pytest.raises(store.RunError, match=r"out\\xe4 is not a UTF-8 name: choose another"):
        run.segment(files, os.fsdecode(os.fsencode(tmp_path) + b"/out\xe4"), progress=False)


def test_folder_with_brackets(tmp_path):
    """A folder whose name looks like a pattern is a folder like any other."""
    files = folder(tmp_path / "exp [1]*", 2)
    run.segment(files, tmp_path / "out [2]", labels=True, progress=False)
    table = pd.read_parquet(tmp_path / "out [2]" / "nuclei.parquet")
    assert set(table["file"]) == {"frame_000.tif", "frame_001.tif"}


def test_second_start_beside_a_running_one(tmp_path, monkeypatch):
    """It stops at once and harms nothing; the first one ends as if alone."""
    files, batch, refused = folder(tmp_path / "in", 4), stack.batch, []

    def beside(files, first, **options):
        half = tmp_path / "out" / "nuclei.parquet" / ".part-00001.parquet.half.part"
        half.touch()
        with pytest.raises(store.RunError, match="another run is filling") as caught:
            run.segment(every, tmp_path / "out", batch=2, progress=False)
        refused.append(caught.value)
        assert half.exists()  # as a worker of the first run would be writing it
        half.unlink()
        return batch(files, first, **options)

    every = files
    run.segment(files, tmp_path / "alone", batch=2, progress=False)
    monkeypatch.setattr(stack, "batch", beside)
    run.segment(files, tmp_path / "out", batch=2, workers=1, progress=False)
    assert len(refused) == 2
    assert digest(tmp_path / "out") == digest(tmp_path / "alone")


@pytest.mark.skipif(sys.platform == "win32", reason="kill -9 is a signal of POSIX systems")
def test_kill_leaves_no_process_and_no_lock(tmp_path):
    """After kill -9 no process is left behind, and the same command goes on at once."""
    some = folder(tmp_path / "some", 1, shape=(520, 696))[0]
    (tmp_path / "in").mkdir()
    for number in range(30):
        os.link(some, tmp_path / "in" / f"frame_{number:03d}.tif")
    command = [sys.executable, "-m", "segkit.cli", "segment", str(tmp_path / "in"), "--workers"]
    command += ["1", "--out", str(tmp_path / "out"), "--batch", "1", "--scheduler", "local"]
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen(command, **quiet)
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


def test_script_without_a_main_guard(tmp_path):
    """Worker processes that import the script again are stopped with the cure."""
    folder(tmp_path / "in", 2)
    script = tmp_path / "script.py"
    script.write_text(
        "from pathlib import Path\nfrom segkit import run\n"
        "run.segment(sorted(Path('in').glob('*')), 'out', scheduler='local', workers=1)\n"
    )
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.strip().endswith("put the call below if __name__ == '__main__':")


def scale(out):
    """Return the scale of rows and the unit of a label store."""
    ome = zarr.open_group(out / "labels.ome.zarr", mode="r").attrs["ome"]["multiscales"][0]
    numbers = ome["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert numbers[1] == numbers[2]
    return numbers[1], ome["axes"][1].get("unit")


def test_pixel_size_of_the_label_store(tmp_path):
    """What the files say, what the user says, or pixels where nobody says it or they disagree."""
    files = folder(tmp_path / "in", 2)
    run.segment(files, tmp_path / "none", labels=True, progress=False)
    assert scale(tmp_path / "none") == (1, None)
    run.segment(files, tmp_path / "given", labels=True, pixel_size=0.2, progress=False)
    assert scale(tmp_path / "given") == (0.2, "micrometer")
    for number, size in enumerate((0.1625, 0.325)):
        calibrate(files[number], size)
    run.segment(files, tmp_path / "disagree", labels=True, progress=False)
    assert scale(tmp_path / "disagree") == (1, None)
    calibrate(files[1], 0.1625)
    run.segment(files, tmp_path / "agree", labels=True, progress=False)
    assert scale(tmp_path / "agree") == (0.1625, "micrometer")
    with pytest.raises(store.RunError, match="pixel_size=None"):
        run.segment(files, tmp_path / "agree", labels=True, pixel_size=0.3, progress=False)


def calibrate(path, size, **more):
    """Write a frame as ImageJ does, with a pixel size."""
    more = {"metadata": {"unit": "um", "axes": "YX"}, **more}
    tifffile.imwrite(path, scene(1), imagej=True, resolution=(1 / size, 1 / size), **more)


OME = {"axes": "YX", "PhysicalSizeX": 325, "PhysicalSizeY": 325}


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({"imagej": True, "metadata": {"unit": "micron"}}, 0.25),
        ({"imagej": True, "metadata": {"unit": "\\u00B5m"}}, 0.25),
        ({"imagej": True, "metadata": {"unit": "nm"}}, 0.00025),
        ({"imagej": True, "metadata": {"unit": "inch"}}, None),
        ({"imagej": True, "metadata": {"unit": "pixel"}}, None),
        ({"imagej": True}, None),
        ({"imagej": True, "metadata": {"unit": "um"}, "resolution": (4, 2)}, None),
        ({"ome": True, "metadata": OME}, 325),
        ({"ome": True, "metadata": {**OME, "PhysicalSizeXUnit": "nm"}}, None),
        ({"ome": True, "metadata": OME | {f"PhysicalSize{a}Unit": "nm" for a in "XY"}}, 0.325),
        ({"ome": True, "metadata": {**OME, "PhysicalSizeY": 3}}, None),
        ({"ome": True, "metadata": {"axes": "YX", "PhysicalSizeX": 0.5}}, None),
        ({"ome": True, "metadata": {"axes": "YX"}}, None),
        ({"resolutionunit": "centimeter"}, None),
        ({"description": "Simulated, not real cells: segkit, version 1", "metadata": None}, 0.645),
    ],
)
def test_pixel_size_that_a_file_states(tmp_path, how, size):
    """A length of OME or ImageJ counts, if it is that of rows and columns; a printer's does not."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, scene(1), **{"resolution": (4, 4), **how})
    assert reading.pixel_size(path) == size


@pytest.mark.parametrize(("state", "size"), [("on", 0.65), ("off", None)])
def test_pixel_size_of_metaxpress(tmp_path, state, size):
    """A calibration that is switched off does not count."""
    props = {"spatial-calibration-state": ("bool", state)}
    props |= {f"spatial-calibration-{axis}": ("float", "0.65") for axis in "xy"}
    props |= {"spatial-calibration-units": ("string", "um")}
    rows = [f'<prop id="{n}" type="{t}" value="{v}"/>' for n, (t, v) in props.items()]
    text = f"<MetaData><PlaneInfo>{''.join(rows)}</PlaneInfo></MetaData>"
    more = {"description": text, "metadata": None, "software": "MetaSeries"}
    tifffile.imwrite(tmp_path / "a.tif", scene(1), **more)
    assert reading.pixel_size(tmp_path / "a.tif") == size


def test_pixel_size_of_real_frames(real_frames):
    """MetaMorph states it in tags of its own."""
    assert reading.pixel_size(next((real_frames / "images").glob("*.tif"))) == 0.645


def test_pixel_size_of_simulated_frames(simulated_frames):
    """What the simulator writes counts as having the pixels of BBBC039."""
    assert reading.pixel_size(next((simulated_frames / "images").glob("*.tif"))) == 0.645


def test_no_frames(tmp_path):
    """An empty list is refused, and nothing is written."""
    with pytest.raises(ValueError, match="no frames were given"):
        run.segment([], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_pixel_size_of_what_cannot_be_read(tmp_path):
    """A damaged file is named, and so is a pipe, which is not waited for."""
    (tmp_path / "a.tif").write_text("no picture")
    with pytest.raises(stack.FrameError, match=r"a\.tif: cannot be read as TIFF"):
        reading.pixel_size(tmp_path / "a.tif")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.tif")
    with pytest.raises(stack.FrameError, match=r"is a pipe|does not exist"):
        reading.pixel_size(tmp_path / "pipe.tif")
