"""The snippets of notebooks 07 to 09 run as they stand, and find what a plain loop finds."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import tifffile
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import data, simulate

CHECKOUT = Path(__file__).parents[2]
NOTEBOOKS = {
    "map_overlap_filter": "07_map_blocks_map_overlap",
    "delayed_table": "08_delayed",
    "apply_parallel_filter": "09_apply_parallel",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of twelve simulated frames."""
    return simulate.write(tmp_path_factory.mktemp("sets") / "simulated", frames=12)


def run(name, folder, cwd=CHECKOUT):
    """Return what a snippet prints about a data set, warnings being errors."""
    env = {**os.environ, "SEGKIT_DATA": str(folder.parent)}
    env["PYTHONWARNINGS"] = "error::FutureWarning,error::DeprecationWarning"
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "snippets" / f"{name}.py")],
        cwd=cwd,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_map_overlap_leaves_no_seam(folder):
    """The chunks give the pixels of the whole image."""
    assert run("map_overlap_filter", folder) == (
        "0 of 361920 pixels differ from the image filtered in one piece"
    )


def test_apply_parallel_is_right_at_the_border(folder):
    """The chunks give the grey levels of the whole image, at its border too."""
    assert run("apply_parallel_filter", folder) == (
        "largest difference from the image filtered in one piece: 0.000 grey levels"
    )


def test_delayed_table_has_all_nuclei(folder, tmp_path):
    """Two tasks for twelve files, and as many nuclei as a loop finds; no file is left behind."""
    nuclei = 0
    for path in data.images(folder):
        smoothed = ndimage.gaussian_filter(tifffile.imread(path), 1)
        nuclei += ndimage.label(smoothed > threshold_otsu(smoothed))[1]
    assert nuclei > 500
    printed = run("delayed_table", folder, cwd=tmp_path)
    assert printed == f"{nuclei} nuclei in 12 files, 2 tasks"
    assert list(tmp_path.iterdir()) == []


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
    assert re.match(r"[A-Z].*\.\n\n", docstring)
    assert f"python snippets/{name}.py" in docstring
    assert notebook in docstring
