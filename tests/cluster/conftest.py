"""Frames, the table they should give, and the record of what the tests did to the clusters."""

import json
import os
import subprocess
import sys
import time
from importlib.metadata import version
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
    subprocess.run(lab.segkit(frames, out), check=True)
    return out


@pytest.fixture
def start(tmp_path):
    """Start programs that end with the test."""
    with lab.programs(tmp_path / "programs") as start:
        yield start


@pytest.fixture
def record():
    """Return a function that notes what a test did to a cluster, and what that cost."""
    began = time.monotonic()

    def record(what, fault, frames, *, lost, twice, **more):
        figures = {"what": what, "frames": frames, "fault": fault}
        figures |= {"seconds": round(time.monotonic() - began, 1)}
        FIGURES.append(figures | {"rows_lost": lost, "rows_twice": twice} | more)

    return record


@pytest.fixture
def compare(alone, record):
    """Return a function that compares a run's table with that of this machine, and notes it."""

    def compare(out, what, fault, **more):
        keys = ["frame", "label"]
        count = [pd.read_parquet(one / "nuclei.parquet").value_counts(keys) for one in (alone, out)]
        missing = count[0].sub(count[1], fill_value=0).astype(int)
        lost, twice = int(missing.clip(lower=0).sum()), int(-missing.clip(upper=0).sum())
        same = lab.content(alone) == lab.content(out)
        record(what, fault, 200, lost=lost, twice=twice, same_bytes=same, **more)
        assert lost == twice == 0
        assert same

    return compare


def environment():
    """Return date, machine and versions, as for the benchmarks."""
    import report

    found = report.environment()
    found["machine"]["load_after"] = found["machine"].pop("load_before")
    for name in ("dask-jobqueue", "asyncssh"):
        found["versions"][name] = version(name)
    for name, command in (("slurm", "slurmd"), ("openssh", "sshd")):
        found["versions"][name] = lab.ask({}, "sh", "-c", f"{command} -V 2>&1").splitlines()[0]
    return found


def pytest_terminal_summary(terminalreporter):
    """Print what was done and lost as a table, and write it down."""
    if not FIGURES:
        return
    columns = ["what", "frames", "fault", "seconds", "rows_lost", "rows_twice"]
    terminalreporter.section("clusters and faults")
    terminalreporter.write_line(pd.DataFrame(FIGURES)[columns].to_string(index=False))
    soak = os.environ.get("SEGKIT_SOAK")
    words = [f"SEGKIT_SOAK={soak}"] if soak else []
    words += ["python -m pytest", *map(str, terminalreporter.config.invocation_params.args)]
    found = {"command": " ".join(words), **environment(), "frames": "simulated", "faults": FIGURES}
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"written to {RECORD.relative_to(CHECKOUT)}")
