"""What a learner has passed: one line for each exercise, in a file of this machine.

The file is ``progress.txt`` in the folder of `segkit.data.root`. It holds names such as
"reading.brightest" and nothing else: no date, no answer, no name of a person. It goes nowhere;
whoever deletes it begins anew.

A pass counts as the learner's if the check was called by a notebook's cell, in a statement that
names no variable called ``solution...``. The cell under each folded solution does, and so a
notebook that runs from top to bottom with its exercises not answered notes nothing, in a session
of a learner as little as in the tests.
"""

import contextlib
import json
import re
from pathlib import Path

NAME = re.compile(r"[a-z_]\w*\.[a-z_]\w*")


def file():
    """Return the path of the file; it need not exist."""
    from segkit import data

    return data.root() / "progress.txt"


def passed():
    """Return the names of the exercises that have been passed.

    Returns
    -------
    set of str
        Such as {"reading.brightest"}. Lines that are no name of an exercise are passed over.
    """
    try:
        text = file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return set()
    return {line for line in text.splitlines() if NAME.fullmatch(line)}


def note(exercise, names=()):
    """Note a pass, unless the solution was checked; where that is not possible, do nothing.

    A line is added at the end in one piece, so that two notebooks at the same time lose nothing.

    Parameters
    ----------
    exercise : str
        Module and function of the check, such as "reading.brightest".
    names : sequence of str, optional
        The names that occur in the statement that called the check.
    """
    if not _in_notebook() or any(name.startswith("solution") for name in names):
        return
    # where no file can be written, the exercise is passed all the same
    with contextlib.suppress(OSError, RuntimeError):
        if exercise not in passed():
            path = file()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as end:
                end.write(f"{exercise}\n".encode())


def _in_notebook():
    from IPython import get_ipython

    return hasattr(get_ipython(), "kernel")


def exercises(notebook):
    """List the exercises of a notebook.

    Parameters
    ----------
    notebook : path-like
        An ``.ipynb`` file.

    Returns
    -------
    dict of str to str
        The name of each exercise that has a check, and its title: {"reading.brightest":
        "Exercise 3: the brightest pixel of each frame"}.
    """
    module, title, found = None, "", {}
    for cell in json.loads(Path(notebook).read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        heading = re.search(r"^## (Exercise .*)", source, re.M)
        imported = re.search(r"^from segkit\.check import (\w+) as check", source, re.M)
        title = heading[1] if heading and cell["cell_type"] == "markdown" else title
        module = imported[1] if imported else module
        check = re.match(r"check\.(\w+)\(", source)
        if check and "check" in cell["metadata"].get("tags", ()):
            found[f"{module}.{check[1]}"] = title
    return found


def report(folder=None):
    """Say which exercises of each notebook have been passed.

    Parameters
    ----------
    folder : path-like, optional
        Where the notebooks are: ``notebooks`` in the checkout, or in the current folder.

    Returns
    -------
    str
        A line for each notebook that has exercises, one for each exercise, and a sum.

    Raises
    ------
    FileNotFoundError
        If there are no notebooks.
    """
    near = Path(__file__).resolve().parents[2] / "notebooks"
    folder = Path(folder or (near if near.is_dir() else "notebooks"))
    notebooks = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not notebooks:
        msg = f"There are no notebooks in {folder}: run this in the folder of the course."
        raise FileNotFoundError(msg)
    known, lines, total, right = passed(), [], 0, 0
    for notebook in notebooks:
        asked = exercises(notebook)
        done = asked.keys() & known
        total, right = total + len(asked), right + len(done)
        if asked:
            lines.append(f"{notebook.stem}: {len(done)} of {len(asked)}")
        lines += [f"  {'passed' if name in done else '-     '} {asked[name]}" for name in asked]
    return "\n".join([*lines, "", f"{right} of {total} exercises passed, noted in {file()}"])
