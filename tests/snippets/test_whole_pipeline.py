"""The headline of the course runs as it stands and finds what `segkit.frame` finds."""

import runpy
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import tifffile
from dask_image import ndmeasure  # noqa: F401 (labels an array when it is first imported)
from scipy import ndimage

from segkit import data, frame, simulate

SNIPPET = Path(__file__).parents[2] / "snippets" / "whole_pipeline.py"


@pytest.fixture
def crops(own):
    """Return the folder of four small crops of simulated frames."""
    return own([simulate.frame(39, number)[0][100:210, 60:200] for number in range(4)])


def expected(folder):
    """Return the tables of the first three frames, each segmented by itself."""
    frames = [tifffile.imread(path) for path in data.images(folder)[:3]]
    return [frame.measure(image, frame.segment(image)) for image in frames]


def test_it_prints_all_nuclei_and_leaves_nothing_behind(crops, tmp_path, run):
    """Started as the docstring says, it counts like the frames one by one, and writes no file."""
    nuclei = sum(len(table) for table in expected(crops))
    assert nuclei > 10
    root = tmp_path / "root"
    root.mkdir()
    printed = run("whole_pipeline", crops, cwd=root).splitlines()
    assert printed[-1] == f"{nuclei} nuclei in 3 frames"
    assert printed[0].split() == ["area", "mean_intensity"]
    assert list(root.iterdir()) == []


def test_it_reads_labels_and_measures_once(crops, monkeypatch):
    """A file is read once (the first once more, for its shape), whatever the number of nuclei."""
    reads, labelled = [], []
    imread, label = tifffile.imread, ndimage.label
    monkeypatch.setattr(tifffile, "imread", lambda path: reads.append(path) or imread(path))
    monkeypatch.setattr(ndimage, "label", lambda *a, **k: labelled.append(1) or label(*a, **k))
    monkeypatch.setenv("SEGKIT_DATA", str(crops.parent))
    table = runpy.run_path(str(SNIPPET))["nuclei"]
    plt.close("all")
    assert len(reads) == 1 + 3
    assert len(labelled) <= 3 + 3  # for the labels, and for their number
    rows = [row for part in expected(crops) for row in part.itertuples()]
    assert table.index.tolist() == list(range(1, len(rows) + 1))
    assert table["area"].tolist() == [row.area for row in rows]
    assert table["mean_intensity"].tolist() == pytest.approx(
        [row.mean_intensity for row in rows], rel=1e-9
    )


@pytest.mark.real
def test_it_finds_271_nuclei_in_the_real_frames(real_frames, run):
    """The number that the course promises."""
    assert run("whole_pipeline", real_frames).splitlines()[-1] == "271 nuclei in 3 frames"
