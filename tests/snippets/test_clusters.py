"""The snippets of notebooks 13 and 14 run as they stand, and find what a plain loop finds."""

import re
import runpy
import shutil
from pathlib import Path

import tifffile
from skimage.filters import threshold_otsu
from skimage.measure import label

CHECKOUT = Path(__file__).parents[2]


def test_local_cluster_finds_all(folder, own, run, tmp_path):
    """One task of six images on two workers, a dashboard on loopback, and no file left behind."""
    dashboard, found = run("local_cluster", folder, cwd=tmp_path).splitlines()
    assert re.fullmatch(r"dashboard: http://127\.0\.0\.1:\d+/status", dashboard)
    counts = [int(label(image > threshold_otsu(image)).max()) for image in own.images]
    assert found == f"{sum(counts)} objects in 6 files, tasks: 1"
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]


def test_slurm_cluster_writes_complete_parts(folder, files, run, tmp_path):
    """Two workers write two parts and nothing else; a second run writes the one that is missing."""
    (tmp_path / "images").symlink_to(folder / "images")
    images = [tifffile.imread(path) for path in files]
    count = sum(int(label(image > threshold_otsu(image)).max()) for image in images)
    expected = f"{count} objects, 2 of 2 batches"
    assert run("slurm_cluster", folder, cwd=tmp_path) == expected
    gone, kept = sorted((tmp_path / "parts").iterdir())
    gone.unlink()
    written = kept.stat().st_mtime_ns
    assert run("slurm_cluster", folder, cwd=tmp_path) == expected
    assert sorted((tmp_path / "parts").iterdir()) == [gone, kept]
    assert kept.stat().st_mtime_ns == written


def test_slurm_cluster_tells_runs_apart(files, tmp_path):
    """Fewer frames, other ones, or a frame that was saved again are another part."""
    part_of = runpy.run_path(str(CHECKOUT / "snippets" / "slurm_cluster.py"))["part_of"]
    own = Path(shutil.copy(files[3], tmp_path))
    parts = {part_of(paths) for paths in (files[:3], files[:2], [own], files[3:4])}
    own.write_bytes(files[4].read_bytes())
    assert len(parts | {part_of([own])}) == 5
    assert part_of(list(files[:3])) in parts
