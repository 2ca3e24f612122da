"""The benchmarks compare what is alike, and their pages state what was recorded."""

import json
from pathlib import Path

import numpy as np
import pytest
import zarr
from made import folder

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


def test_all_ways_find_the_same_nuclei(tmp_path, load):
    """What is compared for speed gives the same areas and means."""
    bench = load("benchmarks/run")
    files = folder(tmp_path, 2)
    tables = bench.fast_loop(files)
    table = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    area, mean = bench.dask_image_chain(files)
    np.testing.assert_array_equal(table["area"], area)
    np.testing.assert_allclose(table["mean_intensity"], mean, rtol=1e-9)
    area, mean = (np.concatenate(part) for part in zip(*map(bench.scipy_frame, files), strict=True))
    np.testing.assert_array_equal(table["area"], area)
    np.testing.assert_allclose(table["mean_intensity"], mean, rtol=1e-9)
    alone, parallel = bench.skimage_loop(files), bench.apply_parallel(files)
    counts = [sum(len(table["label"]) for table in tables) for tables in (alone, parallel)]
    assert counts[0] == counts[1]
    # scikit-image blurs without truncating to whole grey levels
    assert abs(counts[0] - len(area)) <= 2


def test_scale_counts_tasks_and_memory(tmp_path, load):
    """Tasks grow with the batches; memory and nuclei are read from the run itself."""
    folder(tmp_path / "in", 3)
    few, many = load("benchmarks/run").scale(tmp_path / "in", counts=(30, 60))
    assert (few["tasks"], many["tasks"]) == (2, 3)
    assert many["nuclei"] == 2 * few["nuclei"] > 0
    assert 20 < few["peak_MB"] < 2000


def test_scaling_compares_with_one_worker(load):
    """Efficiencies are relative to one worker with the same setting."""
    found = {(1, "kept"): [(4, 4), (4, 4), (9, 9)], (2, "kept"): [(2.5, 5), (2.5, 5), (9, 9)]}
    one, two = map(list, map(dict.values, load("benchmarks/scaling").rows(found, 1000)))
    assert one == ["kept", 1, 4, 1, 1, 4, 1, pytest.approx(400 / 3600)]
    assert two == ["kept", 2, 2.5, 1.6, 0.8, 5, 0.8, pytest.approx(500 / 3600)]


def test_every_layout_holds_all_images(tmp_path, load):
    """The shards hold the pixels of the files, and are fewer."""
    images, disk = np.arange(600, dtype=np.uint16).reshape(30, 4, 5), load("benchmarks/disk")
    disk.SHARD = 10 * images[0].nbytes
    assert [row["files"] for row in disk.measure(images, tmp_path)] == [30, 3 + 1]  # zarr.json
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "Zarr shards-30")[:], images)


def test_readme_states_what_was_recorded(load):
    """The tables in the benchmarks' README are those of the recorded run, ratio by ratio."""
    text = (BENCHMARKS / "README.md").read_text("utf-8")
    recorded = json.loads((BENCHMARKS / "results" / "pipeline.json").read_text("utf-8"))
    assert load("benchmarks/run").ratios(recorded["ways"]) == recorded["ratios"]
    ways, ratios = (
        [[cell.strip() for cell in row.split("|")[1:-1]] for row in part.splitlines()[2:]]
        for part in (text.split(f"| {head} |")[1].split("\n\n")[0] for head in ("way", "ratio"))
    )
    stated = [
        [row["way"], str(row["frames"]), f"{row['ms_per_frame']:.1f}"] for row in recorded["ways"]
    ]
    assert ways == stated
    *ratios, sizes = ratios
    for (_, aim, stated, _), row in zip(ratios, recorded["ratios"], strict=True):
        assert float(aim) == row["aim"]
        assert float(stated) == pytest.approx(row["value"], rel=0.005)
    ms = {row["way"]: row["ms_per_frame"] for row in recorded["ways"]}
    by_medians = ms["dask-image, 10 frames"] / ms["fast path, threads"]
    assert f"{by_medians:.0f} against the\nmedian" in text
    costs = [f"{1000 * row['seconds'] / row['frames']:.1f}" for row in recorded["scale"]]
    assert sizes[2] == " / ".join(costs) + " ms"


def test_readme_states_the_other_records():
    """The figures of workers, disk, a million frames and a GPU are those of their records."""
    paths = [(BENCHMARKS / "results").glob(f"{name}*.json") for name in ("sc", "di", "mi", "gpu")]
    scaling, disk, million, gpu = (json.loads(path.read_text("utf-8")) for (path,) in paths)
    rows = {(row["memory"], row["workers"]): row for row in scaling["rows"]}
    stated = []
    for memory in ("trimmed", "kept"):
        one, many = rows[memory, 1], rows[memory, 16]
        stated += [f"{many['speedup']:.1f} times"]
        stated += [f"{one['strong_s']:.1f} and {many['strong_s']:.2g} s"]
    whole, shards, small, _ = ((row["disk_ms"], row["cache_ms"]) for row in disk["rows"])
    stated += ["{:.1f} ms from the disk and {:.1f} ms from the cache".format(*whole)]
    stated += ["{:.1f} and {:.1f} ms".format(*(40 * ms for ms in small))]
    stated += ["{:.2f} and {:.2f} ms".format(*small), "{:.1f} and {:.1f} ms: half".format(*shards)]
    stated += ["{:.2f} ms each from a shard".format(disk["rows"][3]["disk_ms"])]
    stated += [f"after {million['seconds until the first batch']} s (aim 10)"]
    stated += [f"took {million['peak MB, client and scheduler']} MB together (aim 500)"]
    wide, products = (list(ratios.values()) for ratios in gpu["ratios"].values())
    stated += [f"| {a:.3g} | {b:.3g} |" for a, b in zip(wide[:2], products[:2], strict=True)]
    stated += [f"| {wide[2]:.1f} | {products[2]:.1f} |"]
    text = " ".join((BENCHMARKS / "README.md").read_text("utf-8").split())
    assert [words for words in stated if words not in text] == []
