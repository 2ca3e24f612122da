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
    ways = load("benchmarks/ways")
    files = folder(tmp_path, 2)
    tables = ways.fast_loop(files)
    table = {name: np.concatenate([one[name] for one in tables]) for name in tables[0]}
    area, mean = ways.dask_image_chain(files)
    np.testing.assert_array_equal(table["area"], area)
    np.testing.assert_allclose(table["mean_intensity"], mean, rtol=1e-9)
    area, mean = (np.concatenate(part) for part in zip(*map(ways.scipy_frame, files), strict=True))
    np.testing.assert_array_equal(table["area"], area)
    np.testing.assert_allclose(table["mean_intensity"], mean, rtol=1e-9)
    count = sum(len(ways.skimage_frame(path)["label"]) for path in files)
    assert abs(count - len(area)) <= 2  # scikit-image blurs without truncating to whole grey levels


def test_scale_counts_tasks_and_memory(tmp_path, load):
    """Tasks grow with the batches; memory and nuclei are read from the run itself."""
    scale = load("benchmarks/scale")
    folder(tmp_path / "in", 3)
    few, many = scale.scale(tmp_path / "in", tmp_path / "scratch", counts=(30, 60))
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


def test_the_recorded_table_is_that_of_the_recorded_run(tmp_path, load):
    """Ratios are medians over the rounds; each way and each ratio has its row, and is drawn."""
    results = BENCHMARKS / "results"
    recorded = json.loads((results / "pipeline.json").read_text())
    assert load("benchmarks/run").ratios(recorded["ways"]) == recorded["ratios"]
    load("benchmarks/report").write(recorded, tmp_path)
    assert (tmp_path / "pipeline.md").read_text() == (results / "pipeline.md").read_text()
    assert (tmp_path / "pipeline.png").stat().st_size > 10_000


def test_readme_states_what_was_recorded():
    """The figures in the benchmarks' README are those of the recorded run."""
    text = (BENCHMARKS / "README.md").read_text("utf-8")
    recorded = json.loads((BENCHMARKS / "results" / "pipeline.json").read_text("utf-8"))
    table = text.split("| ratio |")[1].split("\n\n")[0].splitlines()[2:]
    *ratios, sizes = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table]
    for (_, aim, stated, _), row in zip(ratios, recorded["ratios"], strict=True):
        assert float(aim) == row["aim"]
        assert float(stated) == pytest.approx(row["value"], rel=0.005)
    ways = {row["way"]: row["ms_per_frame"] for row in recorded["ways"]}
    by_medians = ways["dask-image, 10 frames"] / ways["fast path, threads"]
    assert f"{by_medians:.0f} against the\nmedian" in text
    costs = [f"{row['ms_per_frame']:.1f}" for row in recorded["scale"]]
    assert sizes[2] == " / ".join(costs) + " ms"
