"""What an import loads, and that whatever is imported exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("benchmarks", "binder", "notebooks", "site", "snippets", "src", "tests", "tools")
HEAVY = {"numpy", "scipy", "skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}


@pytest.mark.parametrize(
    ("module", "spared"), [("segkit", HEAVY), ("segkit.cli", HEAVY), ("segkit.data", {"pooch"})]
)
def test_import_loads_nothing_heavy(module, spared):
    """The package and its command line start without the libraries that they use.

    Nor do notebooks load pooch, which warns there if ipywidgets is not installed.
    """
    code = "print(*{name.split('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", f"import sys, {module}; {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & spared


def test_what_is_imported_is_there():
    """Every text imports modules that exist, even code that no test runs, as for a GPU."""
    lines = set()
    for path in (path for folder in FOLDERS for path in (ROOT / folder).rglob("*")):
        if path.suffix in (".py", ".ipynb", ".md"):
            lines |= set(
                re.findall(r"from segkit[.\w]* import \w[\w, ]*\w", path.read_text("utf-8"))
            )
    assert len(lines) > 20
    for line in sorted(lines):
        exec(line, {})
