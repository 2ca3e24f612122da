"""Many frames, while worker after worker is killed."""

import os
import random
import time

import lab
import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.cluster

FRAMES = int(os.environ.get("SEGKIT_SOAK", "20000"))
EVERY = 10  # s between two kills


def workers_of(process):
    """Return the worker processes below a local cluster."""
    below = process.children(recursive=True)
    return [one for one in below if "spawn_main" in " ".join(one.cmdline())]


def memory_as_it_runs(run, kill_every):
    """Kill a worker now and then until a run ends; return kills and (seconds, bytes) of the run."""
    chance, kills, memory = random.Random(39), 0, []
    process, began = psutil.Process(run.pid), time.monotonic()
    while run.poll() is None:
        now = time.monotonic() - began
        try:
            memory.append((now, process.memory_info().rss))
            if now > kill_every * (kills + 1):
                chance.choice(workers_of(process)).kill()
                kills += 1
        except (psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
            pass  # it has just ended by itself, or its successor is not there yet
        time.sleep(0.2)
    return kills, np.array(memory)


def test_nothing_is_lost_while_workers_die(simulated_frames, start, record, tmp_path):
    """Each frame has its nuclei once, however many workers were killed; memory does not grow."""
    source = lab.links(simulated_frames, FRAMES, tmp_path / "in")
    few = lab.links(simulated_frames, 40, tmp_path / "few")
    run = start(*lab.segkit(few, "--out", tmp_path / "expected"))
    assert run.wait(120) == 0
    began = time.monotonic()
    words = ["--out", tmp_path / "out", "--scheduler", "local", "--workers", 2]
    run = start(*lab.segkit(source, *words))
    kills, memory = memory_as_it_runs(run, EVERY)
    seconds = time.monotonic() - began
    assert run.returncode == 0, run.log.read_text()
    expected = pq.read_table(tmp_path / "expected" / "nuclei.parquet").drop_columns("file")
    found = pq.read_table(tmp_path / "out" / "nuclei.parquet")
    count = np.bincount(found["frame"].to_numpy(), minlength=FRAMES)
    wanted = np.bincount(expected["frame"].to_numpy(), minlength=40)[np.arange(FRAMES) % 40]
    # the scheduler lives in the process of the command: its memory after a quarter and at the end
    settled = memory[memory[:, 0] > seconds / 4, 1]
    tenth = max(1, len(settled) // 10)
    growth = (np.median(settled[-tenth:]) - np.median(settled[:tenth])) / 2**20
    record(
        {
            "what": "local, 2 workers",
            "frames": FRAMES,
            "fault": f"{kills} workers killed",
            "seconds": round(seconds, 1),
            "rows": int(wanted.sum()),
            "rows_lost": int(np.maximum(wanted - count, 0).sum()),
            "rows_twice": int(np.maximum(count - wanted, 0).sum()),
            "scheduler_MB": round(memory[:, 1].max() / 2**20),
            "scheduler_growth_MB": round(growth, 1),
        }
    )
    np.testing.assert_array_equal(count, wanted)
    order = np.argsort(found["frame"].to_numpy(), kind="stable")
    frame = found["frame"].to_numpy()[order]
    first = np.concatenate([[0], np.cumsum(np.bincount(expected["frame"].to_numpy()))])
    within = np.arange(len(frame)) - np.concatenate([[0], np.cumsum(wanted)])[frame]
    for name in ("label", "area", "mean_intensity", "centroid_row", "centroid_col"):
        column = expected[name].to_numpy()[first[frame % 40] + within]
        np.testing.assert_array_equal(found[name].to_numpy()[order], column)
    assert kills >= min(3, seconds // EVERY)
    assert growth < 25
