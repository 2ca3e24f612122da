"""Is this machine ready for the course? One finding per subject, and what to do about it.

Only the standard library is imported at the top: the report has to come also where packages are
missing.
"""

import os
import platform
import re
import shutil
import socket
import sys
import textwrap
from importlib import metadata
from pathlib import Path

OK, MISSING, WARNING = "ok", "missing", "warning"
GB = 1e9
SETUP = "Run 'make setup', or 'pip install -e . -c constraints.txt' in the checkout."


def python(version=sys.version_info):
    """Compare the version of Python with the oldest that the course runs on."""
    number = ".".join(map(str, version[:3]))
    if version < (3, 11):
        return "Python", MISSING, f"{number} is too old", "Install Python 3.11 or newer."
    return "Python", OK, f"{number} on {platform.system()}", ""


def _parts(version):
    """Return the leading numbers of a version, to compare: [2026, 8, 0]."""
    return [int(part) for part in re.findall(r"\d+", version)[:3]]


def packages():
    """Compare the installed packages with the oldest allowed."""
    try:
        wanted = [need for need in metadata.requires("segkit") or () if "extra ==" not in need]
    except metadata.PackageNotFoundError:
        return "packages", MISSING, "segkit itself is not installed", SETUP
    absent, old, here = [], [], {}
    for need in wanted:
        name, lowest = re.match(r"([\w.-]+)[^>=]*>=([\d.]+)", need).groups()
        try:
            here[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            absent.append(name)
        else:
            if _parts(here[name]) < _parts(lowest):
                old.append(f"{name} {here[name]} (needed: {lowest})")
    if absent or old:
        found = {"not installed: ": absent, "too old: ": old}
        finding = "; ".join(word + ", ".join(some) for word, some in found.items() if some)
        return "packages", MISSING, finding, SETUP
    named = (f"{name} {here[name]}" for name in ("dask", "dask-image", "scikit-image", "numpy"))
    return "packages", OK, f"{len(here)} recent enough ({', '.join(named)} ...)", ""


def cores(count=None):
    """Count the processor cores that this process may use."""
    if count is None:
        from dask.system import CPU_COUNT as count  # knows the limits of containers
    if count < 2:
        todo = "Everything runs, but nothing at the same time: allow for twice the time."
        return "cores", WARNING, "1 core", todo
    return "cores", OK, f"{count} cores", ""


def _judged(subject, finding, todo, amount, *, least, enough):
    """Judge an amount: too little is missing, less than enough a warning."""
    if amount >= enough:
        return subject, OK, finding, ""
    return subject, MISSING if amount < least else WARNING, finding, todo


def memory(limit=None):
    """Look at the memory that this process may use, in bytes: that of a container, if limited."""
    if limit is None:
        from distributed.system import MEMORY_LIMIT as limit
    todo = "A notebook takes up to 2 GB: close other programs, or raise the container's limit."
    return _judged("memory", f"{limit / GB:.1f} GB", todo, limit, least=GB, enough=2 * GB)


def disk(folder=None, *, free=None):
    """Look whether the folder for the frames can be written to, and has space.

    Parameters
    ----------
    folder : path-like, optional
        ``data.root()`` if not given; it need not exist.
    free : int, optional
        Free bytes there; looked up if not given.
    """
    if folder is None:
        from segkit import data

        folder = data.root()
    folder = Path(folder).absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        todo = "Set SEGKIT_DATA to a folder of your own."
        return "disk", MISSING, f"{there} cannot be written to", todo
    free = shutil.disk_usage(there).free if free is None else free
    todo = "The frames take 0.3 GB, results up to 1 GB: free some space, or set SEGKIT_DATA."
    finding = f"{free / GB:.1f} GB free for {folder}"
    return _judged("disk", finding, todo, free, least=0.3 * GB, enough=1.5 * GB)


def frames():
    """Look for frames without making any."""
    from segkit import data

    fetch = "'segkit fetch' brings the real ones."
    try:
        for kind in ("BBBC039", "simulated"):
            folder = data.root() / kind
            if folder.is_dir() and any(folder.glob("images/*.tif")):
                todo = "" if kind == "BBBC039" else f"Nothing: all notebooks run on them. {fetch}"
                return "frames", OK, data.describe(folder), todo
    except OSError as error:
        return "frames", MISSING, str(error), f"Then look again; {fetch}"
    todo = f"Nothing: simulated ones are made when they are first needed. {fetch}"
    return "frames", WARNING, "none yet", todo


def napari():
    """Ask whether napari can open a window."""
    from segkit import show

    if reason := show.why_not_napari():
        todo = "Only if you want it: the notebooks draw the same layers with Matplotlib."
        return "napari", WARNING, reason, todo
    return "napari", OK, f"{metadata.version('napari')}, with a display", ""


def gpu():
    """Look for CuPy and a device."""
    todo = "Only the notebook on GPUs uses one, and it can be read without."
    try:
        import cupy
    except ImportError:
        driver = "an NVIDIA driver" if shutil.which("nvidia-smi") else "no NVIDIA driver"
        todo = f"{todo} CuPy: pip install cupy-cuda12x or cupy-cuda13x, matching your driver."
        return "GPU", WARNING, f"no CuPy, {driver}", todo
    try:
        name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    except RuntimeError as error:  # CuPy's own errors, without a driver or a device
        return "GPU", WARNING, f"CuPy {cupy.__version__}, but {error}", todo
    return "GPU", OK, f"{name}, CuPy {cupy.__version__}", ""


def dashboard(port=8787):
    """Try whether Dask's dashboard can have its usual port."""
    with socket.socket() as trial:
        if sys.platform == "linux":  # ports of connections that were just closed count as free
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            todo = "Nothing: Dask takes another; follow the link that the client shows."
            return "dashboard", WARNING, f"port {port} is taken", todo
    return "dashboard", OK, f"port {port} is free", ""


def examine():
    """Look at everything.

    Returns
    -------
    list of (str, str, str, str)
        Subject; "ok", "missing" (the course does not run) or "warning"; what was found; what to
        do, "" if nothing.
    """
    findings = []
    for check in (python, packages, cores, memory, disk, frames, napari, gpu, dashboard):
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
    print(f"\nFix before you start: {', '.join(lacking)}." if lacking else f"\n{ready}")
    return not lacking
