"""Build the web site: execute the notebooks, put the sources together, run Sphinx.

    PYTHONPATH=tools python site/build.py --into build/site

The sources are this folder's pages, the executed notebooks, and what is written anew each time:
the map of the course, the gallery of snippets, the pages of the package and the status page.
"""

import argparse
import shutil
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import notebook_pages
import pages
import written

import segkit
from segkit import data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent


def write(path, text):
    """Write a file, and the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def collect(folder, runs, *, data_set, workers):
    """Put the sources of all pages together.

    Parameters
    ----------
    folder : Path
        Where to; what is there goes.
    runs : dict of str to (nbformat.NotebookNode, dict)
        Executed notebooks by stem, and what was measured.
    data_set : str
        What `segkit.data.describe` says of the frames.
    workers : int
        How many notebooks ran at a time.
    """
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(HERE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, HERE / "snippets.py", "--into", folder / "copy"], check=True)
    notebooks = {stem: notebook for stem, (notebook, _) in runs.items()}
    for stem, notebook in notebooks.items():
        page = notebook_pages.prepared(notebook, stem, notebooks)
        write(folder / "notebooks" / f"{stem}.ipynb", nbformat.writes(page) + "\n")
    write(folder / "generated" / "map.md", pages.course_map(notebooks))
    write(folder / "generated" / "colab.txt", (ROOT / "binder" / "colab.txt").read_text("utf-8"))
    code = [path.read_text("utf-8") for path in sorted(ROOT.glob("snippets/*.py"))]
    code += [
        cell.source
        for notebook in notebooks.values()
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    for name, page in written.api(Path(segkit.__file__).parent, code).items():
        write(folder / "api" / name, page)
    results = ROOT / "benchmarks" / "results"
    rows = [row for _, row in runs.values()]
    status = written.status(rows, data_set=data_set, workers=workers, results=results)
    write(folder / "status.md", status)


def main(arguments=None):
    """Build the web site; return the exit status."""
    parser = argparse.ArgumentParser(prog="python site/build.py", description=main.__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "site")
    parser.add_argument("--notebooks", default="*.ipynb", help="those that fit a pattern")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    args = parser.parse_args(arguments)
    start, into = time.perf_counter(), args.into.resolve()
    work = into.with_name(f"{into.name}-work")
    if into.is_dir() and any(into.iterdir()) and not (into / ".buildinfo").is_file():
        print(f"site: {into} holds something else: name another folder", file=sys.stderr)
        return 1
    data_set = data.describe(data.locate())
    print(f"data      {data_set}")
    paths = sorted((ROOT / "notebooks").glob(args.notebooks))
    runs = {}
    for notebook, row in notebook_pages.executed(paths, work / "executed", workers=args.workers):
        if row["failure"]:
            print(f"site: {row['failure']}: correct it, and build again", file=sys.stderr)
            return 1
        runs[row["notebook"]] = notebook, row
    print(f"notebooks {len(runs)} in {time.perf_counter() - start:.0f} s")
    collect(work / "source", runs, data_set=data_set, workers=args.workers)
    # A fresh start takes half a minute and forgets no page: links depend on all others.
    for folder in (into, work / "trees"):
        shutil.rmtree(folder, ignore_errors=True)
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-j", "2"]
    places = ["-d", work / "trees", "-b", "html", work / "source", into]
    if subprocess.run([*sphinx, *places]).returncode:
        print("site: Sphinx warned (above): mend that, and build again", file=sys.stderr)
        return 1
    for path in paths:  # the download button gives the notebook itself, not the page's source
        shutil.copy(path, into / "_sources" / "notebooks" / path.name)
    print(f"pages     {len(list(into.rglob('*.html')))} in {time.perf_counter() - start:.0f} s")
    print(f"look at   {args.into / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
