"""What notebooks 00 and 01 say of the course and of files that are not the course's own."""

import functools
import glob
import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
from dask.array.image import imread

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


def test_a_bracket_in_a_pattern_is_a_wildcard(tmp_path):
    """Files in a folder with a bracket in its name are found only if the folder is escaped."""
    folder = tmp_path / "exp [1]"
    folder.mkdir()
    tifffile.imwrite(folder / "0.tif", np.zeros((4, 6), "uint8"))
    with pytest.raises(ValueError, match="No files found"):
        imread(str(folder / "*.tif"), imread=tifffile.imread)
    escaped = glob.escape(str(folder)) + "/*.tif"
    assert imread(escaped, imread=tifffile.imread).shape == (1, 4, 6)


def test_a_reader_returns_the_first_series(tmp_path):
    """Of appended pages the first one is read, and of an OME-TIFF in two files each page twice."""
    for number in range(3):
        page = np.full((4, 6), number, "uint8")
        tifffile.imwrite(tmp_path / "appended.tif", page, append=number > 0)
    assert imread(str(tmp_path / "appended.tif"), imread=tifffile.imread).shape == (1, 4, 6)

    uuids = {f"part{number}.ome.tif": f"urn:uuid:{number:032}" for number in range(2)}
    planes = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">{uuids[name]}</UUID></TiffData>'
        for z, name in enumerate(uuids)
    )
    for number, (name, uuid) in enumerate(uuids.items()):
        description = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuid}">'
            '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" '
            'SizeX="6" SizeY="4" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0"/>'
            f"{planes}</Pixels></Image></OME>"
        )
        page = np.full((4, 6), number, "uint8")
        tifffile.imwrite(tmp_path / name, page, description=description, metadata=None)
    parts = str(tmp_path / "part*.tif")
    assert imread(parts, imread=tifffile.imread).shape == (2, 2, 4, 6)
    first_pages = imread(parts, imread=functools.partial(tifffile.imread, key=0))
    assert first_pages.compute()[:, 0, 0].tolist() == [0, 1]
