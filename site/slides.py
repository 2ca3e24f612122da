"""Make slides of the notebooks: reveal.js, by nbconvert, and without network.

    PYTHONPATH=tools python site/slides.py --into build/slides

A heading begins a slide; what does not fit below it continues on the slide beneath. Tests,
solutions and the part "Going deeper" are left out. A figure is shown without the code that drew it.
"""

import argparse
import re
import shutil
import sys
from copy import deepcopy
from html import escape
from pathlib import Path

import notebook_pages
import sphinx_revealjs
from nbconvert import SlidesExporter

from segkit import data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REVEAL = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
WIDTH, HEIGHT = 1120, 720  # of a slide, in pixels
TEMPLATE = (HERE / "slides.html.j2").read_text("utf-8")
INDEX = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Slides: Image segmentation with Dask</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 1.1rem/1.7 sans-serif; max-width: 42rem; margin: 2rem auto; }}</style>
</head>
<body><main><h1>Slides</h1>
<p>Image segmentation with Dask. Space moves on, Escape shows all slides, F fills the screen.</p>
<ol start="0">
{rows}
</ol></main></body></html>
"""


def _lines(text, width):
    """Count the lines that a text needs at a width in characters."""
    return sum(1 + len(line) // width for line in text.strip().split("\n"))


def height(cell):
    """Estimate the height of a cell on a slide, in pixels."""
    if cell.cell_type == "markdown":
        parts = _parts(cell.source)
        words = sum(38 * _lines(_flowing(part), 90) for part in parts if not _is_code(part))
        code = sum(30 + 23 * _lines(part, 100) for part in parts if _is_code(part))
        return words + code + 14 * (len(parts) - 1) + 40 * cell.source.startswith("#")
    total = 0 if _drawn(cell) else 30 + 23 * _lines(cell.source, 100)
    for output in cell.outputs:
        content = output.get("data", {})
        if "image/png" in content:
            total += 480
        elif "text/html" in content:
            total += 30 + 34 * max(4, "".join(content["text/html"]).count("<tr"))
        else:
            text = (
                output.get("text")
                or content.get("text/plain")
                or "\n".join(output.get("traceback", []))
            )
            total += 14 + 23 * _lines(text, 110)
    return total


def _is_code(part):
    return part.startswith("```")


def _parts(source):
    r"""Divide a text into paragraphs, lists and tables; code between fences stays in one piece.

    >>> _parts("one\ntwo\n\n```\na\n\nb\n```")
    ['one\ntwo', '```\na\n\nb\n```']
    """
    parts, fenced = [[]], False
    for line in source.strip().split("\n"):
        fenced ^= line.startswith("```")
        if line.strip() or fenced:
            parts[-1].append(line)
        elif parts[-1]:
            parts.append([])
    return ["\n".join(part) for part in parts if part]


def _flowing(source):
    r"""Join the lines of each paragraph: a slide breaks lines in other places than the source.

    >>> _flowing("one\ntwo\n\n- a\n- b")
    'one two\n\n- a\n- b'
    """
    return re.sub(r"(?<=[^\n|])\n(?![\n|\-#]|\d+\.)", " ", source)


def _drawn(cell):
    """Return whether a cell shows a figure: the slide then leaves out its code."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def _left_out(cell):
    """Return whether a cell is left out: tests and solutions."""
    return bool(set(cell.metadata.get("tags", [])) & {"test", "solution"})


def paragraphs(cell):
    """Divide a long text into cells of one paragraph, list or table; a heading keeps the next one.

    Parameters
    ----------
    cell : nbformat.NotebookNode

    Returns
    -------
    list of nbformat.NotebookNode
        The cell itself if it is code, or fits on half a slide.
    """
    if cell.cell_type != "markdown" or height(cell) < HEIGHT / 2:
        return [cell]
    parts = _parts(cell.source)
    if parts[0].startswith("#") and len(parts) > 1:
        parts[:2] = ["\n\n".join(parts[:2])]
    cells = []
    for part in parts:
        cells.append(deepcopy(cell))
        cells[-1].source = part
    return cells


def arranged(notebook, stems):
    """Place the cells of an executed notebook on slides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook; it is not changed.
    stems : collection of str
        Stems of the notebooks that have slides.

    Returns
    -------
    nbformat.NotebookNode
        Cells with ``slideshow.slide_type``: "slide" for a heading, "subslide" where the one
        before is full, "skip" for what is left out, else "-".
    """
    notebook = notebook_pages.prepared(notebook, "", stems)
    cells, used = [], 0
    for original in notebook_pages.core(notebook):
        for cell in paragraphs(original):
            cell.source = re.sub(r"\]\((\w+)\.ipynb", r"](\1.slides.html", cell.source)
            cell.source = re.sub(r"\]\((\.\./\w+)\.md", r"](\1.html", cell.source)
            cell.source = re.sub(r"\[([^\]]+)\]\(#[^)]*\)", r"\1", cell.source)  # no such anchors
            heading = cell.cell_type == "markdown" and re.match("##? ", cell.source)
            size = height(cell)
            if _left_out(cell):
                kind, size = "skip", 0
            elif heading or not cells:
                kind, used = "slide", 0
            elif used and used + size > HEIGHT:
                kind, used = "subslide", 0
            else:
                kind = "-"
            used += size
            cell.metadata["slideshow"] = {"slide_type": kind}
            if _drawn(cell):
                cell.metadata["transient"] = {"remove_source": True}
            cells.append(cell)
    for number, cell in enumerate(cells):  # ids of divided cells occur twice
        cell.id = f"cell-{number}"
    notebook.cells = cells
    return notebook


def deck(notebook, *, title, stems):
    """Return an executed notebook as one HTML page of slides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    title : str
    stems : collection of str
        Stems of the notebooks that have slides; links to these lead to their slides.

    Returns
    -------
    str
        HTML that loads reveal.js from the folder ``reveal.js`` beside it.
    """
    exporter = SlidesExporter(
        raw_template=TEMPLATE,
        reveal_url_prefix="reveal.js",
        reveal_theme="white",
        reveal_transition="none",
        reveal_number="c/t",
        reveal_width=str(WIDTH),
        reveal_height=str(HEIGHT),
    )
    notebook = arranged(notebook, stems)
    return exporter.from_notebook_node(notebook, {"metadata": {"name": title}})[0]


def main(arguments=None):
    """Make slides of the notebooks; return the exit status."""
    parser = argparse.ArgumentParser(prog="python site/slides.py", description=main.__doc__)
    parser.add_argument("--into", type=Path, default=ROOT / "build" / "slides")
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time")
    args = parser.parse_args(arguments)
    paths = sorted((ROOT / "notebooks").glob("*.ipynb"))
    cache = args.into.with_name("site-work") / "executed"  # shared with the site
    print(f"data      {data.describe(data.locate())}")
    shutil.copytree(REVEAL, args.into / "reveal.js", dirs_exist_ok=True)
    stems, rows = {path.stem for path in paths}, []
    for notebook, row in notebook_pages.executed(paths, cache, workers=args.workers):
        if row["failure"]:
            print(f"slides: {row['failure']}: correct it, and try again", file=sys.stderr)
            return 1
        stem = row["notebook"]
        html = deck(notebook, title=row["title"], stems=stems)
        (args.into / f"{stem}.slides.html").write_text(html, encoding="utf-8")
        rows.append(f'<li><a href="{stem}.slides.html">{escape(row["title"])}</a></li>')
    (args.into / "index.html").write_text(INDEX.format(rows="\n".join(rows)), encoding="utf-8")
    print(f"slides    of {len(paths)} notebooks\nlook at   {args.into / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
