"""Fixtures that all tests share: which frames they see, whatever the environment says."""

import importlib
import os
import sys
from pathlib import Path

import pytest

collect_ignore = ["notebooks/00-warnings.py"]  # runs in kernels, not here
CHECKOUT = Path(__file__).parents[1]
MIRROR = os.environ.get("SEGKIT_MIRROR")


@pytest.fixture(autouse=True)
def _own_frames(monkeypatch):
    """Give every test the tests' own data folder, and no mirror."""
    monkeypatch.setenv("SEGKIT_DATA", str(CHECKOUT / "build" / "tests"))
    monkeypatch.delenv("SEGKIT_MIRROR", raising=False)
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture
def load(monkeypatch):
    """Import a script of the checkout that is in no package, as in ``load("site/pages")``."""

    def load(path):
        folder, name = (CHECKOUT / path).parent, Path(path).name
        monkeypatch.syspath_prepend(CHECKOUT / "tools")  # which the site uses too
        monkeypatch.syspath_prepend(folder)
        sys.modules.pop(name, None)
        return importlib.import_module(name)

    return load


@pytest.fixture(scope="session")
def simulated_frames():
    """Folder of 48 simulated frames, seed 39. Read only: all tests share it."""
    from segkit import data

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGKIT_DATA", str(CHECKOUT / "build" / "tests"))
        return data.locate()


@pytest.fixture(scope="session")
def real_frames():
    """Folder of the real frames, from the checkout or from the mirror. Read only."""
    from segkit import data

    here = CHECKOUT / "data" / "BBBC039"
    if any(here.glob("images/*.tif")):
        return here
    if not MIRROR:
        pytest.skip("no real frames: data/BBBC039 is not there, SEGKIT_MIRROR is not set")
    fetched = CHECKOUT / "build" / "real" / "BBBC039"
    data.fetch(fetched, mirror=MIRROR, progress=False)
    return fetched
