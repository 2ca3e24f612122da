"""The complete pipeline runs as it stands and finds the nuclei of `own`."""

import pandas as pd
import pytest
import tifffile
from dask_image import ndmeasure  # noqa: F401 (labels an array when it is first imported)
from scipy import ndimage

from segkit import frame


def test_it_prints_all_nuclei_and_leaves_nothing_behind(own, tmp_path, run):
    """Started in the folder with the images, it counts their nuclei, and writes no file."""
    printed = run("whole_pipeline", tmp_path, cwd=tmp_path).splitlines()
    assert printed[-1].endswith(f" in 3 frames, {sum(own.counts[:3])} of at least 32 pixels")
    assert printed[0].split() == ["area", "mean_intensity"]
    assert [path.name for path in tmp_path.iterdir()] == ["images"]


def test_it_reads_labels_and_measures_once(own, play, monkeypatch):
    """A file is read once (the first once more, for its shape), whatever the number of nuclei."""
    reads, labelled = [], []
    imread, label = tifffile.imread, ndimage.label
    monkeypatch.setattr(tifffile, "imread", lambda path: reads.append(path) or imread(path))
    monkeypatch.setattr(ndimage, "label", lambda *a, **k: labelled.append(1) or label(*a, **k))
    table = play("whole_pipeline").objects
    assert len(reads) == 1 + 3
    assert len(labelled) <= 3 + 3  # for the labels, and for their number
    expected = pd.concat(map(frame.measure, own.images[:3], own.labels[:3]))
    assert table.index.tolist() == list(range(1, len(expected) + 1))
    assert table["area"].tolist() == pytest.approx(expected["area"].tolist(), rel=0.5)  # the rim
    assert table["mean_intensity"].tolist() == pytest.approx(expected["mean_intensity"], rel=0.5)


@pytest.mark.real
def test_it_finds_all_nuclei_in_the_real_frames(real_frames, run):
    """Raised above the noise, the threshold divides a few more than in notebook 00."""
    printed = run("whole_pipeline", real_frames, cwd=real_frames)
    assert printed.splitlines()[-1] == "277 objects in 3 frames, 274 of at least 32 pixels"
