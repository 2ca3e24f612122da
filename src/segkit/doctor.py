"""Is this machine ready for the course? One finding a subject, and what to do about it.

Only the standard library is imported at the top: the report has to come also where packages are
missing.
"""

import platform
import re
import sys
import textwrap
from importlib import metadata
from pathlib import Path

from segkit import machine
from segkit.machine import MISSING, OK, WARNING

NAMED = ("dask", "dask-image", "scikit-image", "numpy")


def python(version=sys.version_info):
    """Compare the version of Python with the oldest that the course runs on."""
    number = ".".join(map(str, version[:3]))
    if version < (3, 11):
        return "Python", MISSING, f"{number} is too old", "Install Python 3.11 or newer."
    return "Python", OK, f"{number} on {platform.system()}", ""


def _parts(version):
    """Return the leading numbers of a version, to compare: [2026, 8, 0]."""
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def constraints(path=None):
    """Return the tested version of each package; an empty dict where there is no list of them."""
    path = Path(__file__).resolve().parents[2] / "constraints.txt" if path is None else Path(path)
    if not path.is_file():
        return {}
    lines = path.read_text(encoding="utf-8").splitlines()
    pinned = [re.match(r"([\w.-]+)==([^\s;]+)", line) for line in lines]
    return {found[1].lower().replace("_", "-"): found[2] for found in pinned if found}


def packages(versions=None):
    """Compare the installed packages with the oldest allowed, and with the tested ones.

    Parameters
    ----------
    versions : dict of str to str, optional
        The tested versions; those of `constraints` if not given.
    """
    versions = constraints() if versions is None else versions
    try:
        wanted = [need for need in metadata.requires("segkit") or () if "extra ==" not in need]
    except metadata.PackageNotFoundError:
        todo = "Run 'make setup', or 'pip install -e .' in the checkout."
        return "packages", MISSING, "segkit itself is not installed", todo
    absent, old, other, here = [], [], [], {}
    for need in wanted:
        name, lowest = re.match(r"([\w.-]+)[^>=]*(?:>=([\d.]+))?", need).groups()
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
            continue
        if lowest and _parts(here[name]) < _parts(lowest):
            old.append(f"{name} {here[name]} (needed: {lowest})")
        elif versions.get(name, here[name]) != here[name]:
            other.append(f"{name} {here[name]} (tested: {versions[name]})")
    setup = "Run 'make setup', or 'pip install -e . -c constraints.txt' in the checkout."
    if absent or old:
        words = {"not installed: ": absent, "too old: ": old}
        finding = "; ".join(word + ", ".join(some) for word, some in words.items() if some)
        return "packages", MISSING, finding, setup
    if other:
        todo = f"Go on; if something fails, install the tested versions. {setup}"
        return "packages", WARNING, f"not the tested versions: {', '.join(other)}", todo
    kind = "in the tested versions" if versions else "recent enough"
    known = ", ".join(f"{name} {here[name]}" for name in NAMED if name in here)
    return "packages", OK, f"{len(here)} {kind} ({known} ...)", ""


def frames():
    """Look for frames without making any."""
    from segkit import data

    fetch = "'segkit fetch' brings the real ones."
    try:
        for kind in ("BBBC039", "simulated"):
            folder = data.root() / kind
            if folder.is_dir() and (any(folder.glob("images/*.tif")) or any(folder.glob("*.tif"))):
                todo = "" if kind == "BBBC039" else f"Nothing: all notebooks run on them. {fetch}"
                return "frames", OK, data.describe(folder), todo
    except OSError as error:
        return "frames", MISSING, str(error), f"Then look again; {fetch}"
    todo = f"Nothing: simulated ones are made when they are first needed. {fetch}"
    return "frames", WARNING, "none yet", todo


def napari():
    """Ask whether napari can open a window."""
    from segkit.figures import viewer

    fault = viewer.hindrance()
    if fault:
        todo = "Only if you want it: the notebooks draw the same layers with Matplotlib."
        return "napari", WARNING, fault, todo
    return "napari", OK, f"{metadata.version('napari')}, with a display", ""


CHECKS = (
    python,
    packages,
    machine.cores,
    machine.memory,
    machine.disk,
    frames,
    napari,
    machine.gpu,
    machine.dashboard,
    machine.blas,
)


def examine():
    """Look at everything.

    Returns
    -------
    list of (str, str, str, str)
        Subject; "ok", "missing" (the course does not run) or "warning"; what was found; what to
        do, "" if nothing.
    """
    findings = []
    for check in CHECKS:
        try:
            findings.append(check())
        except ImportError as error:
            todo = "Install the packages first, then look again."
            findings.append((check.__name__, WARNING, f"not known: {error}", todo))
    return findings


def report(findings=None):
    """Print a table of what `examine` finds.

    Parameters
    ----------
    findings : list, optional
        As `examine` returns it.

    Returns
    -------
    bool
        Whether nothing is missing; warnings do not count.
    """
    findings = examine() if findings is None else findings
    for subject, status, finding, todo in findings:
        head = f"{subject:10} {status:8} "
        print(textwrap.fill(finding, 98, initial_indent=head, subsequent_indent=" " * len(head)))
        if todo:
            indent = " " * len(head)
            print(textwrap.fill(todo, 98, initial_indent=f"{indent}-> ", subsequent_indent=indent))
    lacking = [subject for subject, status, *_ in findings if status == MISSING]
    ready = "This machine is ready for the course."
    print(f"\nTo mend before you start: {', '.join(lacking)}." if lacking else f"\n{ready}")
    return not lacking
