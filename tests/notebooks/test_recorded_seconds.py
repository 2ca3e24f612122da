"""What the notebooks say of a quiet machine is what the benchmarks recorded there."""

import json
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
RECORD = json.loads((ROOT / "benchmarks" / "results" / "pipeline.json").read_text("utf-8"))
MS = {row["way"]: row["ms_per_frame"] for row in RECORD["ways"]}
LOOP, TILES = MS["scikit-image loop"] / 1e3, MS["apply_parallel"] / 1e3
THREE, TEN = 3e-3 * MS["dask-image, 3 frames"], 1e-2 * MS["dask-image, 10 frames"]
FAST, THREADS = MS["fast path, plain loop"], MS["fast path, threads"]
SAID = [
    ("00_start_here", f"took {LOOP:.2f} s per file in the loop and {TILES:.2f} s by Dask"),
    ("05_measuring", f"3 took {THREE:.0f} s, 10 took {TEN:.0f} s"),
    ("06_whole_pipeline", f"took {FAST:.0f} ms per frame, and Dask's threads {THREADS:.0f} ms"),
    ("06_whole_pipeline", f"`apply_parallel`, which uses Dask, took {100 * TILES / LOOP:.0f} %"),
    ("08_delayed", f"went from {FAST:.1f} to {THREADS:.1f} ms per frame"),
]


@pytest.mark.parametrize(("stem", "said"), SAID)
def test_recorded_times_are_quoted_right(stem, said):
    """The times in the text are those recorded with two cores."""
    assert RECORD["machine"]["cores"] == 2
    cells = nbformat.read(ROOT / "notebooks" / f"{stem}.ipynb", as_version=4).cells
    assert said in "\n".join(cell.source for cell in cells)
