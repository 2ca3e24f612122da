"""Run notebooks, measure them, and write what they show as pages.

    python tools/run_notebooks.py notebooks --into build/course

Each page is nbconvert's own, without the cells that test the course, the solutions of the exercises
and the code that is folded in the notebook; a notebook that failed gets its page too. A notebook
runs again when it, the package, the frames or a library has changed. The wall time and the peak
memory of each are measured.
"""

import argparse
import re
import sys
from pathlib import Path

import notebook_pages
from nbconvert import HTMLExporter
from traitlets.config import Config

from segkit import data

ROOT = Path(__file__).resolve().parents[1]
STRIPPED = {"test", "solution"}


def page(notebook, stem, stems):
    """Turn an executed notebook into one HTML page with nbconvert's classic template.

    That template keeps the alternative texts of figures, as nbconvert's default one does not.
    """
    config = Config()
    config.TagRemovePreprocessor.remove_cell_tags = STRIPPED
    exporter = HTMLExporter(config=config, template_name="classic", embed_images=True)
    notebook = notebook_pages.prepared(notebook, stem, stems)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\((\w+)\.ipynb", r"](\1.html", cell.source)
            cell.source = re.sub(
                r"\]\(\.\./(\w+)\.md", rf"]({notebook_pages.WEB}/\1.html", cell.source
            )
        elif "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["transient"] = {"remove_source": True}
    metadata = {"name": stem, "path": str(ROOT / "notebooks")}  # where its pictures are
    return exporter.from_notebook_node(notebook, {"metadata": metadata})[0]


INDEX = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Image segmentation with Dask</title>
<style>body {{ font: 1.1rem/1.6 sans-serif; max-width: 42rem; margin: 2rem auto; }}</style></head>
<body><main><h1>Image segmentation with Dask</h1><p>{data_set}</p><ul>
{rows}
</ul></main></body></html>
"""


def index(rows, data_set):
    """Write the page that links to all others."""
    link = '<li><a href="{notebook}.html">{title}</a> ({seconds} s, {peak_mb} MB)</li>'
    return INDEX.format(data_set=data_set, rows="\n".join(link.format(**row) for row in rows))


def _found(patterns):
    """Return the notebooks of folders, patterns and file names (PowerShell expands none)."""
    for pattern in map(Path, patterns):
        folder, name = (pattern, "*.ipynb") if pattern.is_dir() else (pattern.parent, pattern.name)
        paths = sorted(folder.glob(name))
        if not paths:
            raise ValueError(f"no notebook at {pattern}: give a folder, a file or a pattern")
        yield from paths


def violations(notebook, row, args):
    """Yield one line for each promise of the course that a notebook breaks."""
    name = row["notebook"]
    if row["failure"]:
        yield row["failure"]
    elif count := notebook_pages.undescribed(notebook):
        yield f"{name}: {count} picture(s) without alternative text"
    if args.seconds and row["seconds"] > args.seconds:
        yield f"{name}: took {row['seconds']} s, more than {args.seconds:g} s"
    if args.megabytes and row["peak_mb"] > args.megabytes:
        yield f"{name}: held {row['peak_mb']} MB, more than {args.megabytes:g} MB"


def main(arguments=None):
    """Run notebooks and write their pages; return the exit status."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("notebooks", nargs="+", help="notebooks, folders or patterns")
    parser.add_argument("--into", type=Path, required=True, help="folder for the pages")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    parser.add_argument("--seconds", type=float, help="fail if a notebook takes longer")
    parser.add_argument("--megabytes", type=float, help="fail if a kernel holds more memory")
    args = parser.parse_args(arguments)
    try:
        paths = list(_found(args.notebooks))
        data_set = data.describe(data.locate())  # simulated frames are made here, once
        print(f"data      {data_set}")
        args.into.mkdir(parents=True, exist_ok=True)
        rows, broken, stems = [], [], {path.stem for path in paths}
        for notebook, row in notebook_pages.executed(
            paths, args.into / "run", workers=args.workers
        ):
            print(f"{row['notebook']:28} {row['seconds']:5} s {row['peak_mb']:5} MB", flush=True)
            rows.append(row)
            broken += violations(notebook, row, args)
            if notebook:
                html = page(notebook, row["notebook"], stems)
                (args.into / f"{row['notebook']}.html").write_text(html, "utf-8")
    except (OSError, ValueError) as error:
        print(f"run_notebooks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("run_notebooks: stopped; the finished pages are there", file=sys.stderr)
        return 130
    (args.into / "index.html").write_text(index(rows, data_set), "utf-8")
    for line in broken:
        print(f"run_notebooks: {line}", file=sys.stderr)
    print(f"look at   {args.into / 'index.html'}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
