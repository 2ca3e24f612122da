"""Notebook 13 takes its GPU branches where CuPy finds a device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import tifffile

import standin
from segkit import simulate

CHECKOUT = Path(__file__).parents[2]
NOTEBOOK = CHECKOUT / "notebooks" / "13_gpu.ipynb"


def code():
    """Return the code of the notebook; its numbers, which small frames do not have, left out."""
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    kept = [
        cell.source
        for cell in cells
        if cell.cell_type == "code" and "test" not in cell.metadata.get("tags", [])
    ]
    return "\n".join(["display = print", *kept, "assert xp.__name__ == 'cupy'"])


def test_every_cell_runs_where_there_is_a_device(tmp_path):
    """On small crops, with the stand-in for CuPy: all arrays are its own, and nothing is mixed."""
    folder = tmp_path / "simulated"
    (folder / "images").mkdir(parents=True)
    for number in range(6):
        image, _ = simulate.frame(39, number)
        tifffile.imwrite(folder / "images" / f"{number}.tif", image[100:200, 60:190])
    (folder / "metadata").mkdir()
    made = {"seed": 39, "frames": 6, "version": simulate.VERSION}
    (folder / "metadata" / "simulated.json").write_text(json.dumps(made))
    env = {**os.environ, "SEGKIT_DATA": str(tmp_path), "MPLBACKEND": "agg"}
    env["PYTHONPATH"] = str(standin.PACKAGES)
    done = subprocess.run(
        [sys.executable, "-c", code()],
        cwd=NOTEBOOK.parent,
        env=env,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    printed = done.stdout
    assert "This notebook computes with cupy and cupyx.scipy.ndimage" in printed
    assert "chunks there: <class 'cupy.ndarray'>" in printed
    assert "All three give the same pixels on the GPU." in printed
    assert "pixels with another label: 0\nareas equal: True" in printed
    assert printed.count("Right.") == 3
    assert printed.rstrip().endswith("computed with cupy")
