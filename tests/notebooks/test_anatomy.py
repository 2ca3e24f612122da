"""Every notebook has the parts that the course promises, and nothing that a run left behind."""

from pathlib import Path

import anatomy
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))
COPY = "import numpy as np\n\nnp.zeros(3)"
QUIET = "assert check.two(solution, quiet=True)"
NEXT, DEEPER = 12, 13  # places in the notebook below
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


def exercise(number, level="##"):
    """Return the four cells of an exercise."""
    return [
        new_markdown_cell(f"{level} Exercise {number}: add\n\nAdd 1 and 1."),
        code("two = ...", "exercise"),
        code("check.two(two);", "check"),
        code(f"# Solution {number}\nsolution = 1 + 1\n{QUIET}", "solution", folded=True),
    ]


def sound():
    """Return a small notebook that follows the format, called 04_sound."""
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
        new_markdown_cell("Why? See [Going deeper](#Going-deeper)."),
        new_markdown_cell("## Key points\n\n- a\n- b\n  and c\n- d"),
        new_markdown_cell("## Copy this"),
        code(COPY, "copy"),
        new_markdown_cell("## Further reading\n\n- [a](b)\n\n## Next\n\n[05 Go on](05_next.ipynb)"),
        new_markdown_cell(
            "## Going deeper\n\nMore on sums.",
            metadata={"jp-MarkdownHeadingCollapsed": True},
        ),
        *exercise(2, "###"),
    ]
    return new_notebook(cells=cells, metadata={"kernelspec": anatomy.KERNEL})


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_anatomy(path):
    """A notebook has title, overview, exercises with solutions, key points, copy this and next."""
    found = list(anatomy.violations(nbformat.read(path, as_version=4), path.stem))
    assert not found, "\n".join([path.name, *found])


def test_a_notebook_in_the_format_passes():
    """The rules accept a notebook that follows them, with and without "Going deeper"."""
    notebook = sound()
    assert list(anatomy.violations(notebook, "04_sound")) == []
    del notebook.cells[DEEPER:], notebook.cells[8]
    assert list(anatomy.violations(notebook, "04_sound")) == []


def drop(place):
    """Return a change that takes one cell out."""
    return lambda notebook: notebook.cells.pop(place)


def change(place, **changes):
    """Return a change of one cell."""
    return lambda notebook: notebook.cells[place].update(changes)


def plain(place):
    """Return a change that unfolds one cell."""
    return lambda notebook: notebook.cells[place].metadata.pop("jupyter")


def solved(last):
    """Return a change of the last line of the solution."""
    return change(7, source=f"# Solution 1\nsolution = 2\n{last}")


VIOLATIONS = {
    "two items": (change(1, source=OVERVIEW.replace("- see;\n", "")), "3 to 5 items"),
    "no needs": (change(1, source=OVERVIEW.replace("Needs", "Takes")), "Needs"),
    "no exercise in the core": (lambda n: n.cells.__delitem__(slice(4, 8)), "at least 1"),
    "no check": (drop(6), "exercise 1: no code cell tagged"),
    "open solution": (plain(7), "solution is not collapsed"),
    "answer given away": (change(5, source="two = 2"), "to fill in"),
    "answer overwritten": (change(7, source=f"# Solution 1\ntwo = 2\n{QUIET}"), "overwrites"),
    "check not asserted": (solved("check.two(solution)"), "does not end with"),
    "check not quiet": (solved("assert check.two(solution)"), "does not end with"),
    "answer checked twice": (solved("assert check.two(two, quiet=True)"), "does not end with"),
    "other check": (solved("assert check.three(solution, quiet=True)"), "different checks"),
    "value on the page": (change(6, source="check.two(two)"), "'check.what(answer);'"),
    "no links": (change(NEXT, source="## Further reading\n\n- a\n\n## Next\n\n[b](c)"), "links"),
    "no key points": (drop(NEXT - 3), "Key points"),
    "no copy": (drop(NEXT - 1), "tagged 'copy'"),
    "half a copy": (change(NEXT - 1, source="np.zeros(3)"), "stand on its own: "),
    "open test": (plain(3), "a test, and not collapsed"),
    "test of nothing": (change(3, source="# Test of the sum"), "asserts something"),
    "output left": (change(3, outputs=sound().cells[2].outputs), "has outputs"),
    "nothing to compare": (change(2, outputs=[]), "needs printed text"),
    "run": (change(2, execution_count=3), "execution count"),
    "figure": (change(2, source="fig, ax = plt.subplots()"), "alternative text"),
    "image": (change(4, source="## Exercise 1: see\n\n![](a.png)"), "alternative text"),
    "formula": (change(4, source="## Exercise 1: see\n\n$x^2$"), "TeX"),
    "open deeper": (lambda n: n.cells[DEEPER].metadata.clear(), "jp-MarkdownHeadingCollapsed"),
    "deeper in another style": (change(DEEPER, source="### Going Deeper"), "'## Going deeper'"),
    "section below deeper": (change(DEEPER, source="## Going deeper\n\n## More"), "'## More'"),
    "exercise too high": (change(DEEPER + 1, source="## Exercise 2: add"), "'### Exercise 2: '"),
    "link to nothing": (change(8, source="See [more](#going-deeper)."), "#going-deeper"),
    "same ids": (lambda n: n.cells[2].update(id=n.cells[3].id), "the same"),
    "versions": (lambda n: n.metadata.update(language_info={"version": "3.11.7"}), "metadata"),
}


@pytest.mark.parametrize("name", VIOLATIONS)
def test_each_violation_is_found(name):
    """The rules say what is wrong with a notebook that breaks one of them."""
    apply, named = VIOLATIONS[name]
    notebook = sound()
    apply(notebook)
    assert named in "\n".join(anatomy.violations(notebook, "04_sound"))
