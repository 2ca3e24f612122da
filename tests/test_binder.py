"""Binder, Codespaces and Colab get what they need. ``tests/rehearsal`` runs whole sessions."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


@pytest.mark.skipif(os.name != "posix" or not shutil.which("bash"), reason="there is no bash")
def test_start_limits_threads_and_finds_the_dashboard():
    """The session's command has one BLAS thread, two of Dask, and the proxy under the prefix."""
    env = {name: value for name, value in os.environ.items() if name != "REPO_DIR"}
    env |= {"JUPYTERHUB_SERVICE_PREFIX": "/user/learner/", "OMP_NUM_THREADS": "64"}
    done = subprocess.run(
        ["bash", ROOT / "binder" / "start", "env"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    seen = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert {seen[f"{library}_NUM_THREADS"] for library in ("OMP", "OPENBLAS", "MKL")} == {"1"}
    assert seen["DASK_NUM_WORKERS"] == "2"
    template = seen["DASK_DISTRIBUTED__DASHBOARD__LINK"]
    assert template.format(port=8787) == "/user/learner/proxy/8787/status"


def test_the_colab_cell_asks_for_the_declared_versions():
    """The cell has the lower bounds of pyproject.toml, and installs the package without more."""
    *packages, package = (ROOT / "binder" / "colab.txt").read_text("utf-8").splitlines()
    asked = re.findall(r'"([^"]+)"', " ".join(packages))
    bounds = {re.sub(r"\[.*\]", "", need) for need in PROJECT["dependencies"]}
    assert asked
    assert {re.sub(r"\[.*\]", "", need) for need in asked} <= bounds
    assert package == f"%pip install -q --no-deps git+{PROJECT['urls']['Homepage']}"
