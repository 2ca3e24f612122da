"""Many frames, while worker after worker is killed."""

import os
import random
import time

import lab
import numpy as np
import pandas as pd
import psutil
import pytest

pytestmark = pytest.mark.cluster

FRAMES = int(os.environ.get("SEGKIT_SOAK", "20000"))
EVERY = 10  # s between two kills
LOCAL = """
page = "127.0.0.1:0"
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=page) as cluster:
  with Client(cluster):
    run.segment(files, out)
"""


def kill_workers(run):
    """Kill a worker now and then until a run ends; return kills, and (s, MB) of the run itself."""
    chance, kills, memory = random.Random(39), 0, []
    process, began = psutil.Process(run.pid), time.monotonic()
    while run.poll() is None:
        now = time.monotonic() - began
        try:
            memory.append((now, process.memory_info().rss / 2**20))
            if now > EVERY * (kills + 1):
                below = process.children(recursive=True)
                chance.choice([one for one in below if "spawn_main" in str(one.cmdline())]).kill()
                kills += 1
        except (psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
            pass  # it has just ended by itself, or its successor is not there yet
        time.sleep(0.2)
    return kills, np.array(memory)


def test_nothing_is_lost_while_workers_die(simulated_frames, start, record, tmp_path):
    """Each frame has its nuclei once, however many workers were killed; memory does not grow."""
    few = lab.links(simulated_frames, 40, tmp_path / "few")
    assert start(*lab.segkit(few, tmp_path / "expected")).wait(120) == 0
    expected = pd.read_parquet(tmp_path / "expected" / "nuclei.parquet").drop(columns="file")
    turns = [expected.assign(frame=expected["frame"] + at) for at in range(0, FRAMES, 40)]
    expected = pd.concat(turns, ignore_index=True).query("frame < @FRAMES")
    source, out = lab.links(simulated_frames, FRAMES, tmp_path / "in"), tmp_path / "out"
    began = time.monotonic()
    run = start(*lab.program(source, out, LOCAL))
    kills, memory = kill_workers(run)
    seconds = time.monotonic() - began
    assert run.returncode == 0, run.log.read_text()
    found = pd.read_parquet(out / "nuclei.parquet", columns=list(expected))
    missing = expected["frame"].value_counts().sub(found["frame"].value_counts(), fill_value=0)
    # the scheduler lives in the process of the program: its memory after a quarter and at the end
    settled = memory[memory[:, 0] > seconds / 4, 1]
    tenth = max(1, len(settled) // 10)
    growth = np.median(settled[-tenth:]) - np.median(settled[:tenth])
    record(
        "local, 2 workers",
        f"{kills} workers killed",
        FRAMES,
        lost=int(missing.clip(lower=0).sum()),
        twice=int(-missing.clip(upper=0).sum()),
        rows=len(expected),
        scheduler_MB=round(memory[:, 1].max()),
        scheduler_growth_MB=round(growth, 1),
    )
    order = ["frame", "label"]
    pd.testing.assert_frame_equal(found.sort_values(order, ignore_index=True), expected)
    assert kills >= min(3, seconds // EVERY)
    assert growth < 25
