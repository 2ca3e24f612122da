"""Make slides of the notebooks: reveal.js, by nbconvert, and without network.

    PYTHONPATH=tools python site/slides.py --into build/slides

A heading begins a slide; what does not fit below it continues on the slide beneath. Tests,
solutions and the part "Going deeper" are left out. A figure is shown without the code that drew it.
The speaker's notes (key S) are those of the instructor's guide.
"""

import argparse
import re
import shutil
import struct
import sys
from base64 import b64decode
from copy import deepcopy
from html import escape
from pathlib import Path

import notebook_pages
import sphinx_revealjs
from nbconvert import SlidesExporter
from nbformat.v4 import new_markdown_cell, new_notebook

from segkit import data

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
REVEAL = Path(sphinx_revealjs.__file__).parent / "_static" / "revealjs"
WIDTH, HEIGHT = 1120, 720  # of a slide, in pixels
FIGURE = 560  # greatest height of a figure
LINE, GAP = 34, 24  # height of a line of text or code, and between paragraphs
WORDS, CODE = 92, 78  # characters in a line
ROWS = 18  # lines of code on a slide
TEMPLATE = (HERE / "slides.html.j2").read_text("utf-8")
INDEX = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Slides: Image segmentation with Dask</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body {{ font: 1.1rem/1.7 sans-serif; max-width: 42rem; margin: 2rem auto; }}</style>
</head>
<body><main><h1>Slides</h1>
<p>Image segmentation with Dask. Space moves on, Escape shows all slides, F fills the screen, S
shows the speaker's notes.</p>
<p><a href="opening.slides.html">Opening</a></p>
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
        words = sum(LINE * _lines(_flowing(part), WORDS) for part in parts if not _is_code(part))
        code = sum(30 + LINE * _lines(part, CODE) for part in parts if _is_code(part))
        return words + code + GAP * (len(parts) - 1) + 40 * cell.source.startswith("#")
    total = 0 if _drawn(cell) else 30 + LINE * _lines(cell.source, CODE)
    for output in cell.outputs:
        content = output.get("data", {})
        if "image/png" in content:
            width, tall = struct.unpack(">II", b64decode(content["image/png"])[16:24])
            total += min(FIGURE, WIDTH * tall / width)
        elif "text/html" in content:
            total += 30 + 36 * max(4, "".join(content["text/html"]).count("<tr"))
        else:
            text = (
                output.get("text")
                or content.get("text/plain")
                or "\n".join(output.get("traceback", []))
            )
            total += 14 + LINE * _lines(text, CODE)
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
    """Return whether a slide leaves out a cell's code: it is folded, or draws a figure."""
    folded = "hide-input" in cell.metadata.get("tags", [])
    return folded or any("image/png" in out.get("data", {}) for out in cell.get("outputs", []))


def _left_out(cell):
    """Return whether a cell is left out: tests, book-keeping and solutions."""
    return bool(set(cell.metadata.get("tags", [])) & {"remove-cell", "solution"})


def parts(cell):
    """Divide what is long: a text into paragraphs, lists and tables, a code cell from its outputs.

    Parameters
    ----------
    cell : nbformat.NotebookNode

    Returns
    -------
    list of nbformat.NotebookNode
        The cell itself if it is short. A heading keeps the paragraph that follows it.
    """
    if cell.cell_type == "code" and not _drawn(cell) and height(cell) > HEIGHT:
        outputs, lines = deepcopy(cell), cell.source.split("\n")
        outputs.metadata.tags = [*cell.metadata.get("tags", []), "hide-input"]
        cells = [deepcopy(cell) for _ in range(0, len(lines), ROWS)]
        for number, code in enumerate(cells):
            code.source = "\n".join(lines[number * ROWS : (number + 1) * ROWS])
            code.outputs = []
        return [*cells, outputs] if cell.outputs else cells
    if cell.cell_type != "markdown" or height(cell) < HEIGHT / 2:
        return [cell]
    texts = _parts(cell.source)
    if texts[0].startswith("#") and len(texts) > 1:
        texts[:2] = ["\n\n".join(texts[:2])]
    cells = []
    for part in texts:
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
        if original.cell_type == "code":  # without what workers log
            original.outputs = [out for out in original.outputs if out.get("name") != "stderr"]
        for cell in parts(original):
            cell.source = re.sub(r"\]\((\w+)\.ipynb", r"](\1.slides.html", cell.source)
            cell.source = re.sub(r"\]\((\.\./\w+)\.md", r"](\1.html", cell.source)
            cell.source = re.sub(r"\[([^\]]+)\]\(#[^)]*\)", r"\1", cell.source)  # no such anchors
            heading = cell.cell_type == "markdown" and re.match("##? ", cell.source)
            size = GAP + height(cell)
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


def notes(stem):
    """Return what the instructor's guide says of a notebook, in Markdown."""
    guide = (HERE / "teach" / "notebooks.md").read_text("utf-8")
    entry = re.search(rf"^## {stem[:2]} .*\n((?:.|\n)*?)(?=^## |\Z)", guide, re.M)
    return re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", entry[1]).strip()


def openings():
    """Return the opening slides, in Markdown."""
    page = (HERE / "teach" / "opening.md").read_text("utf-8")
    return [f"## {part}" for part in page.split("\n## ")[1:]]


def deck(notebook, *, title, stems, spoken=""):
    """Return an executed notebook as one HTML page of slides.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
    title : str
    stems : collection of str
        Stems of the notebooks that have slides; links to these lead to their slides.
    spoken : str, optional
        The speaker's notes, on the first slide, in Markdown.

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
    if spoken:
        kind = {"slideshow": {"slide_type": "notes"}}
        notebook.cells.insert(1, new_markdown_cell(spoken, metadata=kind))
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
            print(f"slides: {row['failure']}: {notebook_pages.GO_ON}", file=sys.stderr)
            return 1
        stem = row["notebook"]
        html = deck(notebook, title=row["title"], stems=stems, spoken=notes(stem))
        (args.into / f"{stem}.slides.html").write_text(html, encoding="utf-8")
        rows.append(f'<li><a href="{stem}.slides.html">{escape(row["title"])}</a></li>')
    opening = new_notebook(cells=[new_markdown_cell(text) for text in openings()])
    html = deck(opening, title="Opening", stems=stems)
    (args.into / "opening.slides.html").write_text(html, encoding="utf-8")
    (args.into / "index.html").write_text(INDEX.format(rows="\n".join(rows)), encoding="utf-8")
    print(f"slides    of {len(paths)} notebooks\nlook at   {args.into / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
