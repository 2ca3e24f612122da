"""Executed notebooks, kept from one build of the site to the next.

A notebook runs again when the notebook, the package, the frames in use or a library that shows in
its outputs has changed.
"""

import hashlib
import importlib.metadata
import json
import os
import platform
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from tqdm import tqdm

import segkit
from segkit import course, data
from segkit.pages import kernel, source

LIBRARIES = (*course.VERSIONS, "distributed", "matplotlib")


def fingerprint(path, folder):
    """Return a hash of all that the outputs of a notebook depend on.

    Parameters
    ----------
    path : Path
        The notebook.
    folder : Path
        The frames in use.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    digest = hashlib.sha256(path.read_bytes())
    for module in sorted(Path(segkit.__file__).parent.rglob("*.py")):
        digest.update(module.read_bytes())
    libraries = [importlib.metadata.version(name) for name in LIBRARIES]
    digest.update(repr([data.describe(folder), platform.python_version(), libraries]).encode())
    return digest.hexdigest()[:16]


def _run(path, kept, **options):
    """Execute one notebook; keep it, and what was measured, if it ran to its end."""
    notebook, row = kernel.execute(path, **options)
    row["date"] = datetime.now(UTC).isoformat(timespec="seconds")
    if not row["failure"]:
        for old in kept.parent.glob(f"{path.stem}-*"):
            old.unlink()
        nbformat.write(notebook, kept)
        kept.with_suffix(".json").write_text(json.dumps(row), "utf-8")
    return notebook, row


def executed(paths, *, cache, workers=2, reuse=False, progress=True):
    """Return notebooks with their outputs, running those whose outputs are not at hand.

    Parameters
    ----------
    paths : sequence of Path
        Notebooks.
    cache : Path
        Where executed notebooks are kept.
    workers : int, optional
        How many run at a time.
    reuse : bool, optional
        Take what is kept of a notebook even if something has changed since.
    progress : bool, optional
        Show a progress bar on stderr.

    Returns
    -------
    list of (nbformat.NotebookNode, dict, bool)
        Notebook, what `segkit.pages.kernel.execute` measured with the ``date`` of that run, and
        whether it ran just now.
    """
    cache.mkdir(parents=True, exist_ok=True)
    folder = data.locate()
    env = {"SEGKIT_VIEWER": "matplotlib", **os.environ, "SEGKIT_DATA": str(data.root().resolve())}
    kept = {path: cache / f"{path.stem}-{fingerprint(path, folder)}.ipynb" for path in paths}
    if reuse:
        for path in paths:
            kept[path] = next(iter(sorted(cache.glob(f"{path.stem}-*.ipynb"))), kept[path])
    new = {path for path in paths if not kept[path].with_suffix(".json").is_file()}
    cells = sum(source.count_cells(path) for path in new)
    bar = tqdm(total=cells, unit="cell", desc="notebooks", disable=not (progress and new))

    def one(path, running):
        if path in new:
            return *_run(path, kept[path], env=env, step=bar.update, running=running), True
        row = json.loads(kept[path].with_suffix(".json").read_text("utf-8"))
        return nbformat.read(kept[path], as_version=4), row, False

    with bar:
        return kernel.side_by_side(one, paths, workers=workers)
