"""The map of the course: title, aim and time of each notebook."""

import re

from notebook_pages import title

TIME = re.compile(r"^\*\*Time:\*\* (\d+) minutes of reading(?:, (\d+) minutes of exercises)?", re.M)


def aim(notebook):
    """Return what a notebook leads to, from the sentence below its title."""
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
    """Return the map of the course as a Markdown table, with the minutes.

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
