"""What an import loads, and which modules of the package import which."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "src" / "segkit"
HEAVY = {"numpy", "scipy", "skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}
# a module imports only from the layers above its own
LAYERS = [
    {"writing", "frame"},
    {"reading", "simulate"},
    {"data"},
    {"run", "score"},
    {"show"},
    {"check", "doctor"},
    {"cli"},
]


@pytest.mark.parametrize("module", ["segkit", "segkit.cli"])
def test_import_loads_nothing_heavy(module):
    """The package and its command line start without the libraries that they use."""
    code = "print(*{name.split('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", f"import sys, {module}; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & HEAVY


def imported(path):
    """Return the modules of the package that one of its files imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == "segkit":
            found |= {alias.name for alias in node.names} - {"SegkitError"}
        elif isinstance(node, ast.ImportFrom) and node.module.startswith("segkit."):
            found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("segkit.")}
    return found


def test_imports_go_one_way():
    """Each module imports only from the layers above its own, so that there is no cycle."""
    modules = {path.stem for path in SOURCES.glob("*.py")} - {"__init__"} | {"check"}
    assert modules == set().union(*LAYERS)
    above = set()
    for layer in LAYERS:
        for module in layer - {"check"}:
            assert imported(SOURCES / f"{module}.py") <= above, module
        above |= layer
    before_check = set().union(*LAYERS[:5], {"check"})
    for path in (SOURCES / "check").glob("*.py"):
        assert imported(path) <= before_check, path.name


def test_what_is_imported_is_there():
    """Every text imports modules that exist, even code that no test runs, as for a GPU."""
    missing = []
    for folder in (
        "benchmarks",
        "binder",
        "notebooks",
        "site",
        "snippets",
        "src",
        "tests",
        "tools",
    ):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix not in (".py", ".ipynb", ".md"):
                continue
            for module, names in re.findall(
                r"from segkit([.\w]*) import ([\w, ]+)", path.read_text("utf-8")
            ):
                place = SOURCES.joinpath(*module.split(".")[1:])
                if place.with_suffix(".py").is_file():
                    continue
                own = place / "__init__.py"
                text = own.read_text("utf-8") if own.is_file() else ""
                for name in (word.split()[0] for word in names.split(",") if word.strip()):
                    defined = re.search(rf"^(def |class )?{name}\b", text, re.M)
                    there = (place / f"{name}.py").is_file() or (place / name).is_dir()
                    if not there and not defined:
                        missing.append(f"{path.relative_to(ROOT)}: segkit{module}.{name}")
    assert missing == []
