"""The snippets of notebooks 13 and 14 run as they stand, and find what a plain loop finds."""

import re
import runpy
import shutil
from pathlib import Path

import pytest
import tifffile
from skimage.filters import threshold_otsu
from skimage.measure import label

from segkit import data, frame

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def nuclei(folder):
    """Return the number of nuclei in the twelve frames, each segmented by itself."""
    labels = [frame.segment(tifffile.imread(path)) for path in data.images(folder)]
    return sum(int(one.max()) for one in labels)


def test_local_cluster_finds_all(folder, own, run, tmp_path):
    """One task of six images on two workers, a dashboard on loopback, and no file left behind."""
    dashboard, found = run("local_cluster", folder, cwd=tmp_path).splitlines()
    assert re.fullmatch(r"dashboard: http://127\.0\.0\.1:\d+/status", dashboard)
    counts = [int(label(image > threshold_otsu(image)).max()) for image in own.images]
    assert found == f"{sum(counts)} objects in 6 files, tasks: 1"
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]


def test_slurm_cluster_writes_complete_parts(folder, run, nuclei, tmp_path, monkeypatch):
    """Two workers here write two parts, and nothing but complete parts."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert run("slurm_cluster", folder) == f"{nuclei} nuclei, 2 batches done, 0 failed"
    assert len(list(tmp_path.rglob("part-*.parquet"))) == 2
    assert list(tmp_path.rglob(".*.tmp")) == []


def test_slurm_cluster_tells_runs_apart(files, tmp_path):
    """Fewer frames, other ones, or a frame that was saved again are another part."""
    part_of = runpy.run_path(str(CHECKOUT / "snippets" / "slurm_cluster.py"))["part_of"]
    own = Path(shutil.copy(files[3], tmp_path))
    parts = {part_of(paths, tmp_path) for paths in (files[:3], files[:2], [own], files[3:4])}
    own.write_bytes(files[4].read_bytes())
    assert len(parts | {part_of([own], tmp_path)}) == 5
    assert part_of(list(files[:3]), tmp_path) in parts
