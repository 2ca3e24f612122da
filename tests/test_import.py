import ast
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"numpy", "scipy", "skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}

SOURCES = Path(__file__).parents[1] / "src" / "segkit"
# as the data flow: each imports from those before it, a folder from itself too
ORDER = (
    *("device", "files", "simulation", "methods", "figures", "pages", "reading", "score"),
    *("frame", "simulate", "data", "progress", "machine", "clusters", "stack", "store"),
    *("labelfiles", "errors", "show", "cluster", "schedulers", "run", "evaluate", "doctor"),
    *("course", "check", "cli"),
)


def loaded_by(statement):
    """Return the top-level modules that a statement loads in a fresh interpreter."""
    code = (
        f"import sys; {statement}; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_import_segkit_loads_nothing_heavy():
    """Importing the package loads none of the libraries behind it, and hardly any module."""
    bare = loaded_by("pass")
    added = loaded_by("import segkit") - bare
    assert not added & HEAVY
    assert added <= {"segkit"}


@pytest.mark.parametrize(
    ("module", "spared"),
    [
        ("segkit.cli", HEAVY),
        ("segkit.frame", {"skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}),
        ("segkit.stack", {"skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}),
        ("segkit.store", {"scipy", "skimage", "pandas", "dask", "matplotlib", "zarr", "pooch"}),
        ("segkit.data", {"scipy", "skimage", "pandas", "dask", "matplotlib", "zarr"}),
        ("segkit.show", {"napari", "zarr", "pooch"}),
    ],
)
def test_modules_load_only_what_they_need(module, spared):
    """Each module leaves alone the libraries that only others need."""
    assert not loaded_by(f"import {module}") & spared


def rooms_of(path):
    """Return the modules and folders of the package that one of its files imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "segkit":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("segkit."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
            found |= {name[1] for name in names if name[0] == "segkit" and len(name) > 1}
    return found


def test_data_flow_one_way():
    """Every module imports only from what comes before it in the package's order."""
    paths = {
        path: path.relative_to(SOURCES).parts[0].removesuffix(".py")
        for path in SOURCES.rglob("*.py")
        if path.parent != SOURCES or path.stem != "__init__"
    }
    assert set(paths.values()) == set(ORDER)
    for path, room in paths.items():
        before = {*ORDER[: ORDER.index(room)], *([room] if path.parent != SOURCES else [])}
        assert rooms_of(path) <= before, path.relative_to(SOURCES)
