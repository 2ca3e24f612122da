"""A real Slurm of four virtual nodes."""

import os
import re
import subprocess
import threading
import time
from pathlib import Path

import lab
import nbformat
import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "12_clusters_and_faults.ipynb"
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def slurm():
    """Environment of a user of Slurm."""
    reason = lab.lacking("slurmctld", "slurmd", "sbatch", "munged")
    if reason:
        pytest.skip(reason)
    pytest.importorskip("dask_jobqueue")
    with lab.slurm(4) as env:
        yield env


def test_jobs_give_the_table_of_one_machine(slurm, frames, compare, tmp_path):
    """Four jobs, one on each node, write what threads on one machine write."""
    began = time.monotonic()
    words = ["--out", tmp_path / "out", "--batch", "5", "--scheduler", "slurm", "--workers", "4"]
    done = subprocess.run(
        lab.segkit(frames, *words),
        env={**os.environ, **slurm},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("frames=200 ")
    compare(tmp_path / "out", "Slurm, 4 jobs", fault="none", began=began)
    assert len(list((tmp_path / "out" / "jobs").glob("*.out"))) == 4
    assert list((tmp_path / "out").glob(".tls-*")) == []
    lab.wait(lambda: lab.ask(slurm, "squeue", "-h") == "", "the jobs to end", seconds=20)


def test_cancelled_job_is_replaced(slurm, frames, compare, start, tmp_path):
    """Under adaptive scaling, a job that is cancelled in mid-run costs nothing but time."""
    began, out = time.monotonic(), tmp_path / "out"
    env = {**slurm, "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"}
    words = ["--scheduler", "slurm", "--adaptive", "--workers", "4"]
    run = start(*lab.segkit(frames, "--out", out, "--batch", "5", *words), env=env)
    lab.wait(lambda: lab.parts(out) >= 8, "8 batches", running=[run])
    jobs = lab.ask(slurm, "squeue", "-h", "-t", "R", "-o", "%i").split()
    cancelled, there = jobs[0], lab.parts(out)
    subprocess.run(["scancel", cancelled], check=True, env={**os.environ, **slurm})
    assert run.wait(120) == 0
    known = set(jobs) - {cancelled}
    compare(
        out,
        "Slurm, adaptive",
        fault=f"1 of {len(jobs)} jobs cancelled",
        began=began,
        batches_when_cancelled=there,
        jobs_in_all=len(list((out / "jobs").glob("*.out"))),
    )
    assert there < 40
    assert len(list((out / "jobs").glob("*.out"))) > len(known)


def test_notebook_runs_its_jobs(slurm, simulated_frames, tmp_path, monkeypatch, load):
    """Where there is a Slurm, notebook 12 runs on it, says so, and finds the same nuclei."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    jobs = next(n for n, cell in enumerate(notebook.cells) if "def on_slurm" in cell.source)
    notebook.cells = notebook.cells[: jobs + 2]  # with the cell that compares the tables
    assert "live.equals(expected)" in notebook.cells[-1].source
    path = tmp_path / "notebooks" / NOTEBOOK.name
    path.parent.mkdir()
    nbformat.write(notebook, path)
    for name, value in {**slurm, "SEGKIT_DATA": str(simulated_frames.parent)}.items():
        monkeypatch.setenv(name, value)
    kept = tmp_path / "ran.ipynb"
    tool = load("tools/notebook_pages")
    assert tool.execute(path, kept, stop=threading.Event())["failure"] is None
    ran = nbformat.read(kept, as_version=4)
    printed = "".join(output.text for output in ran.cells[jobs].outputs)
    assert re.match(r"Live, on this machine's Slurm: \d+ nuclei\n", printed)
    assert printed.count("dask-wor") == 2  # the queue
    assert len(list((tmp_path / "build" / "slurm").glob("*.out"))) == 2
