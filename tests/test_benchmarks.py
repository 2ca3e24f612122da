import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
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


def test_files_are_repeated_in_order(tmp_path, load):
    """Links stand for the files over again, and the first ones are taken as they are."""
    ways = load("benchmarks/ways")
    files = folder(tmp_path / "in", 3)
    assert ways.repeat(files, 2, tmp_path / "no") == files[:2]
    links = ways.repeat(files, 7, tmp_path / "links")
    assert [link.read_bytes() for link in links[3:6]] == [path.read_bytes() for path in files]
    assert len(set(links)) == 7


def test_ratios_say_what_is_not_met(load):
    """A ratio is the median over the rounds; below its aim it is marked as not met."""
    run = load("benchmarks/run")
    rows = [
        {"way": "dask-image, 10 frames", "frames": 10, "seconds": [70]},
        {"way": "scipy loop", "frames": 10, "seconds": [2.6, 5.2, 2.6]},
        {"way": "fast path, plain loop", "frames": 100, "seconds": [1.3, 2.6, 1.4]},
        {"way": "fast path, threads", "frames": 100, "seconds": [1.0, 2.0, 1.0]},
    ]
    met = {row["ratio"]: (round(row["value"], 2), row["met"]) for row in run.ratios(rows)}
    assert met["scipy loop / fast loop, one core"] == (20, True)
    assert met["fast loop / default scheduler"] == (1.3, False)
    assert met["scipy loop / fast path on all cores"] == (26, False)
    assert met["dask-image with persist, 10 frames / fast path"] == (700, True)


def test_every_round_times_each_way(monkeypatch, load):
    """A way runs once to warm up and once a round, and no more rounds than it has repeats."""
    run, calls = load("benchmarks/run"), []

    @contextlib.contextmanager
    def context(name):
        yield lambda: calls.append(name)
        calls.append("closed")

    def every(files, repeats):
        return [
            ("slow", lambda: context("slow"), 2, 1),
            ("fast", lambda: context("fast"), 4, repeats),
        ]

    monkeypatch.setattr(run.ways, "every", every)
    slow, fast = run.measure([], 2)
    assert calls[::2] == ["slow", "fast", "slow", "fast", "fast"]
    assert set(calls[1::2]) == {"closed"}
    assert (len(slow["seconds"]), len(fast["seconds"])) == (1, 2)


def test_scale_counts_tasks_and_memory(tmp_path, load):
    """Tasks grow with the batches; memory and nuclei are read from the run itself."""
    scale = load("benchmarks/scale")
    folder(tmp_path / "in", 3)
    few, many = scale.scale(tmp_path / "in", tmp_path / "scratch", counts=(30, 60))
    assert (few["tasks"], many["tasks"]) == (2, 3)
    assert many["nuclei"] == 2 * few["nuclei"] > 0
    assert 20 < few["peak_MB"] < 2000


def test_report_is_complete(tmp_path, load):
    """JSON, table and plot are written; the table has every way and every ratio."""
    report = load("benchmarks/report")
    rows = [
        {"way": f"fast {i}", "frames": 3, "repeats": 1, "seconds": 1.0, "ms_per_frame": 10.0 + i}
        for i in range(3)
    ]
    ratios = [{"ratio": "a / b", "value": 2.0, "aim": 3, "met": False}]
    result = {
        **report.environment(),
        "command": "python x",
        "data": "frames",
        "ways": rows,
        "ratios": ratios,
        "scale": [],
    }
    report.write(result, tmp_path)
    text = (tmp_path / "pipeline.md").read_text()
    assert "| fast 2 | 3 | 1 | 12.00 |" in text
    assert "| a / b | 2.0 | 3 | no |" in text
    assert {"pipeline.json", "pipeline.md", "pipeline.png"} == {p.name for p in tmp_path.iterdir()}


def test_readme_states_what_was_recorded():
    """The figures in the benchmarks' README are those of the recorded runs."""
    text = (BENCHMARKS / "README.md").read_text("utf-8")
    recorded = {
        name: json.loads((BENCHMARKS / "results" / f"{name}.json").read_text("utf-8"))
        for name in ("pipeline", "cluster")
    }
    table = text.split("| ratio |")[1].split("\n\n")[0].splitlines()[2:]
    *ratios, sizes = [[cell.strip() for cell in row.split("|")[1:-1]] for row in table]
    for (_, aim, stated, _), row in zip(ratios, recorded["pipeline"]["ratios"], strict=True):
        assert float(aim) == row["aim"]
        assert float(stated) == pytest.approx(row["value"], rel=0.005)
    ways = {row["way"]: row["ms_per_frame"] for row in recorded["pipeline"]["ways"]}
    by_medians = ways["dask-image, 10 frames"] / ways["fast path, threads"]
    assert f"{by_medians:.0f} against the\nmedian" in text
    costs = [f"{row['ms_per_frame']:.1f}" for row in recorded["pipeline"]["scale"]]
    assert sizes[2] == " / ".join(costs) + " ms"
    (gain,) = recorded["cluster"]["ratios"]
    assert f"went {gain['value']:.2f} times as fast" in text
