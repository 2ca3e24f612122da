"""Run notebooks, each in a process of its own, and prepare them for pages.

The site, the slides and ``make run`` all execute and prepare their notebooks here.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from copy import deepcopy
from datetime import UTC, datetime
from html import escape
from itertools import takewhile
from pathlib import Path

import nbformat
import psutil

import segkit
from segkit import data

OWNER = "dask-segmentation/image-segmentation-with-dask"
REPOSITORY = f"https://github.com/{OWNER}"
WEB = "https://dask-segmentation.github.io/image-segmentation-with-dask"
LAUNCH = f"""

{{{{.launch}}}}
[Launch on Binder](https://mybinder.org/v2/gh/{OWNER}/HEAD?urlpath=lab/tree/notebooks/{{stem}}.ipynb)
[Open in Colab](https://colab.research.google.com/github/{OWNER}/blob/main/notebooks/{{stem}}.ipynb)
[Slides]({WEB}/slides/{{stem}}.slides.html)
"""
LIBRARIES = ("dask", "distributed", "dask-image", "numpy", "scipy", "scikit-image", "matplotlib")
# seconds per cell; by default twice what a complete notebook may take
TIMEOUT = int(os.environ.get("SEGKIT_TIMEOUT", "120"))
GO_ON = "correct it, and try again: what ran is kept (on a slow machine set SEGKIT_TIMEOUT=300)"
WIDGET = "application/vnd.jupyter.widget-view+json"
ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours of a traceback
BADGE = re.compile(r"^\[!\[[^\]]*\]\(https?://[^)]*\)\]\([^)]*\)\n?", re.M)
BOOKKEEPING = re.compile(r"# (Work (beside|in)|Back to the folder|On Google Colab)\b")
LINK = re.compile(r"\[([^\]]*)\]\(([\w./-]+)(#[^)\s]*)?\)")


def read(path):
    """Read a notebook.

    Raises
    ------
    ValueError
        If the file is not a notebook, or has no cell.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # not JSON, not a notebook, a later format: a different one for each
        raise ValueError(f"{path} cannot be read as a notebook ({error}): save it again") from error
    if not notebook.cells:
        raise ValueError(f"{path} has no cells: write some, or remove it")
    return notebook


def title(notebook):
    """Return a notebook's title: the heading of its first cell."""
    return notebook.cells[0].source.split("\n")[0].lstrip("# ")


def core(notebook):
    """Return the cells of a notebook that come before its part "Going deeper"."""

    def comes_before(cell):
        heading = re.match(r"## Going deeper *$", cell.source, re.M)
        return cell.cell_type != "markdown" or not heading

    return list(takewhile(comes_before, notebook.cells))


# ---- running


def _resident(process):
    """Return a process's resident memory in bytes, 0 if it has just ended."""
    with suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _measured(command, env, stop):
    """Run a command; return its exit status, standard error, and the peak memory of its children.

    When `stop` is set the command ends with all its children: a kernel has a session of its own,
    which Ctrl-C does not reach.
    """
    peak = 0
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = psutil.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=errors)
        try:
            while process.poll() is None and not stop.is_set():
                with suppress(psutil.Error):
                    peak = max(peak, sum(map(_resident, process.children(recursive=True))))
                time.sleep(0.1)
        finally:
            with suppress(psutil.Error):
                for one in [*process.children(recursive=True), process]:
                    with suppress(psutil.Error):
                        one.kill()
        errors.seek(0)
        return process.wait(), errors.read(), peak


def _failure(notebook):
    """Return the first error of an executed notebook as one line, None if there is none."""
    codes = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for number, cell in enumerate(codes, 1):
        if "raises-exception" in cell.metadata.get("tags", []):
            continue
        for error in (output for output in cell.outputs if output.output_type == "error"):
            # A bare assertion has no message: the line that raised it says most.
            raised = re.findall(r"^-+> \d+ (.*)", ANSI.sub("", "\n".join(error.traceback)), re.M)
            message = error.evalue.strip().split("\n")[0] or "".join(raised[-1:])
            return f"cell {number}: {error.ename}: {message}"
    return None


def execute(path, kept, *, stop):
    """Execute one notebook with nbconvert, and measure it.

    Parameters
    ----------
    path : Path
        The notebook; its folder is the kernel's working directory. The file is not changed.
    kept : Path
        Where to write the executed notebook; it is written too if a cell failed.
    stop : threading.Event
        Ends the notebook when it is set.

    Returns
    -------
    dict
        notebook (stem), title, date (UTC), seconds (wall time, start of the kernel included),
        peak_mb (10**6 bytes: the kernel with its child processes) and failure (None, or one line
        that names the notebook and the cell).
    """
    heading = title(read(path))
    # Pages show what Matplotlib draws, not a window that nobody looks at.
    env = {"SEGKIT_VIEWER": "matplotlib", **os.environ, "SEGKIT_DATA": str(data.root().resolve())}
    command = [sys.executable, "-m", "nbconvert", "--to=notebook", "--execute", "--allow-errors"]
    command += [f"--ExecutePreprocessor.timeout={TIMEOUT}", "--log-level=ERROR"]
    command += ["--output-dir", kept.parent, "--output", kept.name, path]
    for _ in range(3):  # another program can take a kernel's port before the kernel binds it
        start = time.perf_counter()
        status, errors, peak = _measured([str(word) for word in command], env, stop)
        if "Kernel died before replying" not in errors:
            break
    lines = re.findall(r"^[\w.]*(?:Error|Exception|Timeout)\b.*", errors, re.M)
    failure = (
        (lines or ["nbconvert failed"])[-1].rstrip(".")
        if status
        else _failure(nbformat.read(kept, as_version=4))
    )
    return {
        "notebook": path.stem,
        "title": heading,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - start, 1),
        "peak_mb": round(peak / 1e6),
        "failure": f"{path.name}, {failure}" if failure else None,
    }


