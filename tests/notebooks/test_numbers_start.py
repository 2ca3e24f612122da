"""What notebook 00 says of the other notebooks, and of a machine that is not the reader's."""

import json
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
FIRST, *OTHERS = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))


@pytest.fixture(scope="module")
def text():
    """Return the text of notebook 00."""
    cells = nbformat.read(FIRST, as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_map_names_each_other_notebook(text):
    """Each notebook after the first has one row in the map, in order."""
    rows = re.findall(r"^\| \[(\d\d) [^]]+\]\((\S+)\) \|.*\| \d+ \|$", text, re.M)
    assert rows == [(path.name[:2], path.name) for path in OTHERS]


def test_the_seconds_of_a_quiet_machine(text):
    """The seconds per file of a loop and of Dask are those recorded with two cores."""
    recorded = json.loads((ROOT / "benchmarks" / "results" / "pipeline.json").read_text("utf-8"))
    seconds = {way["way"]: f"{way['ms_per_frame'] / 1000:.2f} s" for way in recorded["ways"]}
    loop, by_dask = seconds["scikit-image loop"], seconds["apply_parallel"]
    assert recorded["machine"]["cores"] == 2
    assert f"two cores took {loop} per file in the loop and {by_dask} by Dask" in text
