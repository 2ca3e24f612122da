"""The course map of notebook 00 agrees with the notebooks that are there."""

import re
from pathlib import Path

import nbformat

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("[0-9]*.ipynb"))


def minutes(path):
    """Return the minutes of reading and exercises that a notebook states."""
    overview = nbformat.read(path, as_version=4).cells[1].source
    line = re.search(r"^\*\*Time:\*\* (.*)$", overview, re.M).group(1)
    return sum(map(int, re.findall(r"(\d+) minutes", line)))


def test_course_map():
    """Each notebook has one row in the map, in order, with a link to it and its minutes."""
    cells = nbformat.read(NOTEBOOKS[0], as_version=4).cells
    (course_map,) = (cell.source for cell in cells if cell.source.startswith("## The map"))
    rows = re.findall(r"^\| \[(\d\d) [^]]+\]\((\S+)\) \|.*\| (\d+) \|$", course_map, re.M)
    wanted = [(path.name[:2], path.name, str(minutes(path))) for path in NOTEBOOKS]
    assert rows == wanted