def fingerprint(path):
    """Return a hash of everything that a notebook's outputs depend on.

    These are the notebook, the package, the frames in use and the versions of the libraries.
    """
    digest = hashlib.sha256(path.read_bytes())
    for path in sorted(Path(segkit.__file__).parent.rglob("*.*")):
        if path.is_file() and path.suffix != ".pyc":
            digest.update(path.read_bytes())
    versions = [importlib.metadata.version(name) for name in LIBRARIES]
    frames = data.describe(data.locate())
    digest.update(repr([frames, platform.python_version(), versions]).encode())
    return digest.hexdigest()[:16]


def executed(paths, cache, *, workers=2):
    """Execute notebooks; reuse what an earlier call kept if nothing has changed since.

    Parameters
    ----------
    paths : sequence of Path
        Notebooks.
    cache : Path
        Where executed notebooks are kept; one that failed is run again.
    workers : int, optional
        How many run at a time.

    Yields
    ------
    nbformat.NotebookNode, dict
        The notebook with its outputs and what `execute` measured, in the order given; the notebook
        is None if nothing could be executed.
    """
    cache.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()

    def one(path):
        kept = cache / f"{path.stem}-{fingerprint(path)}.ipynb"
        note = kept.with_suffix(".json")
        if note.is_file():
            return nbformat.read(kept, as_version=4), json.loads(note.read_text("utf-8"))
        for old in cache.glob(f"{path.stem}-*"):
            old.unlink()
        row = execute(path.resolve(), kept.resolve(), stop=stop)
        if not row["failure"]:
            note.write_text(json.dumps(row), "utf-8")
        return nbformat.read(kept, as_version=4) if kept.is_file() else None, row

    with ThreadPoolExecutor(workers) as pool:
        try:
            yield from pool.map(one, paths)
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def undescribed(notebook):
    """Count the pictures among a notebook's outputs that have no alternative text."""
    return sum(
        not output.get("metadata", {}).get("image/png", {}).get("alt", "").strip()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )


# ---- pages


def fitted(text, stems):
    """Make the badges and links of a notebook's text fit a page.

    Badges, which are pictures from the network, are removed. A link to a notebook without a page
    becomes plain text; a link to a page in ``site`` leads there, and one to another file of the
    repository to its source.

    >>> fitted("[a](01_a.ipynb#x) [b](99_b.ipynb)", {"01_a"})
    '[a](01_a.ipynb#x) b'
    >>> fitted("[chunk](../site/glossary.md)", {})
    '[chunk](../glossary.md)'
    >>> fitted("[run](../snippets/run.py)", {}).removeprefix("[run]")
    '(https://github.com/dask-segmentation/image-segmentation-with-dask/blob/main/snippets/run.py)'
    """

    def place(match):
        words, target, anchor = match[1], match[2], match[3] or ""
        if re.fullmatch(r"\.\./site/\w+\.md", target):
            return f"[{words}](../{target.removeprefix('../site/')}{anchor})"
        if target.startswith("../"):
            return f"[{words}]({REPOSITORY}/blob/main/{target[3:]}{anchor})"
        if target.endswith(".ipynb") and Path(target).stem not in stems:
            return words
        return match[0]

    return LINK.sub(place, BADGE.sub("", text))


def _still(output):
    """Make an output fit a page without a kernel, in place.

    Widgets do nothing there: only their text is kept. Drawings of Dask arrays get a name for screen
    readers, the text that Dask prints for the same array.
    """
    content = output.get("data", {})
    content.pop(WIDGET, None)
    html = "".join(content.get("text/html", ""))
    if "<svg" in html:
        text = escape("".join(content.get("text/plain", "a Dask collection")), quote=True)
        named = f'<svg role="img" aria-label="Drawing of {text}"'
        content["text/html"] = re.sub(r"<svg(?! role)", named.replace("\\", r"\\"), html)


def prepared(notebook, stem, stems):
    """Turn an executed notebook into the source of a page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook; it is not changed.
    stem : str
        Its stem; the number that it begins with becomes part of the title, and links below it
        open the notebook on Binder and Colab, and its slides. With "" there are none.
    stems : collection of str
        Stems of the notebooks that have a page.

    Returns
    -------
    nbformat.NotebookNode
        Cells with ``jupyter.source_hidden`` are folded under their first line, tests and
        book-keeping are left out; links and outputs fit a page.
    """
    notebook = deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    first = notebook.cells[0]
    first.source = re.sub("^# ", f"# {stem[:2]} ", fitted(first.source, stems)).rstrip()
    if stem:
        first.source += LAUNCH.format(stem=stem)
    for cell in notebook.cells[1:]:
        if cell.cell_type == "markdown":
            cell.source = fitted(cell.source, stems)
            continue
        if "napari" in cell.metadata.get("tags", []):
            cell.outputs = []  # that it cannot open a window: it was not asked to
        for output in cell.outputs:
            _still(output)
        if "test" in cell.metadata.get("tags", []) or BOOKKEEPING.match(cell.source):
            cell.metadata.tags = [*cell.metadata.get("tags", []), "remove-cell"]
        elif cell.metadata.get("jupyter", {}).get("source_hidden"):
            caption = cell.source.strip().split("\n")[0].lstrip("# ") or "Code"
            cell.metadata.tags = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata.mystnb = {"code_prompt_show": caption, "code_prompt_hide": caption}
    return notebook
