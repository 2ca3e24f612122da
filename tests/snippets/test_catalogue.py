"""The snippets as a collection: explained, tested, and those of the notebooks."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

CHECKOUT = Path(__file__).parents[2]
SNIPPETS = sorted((CHECKOUT / "snippets").glob("*.py"))
# snippets that are the cell "Copy this" of their notebook
COPIES = {
    "count_nuclei": "00_start_here",
    "read_pattern": "01_reading",
    "map_overlap_filter": "07_map_blocks_map_overlap",
    "delayed_table": "08_delayed",
    "apply_parallel_filter": "09_apply_parallel",
    "split_touching": "10_touching_nuclei",
    "local_cluster": "13_scaling_up",
    "slurm_cluster": "14_clusters_and_faults",
    "gpu_segment": "15_gpu",
}


def docstring(path):
    """Return the docstring of a snippet."""
    return ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", SNIPPETS, ids=lambda path: path.stem)
def test_each_explains_itself(path):
    """A title, how to run it, what it is for, and a notebook that exists."""
    title, command, text = docstring(path).split("\n\n")
    assert re.fullmatch(r"[A-Z][^\n]*[^.]\.", title)
    assert command == f"    python snippets/{path.name}"
    (notebook,) = re.findall(r"\bnotebooks/[\w.]+\.ipynb", text)
    assert (CHECKOUT / notebook).is_file()
    assert text.rstrip().endswith(f"{notebook}.")
    assert len(text) > 150


def test_each_is_tested():
    """The name of every snippet stands in a test of this folder."""
    tests = "".join(path.read_text("utf-8") for path in Path(__file__).parent.glob("test_*.py"))
    assert [path.name for path in SNIPPETS if f'"{path.stem}"' not in tests] == []


@pytest.mark.parametrize("name", COPIES)
def test_the_snippet_is_that_of_its_notebook(name):
    """Code and notebook's last cell are the same."""
    path = CHECKOUT / "snippets" / f"{name}.py"
    notebook = f"notebooks/{COPIES[name]}.ipynb"
    (copy,) = [
        cell.source
        for cell in nbformat.read(CHECKOUT / notebook, as_version=4).cells
        if "copy" in cell.metadata.get("tags", [])
    ]
    source = path.read_text(encoding="utf-8")
    assert re.sub(r'\A"""(.*?)"""\n\n', "", source, flags=re.S).strip() == copy.strip()
    assert notebook in docstring(path)


def test_the_gallery_shows_every_snippet(tmp_path):
    """The page of the web site has title, purpose and code of each, under its notebook."""
    command = [sys.executable, str(CHECKOUT / "site" / "snippets.py"), "--into", str(tmp_path)]
    subprocess.run(command, check=True)
    page = (tmp_path / "index.md").read_text(encoding="utf-8")
    for path in SNIPPETS:
        title = docstring(path).split(".\n")[0]
        assert page.count(f"### {title}\n") == 1
        last = path.read_text(encoding="utf-8").rstrip().splitlines()[-1]
        assert f"{last}\n```" in page
