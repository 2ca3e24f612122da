"""Puts the stand-in of `packages` in CuPy's place, for the length of a test."""

import importlib
import sys
from pathlib import Path

PACKAGES = Path(__file__).parent / "packages"


def forget(monkeypatch):
    """Take what is imported of CuPy out of sight until the test ends."""
    for name in [name for name in sys.modules if name.split(".")[0] in ("cupy", "cupyx")]:
        monkeypatch.delitem(sys.modules, name)


def install(monkeypatch):
    """Make ``import cupy`` find the stand-in until the test ends; return it.

    Not for tests in which Dask sees its arrays: Dask notes CuPy's array type for good. Those run
    in a process of their own, with `PACKAGES` in ``PYTHONPATH``.
    """
    forget(monkeypatch)
    monkeypatch.syspath_prepend(PACKAGES)
    layout = ("cupy", "cupyx", "cupyx.profiler", "cupyx.scipy", "cupyx.scipy.ndimage")
    for name in layout:
        importlib.import_module(name)
    for name in [*layout, "cupy.cuda"]:  # forgotten when the test ends
        monkeypatch.setitem(sys.modules, name, sys.modules.pop(name))
    return sys.modules["cupy"]
