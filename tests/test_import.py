import subprocess
import sys

import pytest

HEAVY = {"numpy", "scipy", "skimage", "pandas", "dask", "matplotlib", "pyarrow", "zarr", "pooch"}


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
