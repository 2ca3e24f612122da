import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"numpy", "scipy", "skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "segkit"
# as the data flow: each imports from those before it, a folder from itself too
ORDER = (
    *("writing", "device", "methods", "reading", "score", "show"),
    *("frame", "simulate", "data", "progress", "clusters", "stack", "store", "labelfiles"),
    *("cluster", "schedulers", "run", "evaluate", "doctor", "check", "cli"),
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
            found |= {alias.name for alias in node.names if alias.name != "SegkitError"}
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


def places():
    """Yield every text that imports from the package, code in strings and notebooks included."""
    for folder in ("benchmarks", "binder", "notebooks", "site", "snippets", "src", "tests"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in (".py", ".ipynb", ".md") and ".ipynb_checkpoints" not in path.parts:
                for found in re.findall(
                    r"from segkit([.\w]*) import ([\w, ]+)", path.read_text("utf-8")
                ):
                    yield path.relative_to(ROOT), *found


def test_what_is_imported_is_there():
    """Imports that run only in a browser, on a GPU or on Binder name modules that exist too."""
    seen = 0
    for path, module, names in places():
        place = SOURCES.joinpath(*module.split(".")[1:])
        if not place.is_dir():
            assert place.with_suffix(".py").is_file(), (path, module)
            continue
        for name in (word.split()[0] for word in names.split(",") if word.strip()):
            own = (place / "__init__.py").read_text("utf-8")
            there = (place / name).is_dir() or (place / f"{name}.py").is_file()
            assert there or re.search(rf"^(def |class )?{name}\b", own, re.M), (path, module, name)
            seen += 1
    assert seen > 200
