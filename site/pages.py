"""Pages of the web site from executed notebooks, and the map of the course from their times.

Nothing here runs a notebook or writes a file: `build.py` does both.
"""

import re
from copy import deepcopy
from html import escape
from pathlib import Path

REPOSITORY = "https://github.com/dask-segmentation/image-segmentation-with-dask"
WIDGET = "application/vnd.jupyter.widget-view+json"
BADGE = re.compile(r"^\[!\[[^\]]*\]\(https?://[^)]*\)\]\([^)]*\)\n?", re.M)
LINK = re.compile(r"\[([^\]]*)\]\(([\w./-]+)(#[^)\s]*)?\)")
TIME = re.compile(r"^\*\*Time:\*\* (\d+) minutes of reading(?:, (\d+) minutes of exercises)?", re.M)


def title(notebook):
    """Return a notebook's title: the heading of its first cell."""
    return notebook.cells[0].source.split("\n")[0].lstrip("# ")


def aim(notebook):
    """Return what stands at a notebook's end, from the sentence below its title."""
    sentence = " ".join(notebook.cells[0].source.split("\n\n")[1].split())
    sentence = re.sub(r"^At the end( of this notebook)?,? ", "", sentence)
    return sentence[0].upper() + sentence[1:]


def minutes(notebook):
    """Return the minutes of reading and of exercises that a notebook's Time line states.

    Raises
    ------
    ValueError
        If its second cell has no such line.
    """
    found = TIME.search(notebook.cells[1].source)
    if not found:
        msg = f"{title(notebook)!r}: its second cell has no '**Time:** N minutes of reading, ...'"
        raise ValueError(msg)
    return int(found[1]), int(found[2] or 0)


def hours(count):
    """Return minutes in words.

    >>> hours(455), hours(60)
    ('7 hours 35 minutes', '1 hour')
    """
    parts = zip(divmod(count, 60), ("hour", "minute"), strict=True)
    return " ".join(f"{n} {unit}{'s' * (n != 1)}" for n, unit in parts if n)


def course_map(notebooks):
    """Write the map of the course as a Markdown table, the minutes included.

    Parameters
    ----------
    notebooks : dict of str to nbformat.NotebookNode
        Notebooks by stem, in order.

    Returns
    -------
    str
    """
    rows = ["| notebook | at its end | minutes: reading + exercises |", "|---|---|---:|"]
    times = [minutes(notebook) for notebook in notebooks.values()]
    for (stem, notebook), (reading, exercises) in zip(notebooks.items(), times, strict=True):
        link = f"[{stem[:2]} {title(notebook)}](/notebooks/{stem}.ipynb)"
        rows.append(f"| {link} | {aim(notebook)} | {reading} + {exercises} |")
    reading, exercises = (sum(column) for column in zip(*times, strict=True))
    rows.append(f"| **All** | {hours(reading + exercises)} | {reading} + {exercises} |")
    return "\n".join(rows) + "\n"


def fitted(text, stems):
    """Make the badges and links of a notebook's text fit the web site.

    Badges go: the page has buttons for the same. A link to a notebook that has no page keeps its
    words only, and a link to another file of the repository leads to its source.

    >>> fitted("[a](01_a.ipynb#x) [b](99_b.ipynb)", {"01_a"})
    '[a](01_a.ipynb#x) b'
    >>> fitted("[run](../snippets/run.py)", {}).removeprefix("[run]")
    '(https://github.com/dask-segmentation/image-segmentation-with-dask/blob/main/snippets/run.py)'
    """

    def place(match):
        words, target, anchor = match[1], match[2], match[3] or ""
        if target.startswith("../"):
            return f"[{words}]({REPOSITORY}/blob/main/{target[3:]}{anchor})"
        if target.endswith(".ipynb") and Path(target).stem not in stems:
            return words
        return match[0]

    return LINK.sub(place, BADGE.sub("", text))


def _caption(source):
    """Return a cell's first line without its comment sign."""
    return source.strip().split("\n")[0].lstrip("# ") or "Code"


def _still(output):
    """Make an output fit a page without a kernel, in place.

    Widgets do nothing there: what they show as text stays. Drawings of Dask arrays get a name
    that a screen reader can tell, the text that Dask has for the same array.
    """
    data = output.get("data", {})
    data.pop(WIDGET, None)
    html = "".join(data.get("text/html", ""))
    if "<svg" in html:
        text = escape("".join(data.get("text/plain", "a Dask collection")), quote=True)
        told = f'<svg role="img" aria-label="Drawing of {text}"'
        data["text/html"] = re.sub(r"<svg(?! role)", told.replace("\\", r"\\"), html)


def prepared(notebook, stem, stems):
    """Turn an executed notebook into the source of a page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook; it is not changed.
    stem : str
        Its stem; the number that it begins with becomes part of the title.
    stems : collection of str
        Stems of the notebooks that have a page.

    Returns
    -------
    nbformat.NotebookNode
        Cells with ``jupyter.source_hidden`` are folded under their first line; links and outputs
        fit a page.
    """
    notebook = deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    notebook.cells[0].source = re.sub("^# ", f"# {stem[:2]} ", notebook.cells[0].source)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = fitted(cell.source, stems)
            continue
        for output in cell.outputs:
            _still(output)
        if cell.metadata.get("jupyter", {}).get("source_hidden"):
            caption = _caption(cell.source)
            cell.metadata.tags = [*cell.metadata.get("tags", []), "hide-input"]
            cell.metadata.mystnb = {"code_prompt_show": caption, "code_prompt_hide": caption}
    return notebook
