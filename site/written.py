"""The pages that are written anew by each build: the status page and those of the package."""

import ast
import importlib.metadata
import json
import os
import platform
import re
from datetime import UTC, datetime

from notebook_pages import LIBRARIES

AUTOMODULE = """\
# {name}

```{{eval-rst}}
.. automodule:: {name}
   :members:
```
"""
API = """\
# The package `segkit`

A notebook shows the libraries' own calls. What would distract from them is in this small package:
data, pictures, checks, and the finished pipeline. Arrays are plain NumPy or Dask arrays, a frame is
rows by columns, and a stack is frames by rows by columns.

## Called by the notebooks and snippets

{called}
## Behind them

{behind}
```{{toctree}}
:hidden:
:glob:

segkit*
```
"""
STATUS = """\
# Status

Written by the build of these pages, on {date}.

**Frames:** {data_set}.

**Made with:** Python {python}; {versions}.

## Notebooks

Wall time, the start of the kernel included, and the most memory that the kernel and its child
processes held, while {workers} ran at a time on {cores} cores ({system}). Run alone, each has to
stay under 60 s and 2,000 MB: `make measure` holds them to that. A notebook is run again when it,
the package, the frames or a library has changed.

| notebook | seconds | peak memory (MB) | run on (UTC) |
|---|---:|---:|---|
{rows}

## Last run on a GPU

{gpu}
"""


def _table(modules):
    """Return modules as a Markdown table, each with the first line of its docstring."""
    rows = (f"| [`{name}`]({name}.md) | {summary} |" for name, summary in modules)
    return "\n".join(["| module | what it is for |", "|---|---|", *rows, ""])


def modules(package):
    """Return the modules of a package and the first lines of their docstrings, unimported.

    Parameters
    ----------
    package : Path
        The folder of the package.

    Returns
    -------
    dict of str to str
    """
    found = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
        found[name] = text.split("\n\n")[0].replace("\n", " ")
    return found


def called(sources):
    """Return the modules of the package that some code imports.

    >>> sorted(called(["from segkit import data, show", "from segkit.check import reading as c"]))
    ['segkit.check.reading', 'segkit.data', 'segkit.show']
    """
    names = set()
    for source in sources:
        for parent, some in re.findall(r"^\s*from (segkit[\w.]*) import ([\w, ]+)", source, re.M):
            names |= {f"{parent}.{name.split()[0]}" for name in some.split(",")}
        names |= set(re.findall(r"^\s*import (segkit[\w.]+)", source, re.M))
    return names


def api(package, sources):
    """Return the pages of the package: a table of its modules, and a page for each.

    Parameters
    ----------
    package : Path
        The folder of the package.
    sources : iterable of str
        The code of notebooks and snippets: what they import stands first.

    Returns
    -------
    dict of str to str
        Markdown by file name.
    """
    found, used = modules(package), called(sources)
    # a function that is imported by name counts for its module
    used = {
        name for name in found if name in used or any(u.rpartition(".")[0] == name for u in used)
    }
    used.discard(package.name)
    pages = {f"{name}.md": AUTOMODULE.format(name=name) for name in found}
    first = [item for item in found.items() if item[0] in used]
    rest = [item for item in found.items() if item[0] not in used]
    pages["index.md"] = API.format(called=_table(first), behind=_table(rest))
    return pages


def gpu(results):
    """Describe the newest of the recorded GPU runs, in Markdown.

    Parameters
    ----------
    results : Path
        The folder of the benchmarks' results: ``gpu-<device>.json``.

    Returns
    -------
    str
    """
    runs = [(path, json.loads(path.read_text("utf-8"))) for path in results.glob("gpu-*.json")]
    if not runs:
        return (
            "None yet: no figure in this course was measured on a GPU. The tests that need one are "
            "skipped where there is none."
        )
    path, run = max(runs, key=lambda item: item[1]["date"])
    return f"{run['date']}, on {path.stem.removeprefix('gpu-')}: `{run['command']}`."


def _measured(row):
    """Return a notebook's row of the table."""
    name = row["notebook"]
    link = f"[{name[:2]} {row['title']}](/notebooks/{name}.ipynb)"
    run_on = row["date"][:16].replace("T", " ")
    return f"| {link} | {row['seconds']} | {row['peak_mb']:,} | {run_on} |"


def status(rows, *, data_set, workers, results):
    """Write the status page.

    Parameters
    ----------
    rows : list of dict
        What was measured of each notebook, with the ``date`` of its run.
    data_set : str
        What `segkit.data.describe` says of the frames.
    workers : int
        How many notebooks ran at a time.
    results : Path
        The folder of the benchmarks' results.

    Returns
    -------
    str
    """
    versions = (f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES)
    return STATUS.format(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        data_set=data_set,
        python=platform.python_version(),
        versions=", ".join(versions),
        workers={1: "one", 2: "two"}.get(workers, workers),
        cores=os.cpu_count(),
        system=f"{platform.system()} {platform.machine()}",
        rows="\n".join(map(_measured, rows)),
        gpu=gpu(results),
    )
