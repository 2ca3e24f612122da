"""Make slides of the notebooks: reveal.js, by nbconvert, and without network.

    PYTHONPATH=tools python site/slides.py --into build/slides

A deck begins with its title, and a heading begins a slide; what does not fit continues on the slide
beneath. Tests, solutions and the part "Going deeper" are left out. A figure is shown without the
code that drew it. The speaker's notes (key S) are those of the instructor's guide.
"""

import argparse
import re
import shutil
import struct
import sys
from base64 import b64decode
from copy import deepcopy
from pathlib import Path

import conf
import notebook_pages
import pages
import sphinx_revealjs
from jinja2 import Template
from nbconvert import SlidesExporter
from nbformat import NotebookNode
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
LEGAL = "\n\n".join([conf.project, *conf.copyright.split(". ", 1)])  # course, authors, licences
INDEX = Template((HERE / "slides_index.html.j2").read_text("utf-8"), autoescape=True)


def _lines(text, width):
    """Count the lines that a text needs at a width in characters."""
    return sum(1 + len(line) // width for line in text.strip().split("\n"))


def height(cell):
    """Estimate the height of a cell on a slide, in pixels."""
    if cell.cell_type == "markdown":
        parts = sum(GAP + _height(part) for part in _parts(cell.source))
        return parts - GAP + 40 * cell.source.startswith("#")
    total = 0 if _drawn(cell) else 30 + LINE * _lines(cell.source, CODE)
    for output in cell.outputs:
        content = output.get("data", {})
        if "image/png" in content:
            width, tall = struct.unpack(">II", b64decode(content["image/png"])[16:24])
            total += min(FIGURE, WIDTH * tall / width)
        elif "text/html" in content:
            rows = re.findall(r"<tr.*?</tr>", "".join(content["text/html"]), re.S)
            total += 30 + 36 * max(4, sum(map(_row, rows)))
        else:
            text = (
                output.get("text")
                or content.get("text/plain")
                or "\n".join(output.get("traceback", []))
            )
            total += 14 + LINE * _lines(text, CODE)
    return total


def _height(part):
    """Estimate the height of a paragraph, list, table, picture or fenced code, in pixels."""
    if part.startswith("!["):
        return FIGURE
    if part.startswith("```"):
        return 30 + LINE * _lines(part, CODE)
    width = WORDS // 2 if part.startswith("|") else WORDS  # cells of a table break sooner
    return LINE * _lines(_flowing(part), width)


def _row(row):
    """Count the lines of a row of an HTML table; if it is too wide, its cells break at spaces."""
    cells = re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.S)
    return max(len(cell.split()) for cell in cells) if sum(map(len, cells)) > WORDS else 1


def _divided(part):
    """Divide a Markdown table that is too high for a slide in two; both have its head."""
    lines = part.split("\n")
    if not part.startswith("|") or len(lines) < 5 or _height(part) <= HEIGHT:
        return [part]
    half = 1 + len(lines) // 2
    return ["\n".join(lines[:half]), *_divided("\n".join(lines[:2] + lines[half:]))]


def _parts(source):
    r"""Divide a text into paragraphs, lists and tables; fenced code and folds stay in one piece.

    >>> _parts("one\ntwo\n\n```\na\n\nb\n```")
    ['one\ntwo', '```\na\n\nb\n```']
    """
    parts, fenced = [[]], False
    for line in source.strip().split("\n"):
        fenced ^= line.startswith(("```", "<details", "</details"))
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
    folded = "hide-input" in cell.metadata.get("tags", []) or not cell.source
    return folded or any("image/png" in out.get("data", {}) for out in cell.get("outputs", []))


def _left_out(cell):
    """Return whether a cell is left out: tests, book-keeping and solutions."""
    return bool(set(cell.metadata.get("tags", [])) & {"remove-cell", "solution"})


def parts(cell):
    """Divide what is long: a text into paragraphs, lists and tables, a code cell into its outputs.

    Parameters
    ----------
    cell : nbformat.NotebookNode

    Returns
    -------
    list of nbformat.NotebookNode
        A copy of the cell if it is short. A heading keeps the paragraph that follows it, and a
        question its choices.
    """
    pieces = [{}]
    if cell.cell_type == "code" and height(cell) > HEIGHT:
        lines = [] if _drawn(cell) else cell.source.split("\n")
        codes = ["\n".join(lines[at : at + ROWS]) for at in range(0, len(lines), ROWS)]
        pieces = [{"source": code, "outputs": []} for code in codes]
        pieces += [{"source": "", "outputs": [output]} for output in cell.outputs]
    elif cell.cell_type == "markdown" and height(cell) >= HEIGHT / 2:
        texts = _parts(cell.source)
        for place in range(len(texts) - 1, 0, -1):
            if texts[place - 1].startswith("#") or texts[place].startswith("- a. "):
                texts[place - 1 : place + 1] = ["\n\n".join(texts[place - 1 : place + 1])]
        pieces = [{"source": part} for text in texts for part in _divided(text)]
    return [deepcopy(NotebookNode(cell, **piece)) for piece in pieces]


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
        Cells with ``slideshow.slide_type``: "slide" for the title, for what follows it and for a
        heading, "subslide" where the one before is full, "skip" for what is left out, else "-".
    """
    notebook = notebook_pages.prepared(notebook, "", stems)
    first, second = notebook.cells[:2]
    title, _, aim = first.source.partition("\n\n")
    first.source = f"{title}\n\n{LEGAL}"
    second.source = f"{aim}\n\n{second.source}".strip()
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
            elif heading or len(cells) < 2:
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
        HTML that loads reveal.js from the folder ``reveal.js`` beside it, and the pictures that a
        text links to from ``pictures``.
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
    shutil.copytree(ROOT / "notebooks" / "pictures", args.into / "pictures", dirs_exist_ok=True)
    stems, rows = {path.stem for path in paths}, []
    for notebook, row in notebook_pages.executed(paths, cache, workers=args.workers):
        if row["failure"]:
            print(f"slides: {row['failure']}: {notebook_pages.GO_ON}", file=sys.stderr)
            return 1
        stem = row["notebook"]
        html = deck(notebook, title=row["title"], stems=stems, spoken=notes(stem))
        (args.into / f"{stem}.slides.html").write_text(html, encoding="utf-8")
        rows.append((stem, row["title"], pages.aim(notebook), sum(pages.minutes(notebook))))
    opening = new_notebook(cells=[new_markdown_cell(text) for text in ("# Opening", *openings())])
    html = deck(opening, title="Opening", stems=stems)
    (args.into / "opening.slides.html").write_text(html, encoding="utf-8")
    (args.into / "index.html").write_text(INDEX.render(conf=conf, rows=rows), encoding="utf-8")
    print(f"slides    of {len(paths)} notebooks\nlook at   {args.into / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
