"""What a learner passed is noted, and nothing else is."""

import contextlib
import io
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import nbformat
import pytest
from IPython.core.interactiveshell import InteractiveShell

from segkit import progress

CHECKOUT = Path(__file__).parents[1]
RIGHT = (25, 45)  # the answer of notebook 04, exercise 1
NOTEBOOKS = sorted((CHECKOUT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """Return a data folder that does not exist yet."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def notebook(monkeypatch):
    """Let this process look like a notebook's kernel."""
    monkeypatch.setattr(progress, "_in_notebook", lambda: True)


@pytest.fixture
def cell(notebook):
    """Return a function that runs a cell as IPython does: statement by statement."""
    shell = InteractiveShell()  # not the instance that IPython knows of: other tests see none

    def run(source):
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            result = shell.run_cell(source, store_history=False)
        result.raise_error()
        return printed.getvalue()

    run("from segkit.check import morphology as check")
    yield run
    shell.history_manager.end_session()


def test_a_pass_is_noted_by_its_name_alone(cell, root):
    """The file holds the name of the exercise, once, and nothing of the answer."""
    cell(f"first, second = {RIGHT}")
    assert "Right." in cell("check.square_of_seven(first, second);")
    cell("check.square_of_seven(first, second);")
    assert [path.name for path in root.iterdir()] == ["progress.txt"]
    assert (root / "progress.txt").read_bytes() == b"morphology.square_of_seven\n"


def test_wrong_answers_and_dots_are_not_noted(cell, root):
    """Only what is right counts."""
    cell("check.square_of_seven(25, 46);")
    cell("check.square_of_seven(..., ...);")
    assert progress.passed() == set()
    assert not root.exists()


def test_solutions_are_not_noted(cell, root):
    """A notebook that runs from top to bottom with its exercises open notes nothing."""
    cell(f"solution_erosion, solution_opening = {RIGHT}")
    assert "Right." in cell("assert check.square_of_seven(solution_erosion, solution_opening)")
    assert not root.exists()


def test_a_solution_in_the_same_cell_does_not_hide_a_pass(cell):
    """Each statement of a cell is looked at by itself."""
    cell(f"solution = {RIGHT}\nassert check.square_of_seven(*solution)")
    assert progress.passed() == set()
    cell(f"solution = 1\nmine = {RIGHT}\ncheck.square_of_seven(*mine);")
    assert progress.passed() == {"morphology.square_of_seven"}


def test_nothing_is_noted_outside_of_notebooks(root):
    """The checks' own tests, which answer everything right, leave no file."""
    from segkit.check import morphology

    assert morphology.square_of_seven(*RIGHT)
    assert not root.exists()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_rule_tells_answers_from_solutions_in_every_notebook(path):
    """The cells under the solutions name a ``solution``, and those under the stubs none."""
    checks = [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells
        if "check" in cell.metadata.get("tags", [])
    ]
    for source in checks:
        names = compile(source, "cell", "exec").co_names
        solved = any(name.startswith("solution") for name in names)
        assert solved == source.startswith("assert "), source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_exercise_is_found_under_its_title(path):
    """As many names as exercises, each with the function that the check of that name is."""
    import importlib

    found = progress.exercises(path)
    text = path.read_text(encoding="utf-8")
    assert len(found) == text.count("## Exercise ")
    assert len(set(found.values())) == len(found)
    for name, title in found.items():
        module, function = name.split(".")
        check = getattr(importlib.import_module(f"segkit.check.{module}"), function)
        assert check.__wrapped__.__module__ == f"segkit.check.{module}"
        assert title.startswith("Exercise ")


def test_two_notebooks_lose_nothing(notebook):
    """Many writers at the same time: each pass is there, in a whole line."""
    names = [f"topic.exercise_{number}" for number in range(40)]
    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(progress.note, names))
    assert progress.passed() == set(names)


def test_a_folder_that_cannot_be_written_to_does_no_harm(notebook, root):
    """The check goes on, and nothing is raised."""
    root.write_text("a file where the folder should be")
    progress.note("morphology.clean")
    assert progress.passed() == set()


def test_a_damaged_file_is_read_as_far_as_it_goes(notebook, root):
    """What is no name of an exercise is passed over, and kept out of the way of the next."""
    root.mkdir()
    (root / "progress.txt").write_bytes(b"\xff\x00 noise\nreading.brightest\n\n../x\n")
    assert progress.passed() == {"reading.brightest"}
    progress.note("reading.every_second")
    assert progress.passed() == {"reading.brightest", "reading.every_second"}


def test_the_report_counts_per_notebook(notebook, root):
    """Each exercise has its line, and a pass shows in its notebook and in the sum."""
    progress.note("reading.brightest")
    lines = progress.report().splitlines()
    assert "01_reading: 1 of 3" in lines
    assert "  passed Exercise 3: the brightest pixel of each frame" in lines
    assert "  -      Exercise 2: every second frame" in lines
    total = sum(len(progress.exercises(path)) for path in NOTEBOOKS)
    assert lines[-1] == f"1 of {total} exercises passed, noted in {root / 'progress.txt'}"


def test_the_report_needs_notebooks(tmp_path):
    """Elsewhere one line says what to do."""
    with pytest.raises(FileNotFoundError, match=r"no notebooks in .*: run this in the folder of"):
        progress.report(tmp_path)


def test_a_real_kernel_notes_the_learners_pass(root, tmp_path):
    """In Jupyter, with exercise 1 of notebook 04 answered, and 2 open: the first is noted."""
    from nbclient import NotebookClient

    book = nbformat.read(CHECKOUT / "notebooks" / "04_morphology.ipynb", as_version=4)
    tags = {"exercise", "check", "solution"}
    asked = [c for c in book.cells if tags & set(c.metadata.get("tags", []))][:8]
    assert asked[0].source == "after_erosion = ...\nafter_opening = ..."
    asked[0].source = "after_erosion, after_opening = 25, 45"
    imports = "import numpy as np\nfrom scipy import ndimage\n"
    imports += "from segkit.check import morphology as check\n"
    first = nbformat.v4.new_code_cell(imports + "cross = ndimage.generate_binary_structure(2, 1)")
    book.cells = [first, *asked]
    NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    printed = [cell.outputs[0].text for cell in asked[1::2]]
    assert [text.split(":")[0].strip() for text in printed] == [
        "Right.",
        "Right.",
        "Not answered yet",
        "Right.",
    ]
    assert (root / "progress.txt").read_text() == "morphology.square_of_seven\n"
