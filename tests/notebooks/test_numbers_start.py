"""What notebook 00 says of a machine that is not the reader's."""

import json
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[2]


def test_the_seconds_of_a_quiet_machine():
    """The seconds per file of a loop and of Dask are those recorded with two cores."""
    recorded = json.loads((ROOT / "benchmarks" / "results" / "pipeline.json").read_text("utf-8"))
    seconds = {way["way"]: f"{way['ms_per_frame'] / 1000:.2f} s" for way in recorded["ways"]}
    loop, by_dask = seconds["scikit-image loop"], seconds["apply_parallel"]
    assert recorded["machine"]["cores"] == 2
    cells = nbformat.read(ROOT / "notebooks" / "00_start_here.ipynb", as_version=4).cells
    text = "\n".join(cell.source for cell in cells)
    assert f"two cores took {loop} per file in the loop and {by_dask} by Dask" in text
