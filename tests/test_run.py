import hashlib
import json
import logging
import os
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
import pytest
import tifffile
import zarr
from distributed import Client, LocalCluster
from made import folder, under_small_disk

from segkit import cluster, frame, run, stack, store


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


@pytest.mark.parametrize("scheduler", ["threads", "processes"])
def test_scheduler_does_not_change_a_byte(tmp_path, scheduler):
    """Threads and processes write the same parts as a single thread."""
    files = folder(tmp_path / "in", 5)
    like = stack.common_format(files)
    store.begin(tmp_path / "one", {})
    for task in run.tasks(
        run.pending(files, tmp_path / "one", batch=2), tmp_path / "one", like=like
    ):
        task.compute(scheduler="synchronous")
    run.segment(files, tmp_path / "out", batch=2, scheduler=scheduler, progress=False)
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


def test_device_is_part_of_the_question_only_where_it_is_not_the_usual(tmp_path, monkeypatch):
    """A run on the CPU asks what it always asked; one on the GPU is another run."""
    files = folder(tmp_path / "in", 2)
    run.segment(files, tmp_path / "cpu", progress=False)
    asked = json.loads((tmp_path / "cpu" / "run.json").read_text())
    assert set(asked) == {"method", "batch", "labels", "frames", "names", "segkit"}
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
    files = [str(path) for path in folder(tmp_path / "in", 1)] * 100
    monkeypatch.setattr(stack, "read_frame", lambda *_, **__: pytest.fail("a frame was read"))
    for batch, expected in [(25, 4), (7, 15), (200, 1)]:
        todo = run.tasks(run.pending(files, tmp_path, batch=batch), tmp_path, like=None)
        graph = dask.base.collections_to_expr(todo).optimize().__dask_graph__()
        assert len(graph) == expected


def test_second_run_computes_nothing(tmp_path, monkeypatch):
    """A run that is complete is only counted again."""
    files = folder(tmp_path / "in", 4)
    first = run.segment(files, tmp_path / "out", batch=2, progress=False)
    monkeypatch.setattr(stack, "batch", lambda *_, **__: pytest.fail("a batch was computed"))
    second = run.segment(files, tmp_path / "out", batch=2, progress=False)
    assert (second["frames"], second["nuclei"]) == (first["frames"], first["nuclei"])


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
    assert done.stdout.startswith("frames=120 nuclei=")
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
    failed, kept, result, status, same = done.stdout.splitlines()
    assert (failed, kept, status, same) == ("1", "True True", "0", "True")
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
