"""Frames, the table they should give, and the record of what the tests did to the clusters."""

import json
import os
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

CHECKOUT = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(CHECKOUT / "benchmarks")]
import lab  # noqa: E402

RECORD = CHECKOUT / "build" / "cluster" / "faults.json"
FIGURES = []


@pytest.fixture(scope="session")
def frames(simulated_frames, tmp_path_factory):
    """Folder of 200 frames."""
    return lab.links(simulated_frames, 200, tmp_path_factory.mktemp("frames") / "in")


@pytest.fixture(scope="session")
def alone(frames, tmp_path_factory):
    """Folder of the results that threads on this machine give."""
    out = tmp_path_factory.mktemp("alone") / "out"
    lab.run(*lab.segkit(frames, out), check=True)
    return out


@pytest.fixture
def start(tmp_path):
    """Start programs that end with the test."""
    with lab.programs(tmp_path / "programs") as start:
        yield start


@pytest.fixture
def compare():
    """Return a function that compares a table with what it should be, and notes what is wrong."""
    began = time.monotonic()

    def compare(out, expected, what, fault):
        keys = ["frame", "label"]
        found = pd.read_parquet(out / "nuclei.parquet", columns=list(expected))
        missing = expected.value_counts(keys).sub(found.value_counts(keys), fill_value=0)
        figures = {"what": what, "frames": int(expected["frame"].max()) + 1, "fault": fault}
        figures |= {"seconds": round(time.monotonic() - began, 1)}
        figures |= {"rows_lost": int(missing.clip(lower=0).sum())}
        FIGURES.append(figures | {"rows_twice": int(-missing.clip(upper=0).sum())})
        pd.testing.assert_frame_equal(found.sort_values(keys, ignore_index=True), expected)

    return compare


@pytest.fixture
def compare_bytes(compare, alone):
    """Return a function that compares a run of the 200 frames with that of this machine alone."""

    def compare_bytes(out, what, fault):
        compare(out, pd.read_parquet(alone / "nuclei.parquet"), what, fault)
        assert lab.content(out) == lab.content(alone)

    return compare_bytes


def pytest_terminal_summary(terminalreporter):
    """Print what was done and lost as a table, and write it down."""
    if not FIGURES:
        return
    import report

    terminalreporter.section("clusters and faults")
    terminalreporter.write_line(pd.DataFrame(FIGURES).to_string(index=False))
    soak = os.environ.get("SEGKIT_SOAK")
    words = [f"SEGKIT_SOAK={soak}"] if soak else []
    words += ["python -m pytest", *map(str, terminalreporter.config.invocation_params.args)]
    found = {"command": " ".join(words), **report.environment()}
    found["machine"]["load_after"] = found["machine"].pop("load_before")
    found["versions"]["slurm"] = lab.ask({}, "sh", "-c", "slurmd -V")
    found |= {"frames": "simulated", "faults": FIGURES}
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"written to {RECORD.relative_to(CHECKOUT)}")
