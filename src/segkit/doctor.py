"""Is this machine ready for the course? One finding per subject, and what to do about it.

Of what is optional, such as napari and a GPU, the notebooks that use it say whether it is there.
Only the standard library is imported at the top: the report has to come also where packages are
missing.
"""

import os
import platform
import re
import shutil
from importlib import metadata

OK, MISSING, WARNING = "ok", "missing", "warning"
GB = 1e9
SETUP = "Run 'make setup', or 'pip install -e . -c constraints.txt' in the checkout."


def packages():
    """Look whether all packages are there; pip and conda see to it that they are recent enough."""
    needs = [need for need in metadata.requires("segkit") if "extra ==" not in need]
    names = [re.match(r"[\w.-]+", need)[0] for need in needs]
    versions = {name: metadata.version(name) for name in names}  # ImportError: one is missing
    named = ("dask", "dask-image", "scikit-image", "numpy")
    found = ", ".join(f"{name} {versions[name]}" for name in named)
    python = f"Python {platform.python_version()} on {platform.system()}"
    return "packages", OK, f"{len(names)} are there ({found} ...), {python}", ""


def cores():
    """Count the processor cores that this process may use."""
    from dask.system import CPU_COUNT  # knows the limits of containers

    todo = "Everything runs, but nothing at the same time: allow for twice the time."
    return _judged("cores", CPU_COUNT, f"{CPU_COUNT}", todo, least=1, enough=2)


def _judged(subject, amount, finding, todo, *, least, enough):
    """Judge an amount: too little is missing, less than enough a warning."""
    if amount >= enough:
        return subject, OK, finding, ""
    return subject, MISSING if amount < least else WARNING, finding, todo


def memory():
    """Look at the memory that this process may use: that of a container, if limited."""
    from distributed.system import MEMORY_LIMIT

    todo = "A notebook takes up to 2 GB: close other programs, or raise the container's limit."
    finding = f"{MEMORY_LIMIT / GB:.1f} GB"
    return _judged("memory", MEMORY_LIMIT, finding, todo, least=GB, enough=2 * GB)


def disk():
    """Look whether the folder for the frames can be written to, and has space."""
    from segkit import data

    folder = data.root().absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        todo = "Set SEGKIT_DATA to a folder of your own."
        return "disk", MISSING, f"{there} cannot be written to", todo
    free = shutil.disk_usage(there).free
    todo = "The frames take 0.3 GB, results up to 1 GB: free some space, or set SEGKIT_DATA."
    finding = f"{free / GB:.1f} GB free for {folder}"
    return _judged("disk", free, finding, todo, least=0.3 * GB, enough=1.5 * GB)


def frames():
    """Look for frames without making any."""
    from segkit import data

    fetch = "'segkit fetch' brings the real ones."
    for kind in (data.DATASET.name, "simulated"):
        folder = data.root() / kind
        if any(folder.glob("images/*.tif")):
            todo = f"Nothing: all notebooks run on them. {fetch}" if kind == "simulated" else ""
            return "frames", OK, data.describe(folder), todo
    todo = f"Nothing: simulated ones are made when they are first needed. {fetch}"
    return "frames", WARNING, "none yet", todo


def examine():
    """Look at everything.

    Returns
    -------
    list of (str, str, str, str)
        Subject; "ok", "missing" (the course does not run) or "warning"; what was found; what to
        do, "" if nothing.
    """
    findings = []
    for check in (packages, cores, memory, disk, frames):
        try:
            findings.append(check())
        except (ImportError, OSError) as error:
            todo = SETUP if isinstance(error, ImportError) else "Then look again."
            findings.append((check.__name__, MISSING, str(error), todo))
    return findings


def report():
    """Print a table of what `examine` finds.

    Returns
    -------
    bool
        Whether nothing is missing; warnings do not count.
    """
    findings = examine()
    for subject, status, finding, todo in findings:
        print(f"{subject:10} {status:8} {finding}")
        if todo:
            print(f"{'':20}-> {todo}")
    lacking = [subject for subject, status, *_ in findings if status == MISSING]
    print(f"\nFix before you start: {', '.join(lacking)}." if lacking else "\nReady to start.")
    return not lacking
