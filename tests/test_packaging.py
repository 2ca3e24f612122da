"""pyproject.toml, constraints.txt, environment.yml and the tools' own files say the same."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
POSIX = pytest.mark.skipif(os.name != "posix", reason="scripts for macOS and Linux")
# where conda-forge has another name, or gives an extra of PyPI a name of its own
CONDA = {"matplotlib": "matplotlib-base", "nbconvert": "nbconvert-core"}
CONDA_EXTRAS = {"napari[pyqt6]": {"napari", "pyqt6"}}
# where a module is imported by another name than its distribution has
MODULES = {
    "cupy-cuda12x": "cupy",
    "ipython": "IPython",
    "pillow": "PIL",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
}


def requirements(*extras):
    """Return the requirements of the package and of extras of it."""
    texts = [*PROJECT["dependencies"], *(text for extra in extras for text in EXTRAS[extra])]
    return [Requirement(text) for text in texts]


def pins():
    """Return the versions of constraints.txt by normalised name."""
    rows = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    found = [row.split("==") for row in rows if not row.startswith("#")]
    return {canonicalize_name(name): Version(pinned) for name, pinned in found}


def test_every_extra_is_there():
    """The extras that the course speaks of exist."""
    assert {"napari", "gpu-cuda12", "gpu-cuda13", "cluster", "docs", "test"} <= EXTRAS.keys()


def test_constraints_pin_what_is_asked_for():
    """Each requirement has an exact version that it admits; the GPU's are left to the machine."""
    pinned = pins()
    for requirement in requirements("napari", "cluster", "docs", "test"):
        assert pinned[canonicalize_name(requirement.name)] in requirement.specifier, requirement
    for extra in ("gpu-cuda12", "gpu-cuda13"):
        assert not {canonicalize_name(Requirement(text).name) for text in EXTRAS[extra]} & set(
            pinned
        )


def test_constraints_are_plain_and_sorted():
    """Only ``name==version`` lines, sorted, nothing that only one machine can resolve."""
    rows = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    rows = [row for row in rows if not row.startswith("#")]
    assert [row for row in rows if not re.fullmatch(r"[\w.-]+==[\w.+]+", row)] == []
    assert [row for row in rows if "+" in row] == []
    names = [row.split("==")[0].lower() for row in rows]
    assert names == sorted(names)
    assert "segkit" not in names


def test_pins_run_on_the_oldest_python():
    """No pinned package that is installed here asks for more than the first release of 3.11."""
    oldest = Version(PROJECT["requires-python"].removeprefix(">="))
    looked_at, refused = 0, {}
    for name, pinned in pins().items():
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of an extra that only other targets install
            continue
        wanted = installed.metadata.get("Requires-Python") or ""
        if Version(installed.version) == pinned:
            looked_at += 1
            if not SpecifierSet(wanted).contains(oldest):
                refused[name] = wanted
    assert looked_at > 0
    assert refused == {}


def test_conda_environment_agrees():
    """environment.yml names what pyproject.toml names, with the same lower bounds."""
    # of python repo2docker, which builds Binder's images, reads this form only
    wanted = {"pip": "", "python": PROJECT["requires-python"].replace(">=", "=")}
    for requirement in requirements("napari", "test"):
        extras = ",".join(sorted(requirement.extras))
        names = CONDA_EXTRAS.get(f"{requirement.name}[{extras}]", {requirement.name})
        for name in names:
            bound = str(requirement.specifier) if name == requirement.name else ""
            wanted[CONDA.get(name, name)] = bound
    environment = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    rows = [row.partition(" ") for row in environment["dependencies"]]
    assert {name: bound for name, _, bound in rows} == wanted


