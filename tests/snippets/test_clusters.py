"""The snippets of notebooks 11 and 12 run as they stand, and find what a plain loop finds."""

import ast
import os
import re
import runpy
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
import tifffile
from distributed import Client

from segkit import data, frame

CHECKOUT = Path(__file__).parents[2]
CLUSTERS = "12_clusters_and_faults"
NOTEBOOKS = {"local_cluster": "11_scaling_up", "slurm_cluster": CLUSTERS}


@pytest.fixture
def nuclei(folder):
    """Return the number of nuclei in the twelve frames, each segmented by itself."""
    labels = [frame.segment(tifffile.imread(path)) for path in data.images(folder)]
    return sum(int(one.max()) for one in labels)


def test_local_cluster_finds_all(folder, run, nuclei, tmp_path):
    """Two tasks on two workers, a dashboard on loopback, and no file left behind."""
    dashboard, found = run("local_cluster", folder, cwd=tmp_path).splitlines()
    assert re.fullmatch(r"dashboard: http://127\.0\.0\.1:\d+/status", dashboard)
    assert found == f"{nuclei} nuclei in 12 files, 2 tasks"
    assert list(tmp_path.iterdir()) == []


def test_slurm_cluster_writes_complete_parts(folder, run, nuclei, tmp_path, monkeypatch):
    """Two workers here write two parts, and nothing but complete parts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run("slurm_cluster", folder) == f"{nuclei} nuclei, 2 batches done, 0 failed"
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 2
    assert list(tmp_path.rglob(".*.tmp")) == []


def test_slurm_cluster_tells_runs_apart(files, tmp_path):
    """Other frames, fewer of them, or changed ones are another part; the same ones are the same."""
    part_of = runpy.run_path(str(CHECKOUT / "snippets" / "slurm_cluster.py"))["part_of"]
    others = [tmp_path / path.name for path in files[:10]]
    for path, other in zip(files, others, strict=False):
        other.write_bytes(path.read_bytes())
    batches = [files[:10], files[:9], files[2:12], others]
    named = {part_of(paths, tmp_path) for paths in batches}
    assert len(named) == 4
    assert part_of(list(files[:10]), tmp_path) in named
    os.utime(others[3], ns=(0, 0))
    assert part_of(others, tmp_path) not in named


def test_slurm_cluster_lets_only_its_own_connect(tmp_path, monkeypatch):
    """The scheduler is encrypted, and so is what a job is told; pages stay on loopback."""
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    for name, line in {"sbatch": "echo Submitted batch job 7", "scancel": "true"}.items():
        (tmp_path / name).write_text(f'#!/bin/sh\n[ -f "$1" ] && cat "$1" > ~/job.sh\n{line}\n')
        (tmp_path / name).chmod(0o755)
    start = runpy.run_path(str(CHECKOUT / "snippets" / "slurm_cluster.py"))["start_cluster"]
    with start(slurm=True) as cluster:
        address = cluster.scheduler_address
        assert address.startswith("tls://")
        assert cluster.scheduler.http_server.address == "127.0.0.1"
        with pytest.raises((OSError, TypeError)):
            Client(address, timeout="2s", set_as_default=False)
        with Client(cluster, timeout="20s") as client:
            assert client.scheduler_info()["address"] == address
        until = time.monotonic() + 20
        while not (tmp_path / "job.sh").exists() and time.monotonic() < until:
            time.sleep(0.05)
        script = (tmp_path / "job.sh").read_text()
        assert f"dask_worker {address}" in script
        assert "--dashboard-address 127.0.0.1:0" in script
        for path in re.findall(r"--tls-\S+ ~/(\S+)", script):
            assert (tmp_path / path).stat().st_mode & 0o077 == 0


def listening(process):
    """Return the addresses on which a program listens."""
    connections = psutil.Process(process.pid).net_connections("tcp")
    return [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN]


def test_programs_started_by_hand_listen_on_loopback(tmp_path):
    """Scheduler and worker of notebook 12, their web pages too, are for this machine only."""
    (cell,) = [
        cell.source
        for cell in nbformat.read(CHECKOUT / "notebooks" / f"{CLUSTERS}.ipynb", as_version=4).cells
        if "def kill_when" in cell.source
    ]
    tree = ast.parse(cell)
    (start,) = [node for node in tree.body if getattr(node, "name", "") == "start"]
    (block,) = [node for node in tree.body if isinstance(node, ast.With)]
    end = next(i for i, node in enumerate(block.body) if "killer" in ast.unparse(node))
    names = {"Path": Path, "subprocess": subprocess, "sys": sys, "out": tmp_path}
    exec(ast.unparse(ast.Module([start, *block.body[:end]], [])), names)
    started = [names["scheduler"], names["worker"]]
    try:
        until = time.monotonic() + 60
        while min(len(listening(process)) for process in started) < 2 and time.monotonic() < until:
            time.sleep(0.1)
        for process in started:
            assert set(listening(process)) == {"127.0.0.1"}
            assert len(listening(process)) >= 2  # for Dask, and the web page
    finally:
        for process in started:
            process.kill()
            process.wait()


def calls(source):
    """Yield name and keywords of each call that starts a cluster or a client of one's own."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {keyword.arg: keyword.value for keyword in node.keywords}


@pytest.mark.parametrize("path", sorted(CHECKOUT.glob("notebooks/*.ipynb")), ids=lambda p: p.stem)
def test_clusters_listen_on_loopback_or_ask_for_certificates(path):
    """In code and in text: no page is open to the network, no scheduler without certificates."""
    for cell in nbformat.read(path, as_version=4).cells:
        code = [cell.source] if cell.cell_type == "code" else []
        code += re.findall(r"```python\n((?!%).*?)```", cell.source, re.S)  # %: a magic
        for name, keywords in (call for source in code for call in calls(source)):
            if name == "LocalCluster":
                assert {"dashboard_address", None} & set(keywords)  # None: **options
            if name == "SLURMCluster":
                assert ast.unparse(keywords["security"]) == "True"
            if name == "SSHCluster" and "scheduler_options" in keywords:
                assert "'tls://'" in ast.unparse(keywords["scheduler_options"])


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_snippet_is_that_of_its_notebook(name):
    """Code and notebook's last cell are the same; the docstring names both files."""
    source = (CHECKOUT / "snippets" / f"{name}.py").read_text(encoding="utf-8")
    notebook = f"notebooks/{NOTEBOOKS[name]}.ipynb"
    (copy,) = [
        cell.source
        for cell in nbformat.read(CHECKOUT / notebook, as_version=4).cells
        if "copy" in cell.metadata.get("tags", [])
    ]
    docstring = ast.get_docstring(ast.parse(source))
    assert re.sub(r'\A"""(.*?)"""\n\n', "", source, flags=re.S).strip() == copy.strip()
    assert f"python snippets/{name}.py" in docstring
    assert notebook in docstring
