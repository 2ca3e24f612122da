"""Frames, the table they should give, and the record of what the tests did to the clusters."""

import importlib.metadata
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import lab

CHECKOUT = Path(__file__).parents[2]
RECORD = CHECKOUT / "build" / "cluster" / "faults.json"
FIGURES = []


@pytest.fixture(scope="session")
def frames(simulated_frames, tmp_path_factory):
    """Folder of 200 frames."""
    return lab.links(simulated_frames, 200, tmp_path_factory.mktemp("frames") / "in")


@pytest.fixture(scope="session")
def alone(frames, tmp_path_factory):
    """Folder of the results that threads on this machine give, batches of 5."""
    out = tmp_path_factory.mktemp("alone") / "out"
    subprocess.run(lab.segkit(frames, "--out", out, "--batch", "5"), check=True)
    return out


@pytest.fixture
def start(tmp_path):
    """Start programs that end with the test."""
    with lab.programs(tmp_path / "programs") as start:
        yield start


@pytest.fixture
def compare(alone):
    """Compare a run's table with that of this machine alone, and record it."""

    def compare(out, what, *, fault, began, **more):
        missing = Counter(lab.rows(alone)) - Counter(lab.rows(out))
        twice = Counter(lab.rows(out)) - Counter(lab.rows(alone))
        figures = {"what": what, "frames": 200, "fault": fault}
        figures |= {"seconds": round(time.monotonic() - began, 1)}
        figures |= {"rows_lost": missing.total(), "rows_twice": twice.total()}
        FIGURES.append(figures | {"same_bytes": lab.digest(out) == lab.digest(alone)} | more)
        assert missing.total() == twice.total() == 0
        assert lab.digest(out) == lab.digest(alone)

    return compare


@pytest.fixture
def record():
    """Keep figures that are not those of 200 frames."""
    return FIGURES.append


def environment():
    """Return date, machine and versions, as for the benchmarks."""
    path = CHECKOUT / "benchmarks" / "report.py"
    spec = importlib.util.spec_from_file_location("benchmark_report", path)
    report = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(report)
    found = report.environment()
    found["machine"]["load_after"] = found["machine"].pop("load_before")
    found["frames"] = "simulated"
    for name in ("dask-jobqueue", "asyncssh"):
        with suppress(importlib.metadata.PackageNotFoundError):
            found["versions"][name] = importlib.metadata.version(name)
    for name, command in (("slurm", ["slurmd", "-V"]), ("openssh", ["sshd", "-V"])):
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env={"PATH": lab.SBIN}
            )
        except OSError:
            continue
        found["versions"][name] = (done.stdout + done.stderr).strip().splitlines()[0]
    return found


def pytest_terminal_summary(terminalreporter):
    """Print what was done and lost as a table, and write it down."""
    if not FIGURES:
        return
    rows = [("what", "frames", "fault", "seconds", "rows lost", "rows twice")]
    rows += [tuple(str(one[name.replace(" ", "_")]) for name in rows[0]) for one in FIGURES]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    terminalreporter.section("clusters and faults")
    for row in rows:
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        terminalreporter.write_line(line.rstrip())
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    soak = os.environ.get("SEGKIT_SOAK")
    words = [f"SEGKIT_SOAK={soak}"] if soak else []
    words += ["python -m pytest", *map(str, terminalreporter.config.invocation_params.args)]
    found = {"command": " ".join(words), **environment(), "faults": FIGURES}
    RECORD.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    terminalreporter.write_line(f"written to {RECORD.relative_to(CHECKOUT)}")
