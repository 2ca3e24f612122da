"""The snippets of notebooks 11 and 12 run as they stand, and find what a plain loop finds."""

import ast
import re
import runpy
from pathlib import Path

import nbformat
import pytest
import tifffile

from segkit import data, frame

CHECKOUT = Path(__file__).parents[2]
NOTEBOOKS = {"local_cluster": "11_scaling_up", "slurm_cluster": "12_clusters_and_faults"}


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


def test_slurm_cluster_writes_whole_parts(folder, run, nuclei, tmp_path, monkeypatch):
    """Two workers here write two parts, and nothing but whole parts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run("slurm_cluster", folder) == f"{nuclei} nuclei, 2 batches done, 0 failed"
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 2
    assert list(tmp_path.rglob(".*.tmp")) == []


def test_slurm_cluster_tells_runs_apart(files, tmp_path):
    """Other frames, or fewer of them, are another part; the same ones are the same."""
    part_of = runpy.run_path(str(CHECKOUT / "snippets" / "slurm_cluster.py"))["part_of"]
    others = [tmp_path / path.name for path in files[:10]]
    batches = [files[:10], files[:9], files[2:12], others]
    assert len({part_of(paths, tmp_path) for paths in batches}) == 4
    assert part_of(list(files[:10]), tmp_path) == part_of(files[:10], tmp_path)


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
