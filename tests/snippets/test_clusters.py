"""The snippets of notebooks 13 and 14 run as they stand, and find what a plain loop finds."""

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

from segkit import data, frame

CHECKOUT = Path(__file__).parents[2]
CLUSTERS = "14_clusters_and_faults"


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


def listening(process):
    """Return the addresses on which a program listens."""
    connections = psutil.Process(process.pid).net_connections("tcp")
    return [one.laddr.ip for one in connections if one.status == psutil.CONN_LISTEN]


def test_programs_started_by_hand_listen_on_loopback(tmp_path):
    """Scheduler and worker of notebook 14, their web pages too, are for this machine only."""
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
