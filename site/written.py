"""The pages that each build generates: the status page and those of the package."""

import ast
import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

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

A notebook shows the libraries' own calls.
This small package holds what would distract from them: data, figures, checks and the pipeline.
Arrays are plain NumPy or Dask arrays.
A frame is (rows, columns), a stack is (frames, rows, columns).

{modules}
```{{toctree}}
:hidden:
:glob:

segkit*
```
"""
STATUS = Path(__file__).with_name("status.md.in").read_text("utf-8")


def modules(package):
    """Return the modules of a package with the first line of each docstring, without importing.

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


def api(package):
    """Return the pages of the package: a table of its modules, and a page for each.

    Parameters
    ----------
    package : Path
        The folder of the package.

    Returns
    -------
    dict of str to str
        Markdown by file name.
    """
    found = modules(package)
    pages = {f"{name}.md": AUTOMODULE.format(name=name) for name in found}
    rows = [f"| [`{name}`]({name}.md) | {summary} |" for name, summary in found.items()]
    table = "\n".join(["| module | what it is for |", "|---|---|", *rows, ""])
    pages["index.md"] = API.format(modules=table)
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
    path, run = max(runs, key=lambda item: item[1]["date"])
    return f"{run['date']}, on {path.stem.removeprefix('gpu-')}: `{run['command']}`."


def _measured(row):
    """Return a notebook's row of the table."""
    name = row["notebook"]
    link = f"[{name[:2]} {row['title']}](/notebooks/{name}.ipynb)"
    run_on = row["date"][:16].replace("T", " ")
    return f"| {link} | {row['seconds']} | {row['peak_mb']:,} | {run_on} |"


def status(rows, *, data_set, workers, results):
    """Return the status page.

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
