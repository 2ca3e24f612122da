"""pyproject.toml, constraints.txt, the conda environment and the tools' own files agree."""

import ast
import csv
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version
from sources import imports

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# conda-forge's name where it differs; napari[pyqt6] is two packages there
CONDA = {"matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}
# distributions whose module has another name
MODULES = {
    "ipython": "IPython",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "scikit-learn": "sklearn",
}
# needed at run time without an import
UNIMPORTED = {"cryptography", "ipykernel", "jupyterlab"}
# of the extras, this package and other requirements, and what notebook 12 names without running
OTHERS = {"cupy", "cupyx", "dask_kubernetes", "napari", "segkit", "distributed", "mpl_toolkits"}
OTHERS |= {"cellpose", "csbdeep", "stardist"}


def requirements(*extras):
    """Return the requirements of the package and of some extras."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in EXTRAS[extra])]
    return [Requirement(text) for text in texts]


def pins():
    """Return the versions of constraints.txt by normalised name."""
    rows = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    rows = [row for row in rows if not row.startswith("#")]
    assert [row for row in rows if not re.fullmatch(r"[\w.-]+==[\w.]+", row)] == []
    return {canonicalize_name(name): Version(to) for name, to in (row.split("==") for row in rows)}


def test_constraints_pin_every_requirement():
    """Each requirement has an exact version that it admits; CuPy depends on the machine."""
    pinned = pins()
    extras = [extra for extra in EXTRAS if not extra.startswith("gpu")]
    for requirement in requirements(*extras):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement


def test_the_conda_environment_agrees():
    """It names what pyproject.toml names, with the same lower bounds."""
    wanted = {"pip": "", "pyqt6": "", "python": PROJECT["requires-python"].replace(">=", "=")}
    for one in requirements("napari", "test"):
        wanted[CONDA.get(one.name, one.name)] = str(one.specifier)
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    rows = [row.partition(" ") for row in environment["dependencies"]]
    assert len(rows) == len(wanted)
    assert {name: bound for name, _, bound in rows} == wanted


def test_learners_install_what_they_import_and_no_more():
    """The package, notebooks and snippets import the dependencies, and only these."""
    nodes = imports("src", "notebooks", "snippets")
    found = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    found |= {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
    needed = {name.split(".")[0] for name in found} - set(sys.stdlib_module_names) - OTHERS
    names = {one.name for one in requirements()} - UNIMPORTED
    assert needed == {MODULES.get(name, name.replace("-", "_")) for name in names}


def test_the_guide_states_the_megabytes_that_were_measured():
    """The record of ``make sizes`` agrees with the guide, and napari makes the largest."""
    rows = csv.DictReader((ROOT / "site" / "sizes.csv").read_text("utf-8").splitlines())
    sizes = {row["made by"].strip("`"): row for row in rows}
    assert list(sizes) == ["make setup", "make napari", "make site", "binder/postBuild"]
    for column in ("packages", "MiB to download", "MiB on disk"):
        counts = [int(row[column]) for row in sizes.values()]
        assert max(counts) == counts[1]
    guide = (ROOT / "site" / "teach" / "classroom.md").read_text("utf-8")
    low, high = map(int, re.search(r"packages are (\d+) to (\d+) MB for", guide).groups())
    assert low < int(sizes["make setup"]["MiB to download"]) * 1.048576 < high


def test_versions_agree():
    """Package, project file, citation and changelog have the same version."""
    import segkit

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    newest = re.search(r"^## (\S+)", changes, re.M)[1]
    assert segkit.__version__ == PROJECT["version"] == citation["version"] == newest


def test_pre_commit_has_the_tested_versions():
    """Hooks run the versions of constraints.txt, and strip notebooks as make does."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = {hook["id"]: hook for repository in config["repos"] for hook in repository["hooks"]}
    pinned = pins()
    for hook in hooks.values():
        name, _, exact = hook["additional_dependencies"][0].partition("==")
        assert Version(exact) == pinned[name], hook["id"]
    makefile = (ROOT / "Makefile").read_text("utf-8").replace("$(BIN)/", "")
    assert hooks["nbstripout"]["entry"] in makefile


@pytest.mark.skipif(os.name != "posix" or not shutil.which("make"), reason="there is no make")
@pytest.mark.parametrize(
    ("version", "taken"), [("3, 10", False), ("3, 11", True), ("3, 14", True), ("3, 15", False)]
)
def test_make_takes_a_python_that_has_wheels(tmp_path, version, taken):
    """A Python too old, or too new for the tested versions, is refused in one line."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    python = tmp_path / "some-python"
    python.write_text(
        "#!/bin/sh\n"
        'if [ "$1" = -m ]; then echo "$@" > asked; exit 1; fi\n'
        f'exec "{sys.executable}" -c "import sys; sys.version_info = ({version}, 1); $2"\n'
    )
    python.chmod(0o755)
    command = ["make", "-s", "setup", f"PYTHON={python}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0
    assert (tmp_path / "asked").exists() == taken
    message = [row for row in done.stderr.splitlines() if not row.startswith("make")]
    refusal = f"None of [{python}] is Python 3.11 to 3.14: install one, or use make PYTHON=..."
    assert message == ([] if taken else [refusal])
