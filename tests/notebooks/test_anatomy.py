"""Every notebook has the parts that the course promises, and nothing that a run left behind."""

from pathlib import Path

import anatomy
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))
COPY = "import numpy as np\n\nnp.zeros(3)"
OVERVIEW = (
    "**You will be able to**\n\n- see;\n- do,\n  twice;\n- tell.\n\n**Time:** 10 minutes.\n\n"
    "**Needs:** nothing; 300 MB of memory; no GPU."
)


def code(source, *tags, folded=False, printed=None):
    """Return a code cell."""
    metadata = {"tags": list(tags)} if tags else {}
    if folded:
        metadata["jupyter"] = {"source_hidden": True}
    outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
    return new_code_cell(source, metadata=metadata, outputs=outputs)


def exercise(number):
    """Return the five cells of an exercise."""
    return [
        new_markdown_cell(f"## Exercise {number}: add\n\nAdd 1 and 1."),
        code("two = ...", "exercise"),
        code("check.two(two);", "check"),
        code(f"# Solution {number}\nsolution = 1 + 1", "solution", folded=True),
        code("assert check.two(solution)", "check"),
    ]


def sound():
    """Return a small notebook without a fault, called 04_sound."""
    title = (
        "# Add one\n\nAt the end you can add.\n\n"
        f"[![Binder](https://x.org/b.svg)]({anatomy.BINDER.format('04_sound')})\n"
        f"[![Web](https://x.org/w.svg)]({anatomy.WEB.format('04_sound')})"
    )
    cells = [
        new_markdown_cell(title),
        new_markdown_cell(OVERVIEW),
        code("print(2)", *anatomy.COMPARED, printed="2\n"),
        code("# Test of the sum\nassert 1 + 1 == 2", "test", folded=True),
        *exercise(1),
        *exercise(2),
        new_markdown_cell("## Key points\n\n- a\n- b\n  and c\n- d"),
        new_markdown_cell("## Copy this"),
        code(COPY, "copy"),
        new_markdown_cell("## Next\n\n[05 Go on](05_next.ipynb)"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": anatomy.KERNEL})


def test_there_are_notebooks():
    """The course has a first notebook, so that the tests below test something."""
    assert NOTEBOOKS
    assert NOTEBOOKS[0].stem == "00_start_here"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_anatomy(path):
    """A notebook has title, overview, exercises with solutions, key points, copy this and next."""
    found = list(anatomy.faults(nbformat.read(path, as_version=4), path.stem))
    assert not found, "\n".join([path.name, *found])


def test_a_sound_notebook_has_no_fault():
    """The rules let a notebook pass that follows them."""
    assert list(anatomy.faults(sound(), "04_sound")) == []


def drop(place):
    """Return a change that takes one cell out."""
    return lambda notebook: notebook.cells.pop(place)


def put(place, **changes):
    """Return a change of one cell."""
    return lambda notebook: notebook.cells[place].update(changes)


def plain(place):
    """Return a change that unfolds one cell."""
    return lambda notebook: notebook.cells[place].metadata.pop("jupyter")


FAULTS = {
    "no title": (drop(0), "first cell"),
    "no overview": (drop(1), "You will be able to"),
    "no time": (put(1, source=OVERVIEW.replace("Time", "Hours")), "Time"),
    "no needs": (put(1, source=OVERVIEW.replace("Needs", "Takes")), "Needs"),
    "two items": (put(1, source=OVERVIEW.replace("- see;\n", "")), "3 to 5 items"),
    "one exercise": (lambda n: n.cells.__delitem__(slice(4, 9)), "at least 2"),
    "no check": (drop(6), "exercise 1: no code cell tagged"),
    "no solution": (drop(7), "exercise 1: no code cell tagged"),
    "open solution": (plain(7), "solution is not collapsed"),
    "answer given away": (put(5, source="two = 2"), "to fill in"),
    "answer overwritten": (put(7, source="# Solution 1\ntwo = 2"), "overwrites"),
    "check not asserted": (put(8, source="check.two(solution)"), "not one assertion"),
    "answer checked twice": (put(8, source="assert check.two(two)"), "last check"),
    "other check": (put(8, source="assert check.three(solution)"), "different checks"),
    "value on the page": (put(6, source="check.two(two)"), "semicolon"),
    "no key points": (drop(-4), "Key points"),
    "no copy": (drop(-2), "tagged 'copy'"),
    "half a copy": (put(-2, source="np.zeros(3)"), "stand on its own: "),
    "no next": (drop(-1), "Next"),
    "open test": (plain(3), "a test, and not collapsed"),
    "test of nothing": (put(3, source="# Test of the sum"), "without an assert"),
    "output left": (put(3, outputs=sound().cells[2].outputs), "has outputs"),
    "picture compared": (
        put(2, outputs=[new_output("display_data", data={"image/png": "AAAA"})]),
        "other output than printed text",
    ),
    "nothing to compare": (put(2, outputs=[]), "holds no output"),
    "run": (put(2, execution_count=3), "execution count"),
    "figure": (put(2, source="fig, ax = plt.subplots()"), "alternative text"),
    "image": (put(4, source="## Exercise 1: see\n\n![](a.png)"), "alternative text"),
    "formula": (put(4, source="## Exercise 1: see\n\n$x^2$"), "TeX"),
    "same ids": (lambda n: n.cells[2].update(id=n.cells[3].id), "the same"),
    "versions": (lambda n: n.metadata.update(language_info={"version": "3.11.7"}), "metadata"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found(name):
    """The rules name what is wrong with a notebook that breaks one of them."""
    change, named = FAULTS[name]
    notebook = sound()
    change(notebook)
    assert named in "\n".join(anatomy.faults(notebook, "04_sound"))
