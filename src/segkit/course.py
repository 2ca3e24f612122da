"""Run the course's notebooks and write what they show as pages.

    python -m segkit.course notebooks --into build/course

Each notebook gets a kernel of its own, ``workers`` of them at a time. Its wall time and the peak
memory of its kernel are measured on the way, because the course promises limits for both.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.dataset
from tqdm import tqdm

from segkit import data as frames
from segkit import writing
from segkit.pages import kernel, page, source

VERSIONS = ("dask", "dask-image", "numpy", "scipy", "scikit-image", "pandas", "tifffile")


def run(notebooks, out, *, workers=2, data=None, progress=True):
    """Execute notebooks, each in its own kernel, and write one page for each.

    Parameters
    ----------
    notebooks : sequence of path
        Notebooks; each kernel's working directory is its notebook's folder.
    out : path
        Folder for the pages, made if need be: ``out/<stem>.html``.
    workers : int, optional
        How many notebooks run at a time.
    data : path, optional
        The folder that holds the data sets, as ``SEGKIT_DATA`` names it; by default the one
        that ``segkit.data.root`` gives here.
    progress : bool, optional
        Show a progress bar on stderr.

    Returns
    -------
    list of dict
        In the order given, what `segkit.pages.kernel.execute` measured, and undescribed: how many
        pictures have no alternative text. The page of a notebook that failed is written too,
        up to the cell that failed.

    Raises
    ------
    ValueError
        If a file is no notebook; then none is run.
    OSError
        If `out` cannot be made: one line that says what to do.
    """
    paths, out = [Path(notebook).resolve() for notebook in notebooks], Path(out)
    cells = sum(source.count_cells(path) for path in paths)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(writing.unwritable(error, out, choose="--into")) from error
    # kernels do not share this process's working directory: an absolute path holds in all
    # and a page shows what Matplotlib draws, not a window that nobody looks at
    env = {"SEGKIT_VIEWER": "matplotlib", **os.environ}
    env["SEGKIT_DATA"] = str(Path(data or frames.root()).resolve())
    stems = {path.stem for path in paths}
    bar = tqdm(total=cells, unit="cell", desc="notebooks", disable=not progress)

    def one(path, running):
        notebook, row = kernel.execute(path, env=env, step=bar.update, running=running)
        if running.ended:  # a page that was finished in an earlier run is left as it is
            return row
        html = page.page(notebook, title=row["title"], pages=stems)
        (out / f"{path.stem}.html").write_text(html, encoding="utf-8")
        return {**row, "undescribed": page.undescribed(notebook)}

    with bar:
        return kernel.side_by_side(one, paths, workers=workers)


def report(rows, *, data_set):
    """Put the measured rows beside what they were measured with.

    Parameters
    ----------
    rows : list of dict
        What `run` returned.
    data_set : str
        What `segkit.data.describe` says of the frames.

    Returns
    -------
    dict
        date (UTC), data_set, python, system, cores, versions, notebooks.
    """
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "data_set": data_set,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "versions": {name: importlib.metadata.version(name) for name in VERSIONS},
        "notebooks": rows,
    }


def markdown(result):
    """Write a report as a Markdown table, the conditions above it."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    return "\n".join(
        [
            f"{result['data_set']}; {result['date']}; {result['cores']} cores, "
            f"{result['system']}; Python {result['python']}; {versions}.",
            "",
            "| notebook | seconds | peak memory (MB) |",
            "| --- | ---: | ---: |",
            *(
                f"| {r['notebook']} | {r['seconds']} | {r['peak_mb']} |"
                for r in result["notebooks"]
            ),
            "",
        ]
    )


def _found(patterns):
    """Return the notebooks that folders, patterns and file names stand for, sorted in each.

    PowerShell leaves patterns to the program, hence this.
    """
    for pattern in map(Path, patterns):
        folder, name = (pattern, "*.ipynb") if pattern.is_dir() else (pattern.parent, pattern.name)
        paths = sorted(folder.glob(name))
        if not paths:
            msg = f"no notebook at {pattern}: give a folder, a file or a pattern"
            raise ValueError(msg)
        yield from paths


def _faults(rows, seconds, megabytes):
    """Yield one line for each promise of the course that a measured notebook breaks."""
    for row in rows:
        name = row["notebook"]
        if row["failure"]:
            yield row["failure"]
        if row["undescribed"]:
            yield f"{name}: {row['undescribed']} picture(s) without alternative text"
        if seconds and row["seconds"] > seconds:
            yield f"{name}: took {row['seconds']} s, more than {seconds:g} s"
        if megabytes and row["peak_mb"] > megabytes:
            yield f"{name}: held {row['peak_mb']} MB, more than {megabytes:g} MB"


def main(arguments=None):
    """Run notebooks from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m segkit.course", description=main.__doc__)
    parser.add_argument("notebooks", nargs="+", help="notebooks, folders or patterns")
    parser.add_argument("--into", type=Path, required=True, help="folder for the pages")
    parser.add_argument("--table", type=Path, help="also write the table here, .md and .json")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--seconds", type=float, help="fail if a notebook takes longer")
    parser.add_argument("--megabytes", type=float, help="fail if a kernel holds more memory")
    parser.add_argument("--nuclei", type=Path, help="a Parquet table to sum up at the end")
    args = parser.parse_args(arguments)
    start = time.perf_counter()
    try:
        notebooks = list(_found(args.notebooks))
        if args.nuclei and not args.nuclei.exists():
            raise ValueError(f"There is no {args.nuclei}: 'segkit segment' writes such a table.")
        folder = frames.locate()  # simulated frames are made once, before kernels ask for them
        rows = run(notebooks, args.into, workers=args.workers)
    except (OSError, ValueError) as error:
        print(f"segkit.course: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("segkit.course: stopped; the pages that were finished are there", file=sys.stderr)
        return 130
    result = report(rows, data_set=frames.describe(folder))
    (args.into / "index.html").write_text(page.index(result), encoding="utf-8")
    if args.table:
        args.table.parent.mkdir(parents=True, exist_ok=True)
        args.table.with_suffix(".md").write_text(markdown(result), encoding="utf-8")
        args.table.with_suffix(".json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print(markdown(result))
    faults = list(_faults(result["notebooks"], args.seconds, args.megabytes))
    for fault in faults:
        print(f"segkit.course: {fault}", file=sys.stderr)
    print(f"data      {result['data_set']}\nframes    {len(frames.images(folder))}")
    if args.nuclei:
        nuclei = pyarrow.dataset.dataset(args.nuclei, format="parquet").count_rows()
        print(f"nuclei    {nuclei} ({args.nuclei})")
    print(f"notebooks {len(notebooks)} in {time.perf_counter() - start:.0f} s")
    print(f"look at   {args.into / 'index.html'}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