def test_imports_are_declared():
    """Each module that the package, snippets, benchmarks and tests import is asked for by name."""
    asked = {r.name for r in requirements(*EXTRAS)}
    known = {MODULES.get(name, name.replace("-", "_")) for name in asked}
    known |= {
        "segkit",
        "distributed",
        "pytest",
        "yaml",
        "packaging",
        "cupy",
        "cupyx",  # part of CuPy
        *sys.stdlib_module_names,
    }
    for room in ("src", "snippets", "benchmarks", "tests"):
        known |= {
            name for path in (ROOT / room).rglob("*.py") for name in (path.stem, path.parent.name)
        }
    unknown = {}
    for room in ("src", "snippets", "benchmarks", "tests"):
        for path in (ROOT / room).rglob("*.py"):
            for name in imported(path):
                if name not in known:
                    unknown.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert unknown == {}


def imported(path):
    """Return the top names of the modules that a file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.split(".")[0])
    return names


def test_version_is_said_once_and_the_same():
    """Package, project file and citation carry one version."""
    import segkit

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert segkit.__version__ == PROJECT["version"] == citation["version"]


def test_binder_takes_the_same_environment():
    """Binder's environment is a link to the one above, and its scripts can be run."""
    link = ROOT / "binder" / "environment.yml"
    if link.is_symlink():
        assert link.resolve() == (ROOT / "environment.yml").resolve()
    else:  # git on Windows writes a link's target into a plain file
        assert link.read_text("utf-8") == "../environment.yml"
    if os.name == "posix":
        for name in ("postBuild", "start"):
            assert os.access(ROOT / "binder" / name, os.X_OK), name


@POSIX
def test_binder_start_runs_what_it_is_given():
    """Binder hands its command to the start script, which has to become it."""
    done = subprocess.run(
        ["bash", ROOT / "binder" / "start", sys.executable, "-c", "print('a b')"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a b\n"


def test_pre_commit_has_the_tested_versions():
    """Hooks run the versions of constraints.txt, and strip notebooks as make does."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    pinned = pins()
    for hook in hooks:
        (dependency,) = hook["additional_dependencies"]
        name, _, exact = dependency.partition("==")
        assert Version(exact) == pinned[name], hook["id"]
    (strip,) = (hook["entry"] for hook in hooks if hook["id"] == "nbstripout")
    assert strip in (ROOT / "Makefile").read_text("utf-8").replace("$(BIN)/", "")


def targets():
    """Return the targets that ``make help`` can list, and what it prints."""
    text = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z][a-z-]*):", text, re.M))


def test_make_has_the_targets():
    """The targets that README, CONTRIBUTING and CI name are in the Makefile, and phony."""
    wanted = {"help", "setup", "run", "test", "lab", "lint", "clean", "napari", "test-napari"}
    assert wanted | {"measure", "bench", "outputs", "constraints"} <= targets()
    text = (ROOT / "Makefile").read_text("utf-8")
    (phony,) = re.findall(r"^\.PHONY: ((?:.*\\\n)*.*)", text, re.M)
    assert set(phony.replace("\\\n", " ").split()) == targets()


@POSIX
@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
def test_make_alone_lists_the_targets():
    """``make`` without a target says what there is, and sets nothing up."""
    done = subprocess.run(["make", "-C", ROOT], capture_output=True, text=True, check=True)
    assert {"make run", "make test", "make lab"} <= set(re.findall(r"make [a-z-]+", done.stdout))
    assert "pip install" not in done.stdout


@POSIX
@pytest.mark.skipif(not shutil.which("make"), reason="there is no make")
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
    done = subprocess.run(
        ["make", "-s", "setup", f"PYTHON={python}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert (tmp_path / "asked").exists() == taken
    message = [row for row in done.stderr.splitlines() if not row.startswith("make")]
    refusal = f"None of [{python}] is Python 3.11 to 3.14: install one, or say make PYTHON=..."
    assert message == ([] if taken else [refusal])


def test_workflows_name_what_exists():
    """The workflows parse, and the make targets that they call exist."""
    for path in (ROOT / ".github" / "workflows").glob("*.yml"):
        workflow = yaml.safe_load(path.read_text("utf-8"))
        commands = [
            step["run"]
            for job in workflow["jobs"].values()
            for step in job["steps"]
            if "run" in step
        ]
        called = {
            name
            for run in commands
            for row in re.findall(r"^make (.*)", run, re.M)
            for name in row.split()
        }
        assert called <= targets(), path.name
