"""What the site and the slides are made from. tests/browser tries the built pages in a browser."""

import doctest
import importlib.util
import io
import json
import re
import subprocess
import sys
from base64 import b64encode
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

ROOT = Path(__file__).parents[1]
needs_sphinx = pytest.mark.skipif(
    not importlib.util.find_spec("sphinx_revealjs"), reason="the extra docs is not installed"
)
OVERVIEW = (
    "**You will be able to**\n\n- a\n\n**Time:** 25 minutes of reading, 20 minutes of exercises."
)
ANSWER = "<details><summary>Answer</summary>\n\n**b**.\n\n</details>"


@pytest.fixture(scope="module")
def notebooks():
    """Return the notebooks of the course by stem, in order."""
    paths = sorted(ROOT.glob("notebooks/*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def small(*cells):
    """Return a notebook that begins with a title and an overview."""
    title = "# Try it\n\nAt the end of this notebook it is tried.\n"
    return new_notebook(cells=[new_markdown_cell(title), new_markdown_cell(OVERVIEW), *cells])


def test_the_map_has_each_notebook_and_its_minutes(load, notebooks):
    """Every notebook has a row with a link to its page; the last row is the sum."""
    pages = load("site/pages")
    rows = pages.course_map(notebooks).splitlines()[2:]
    linked = [re.search(r"\]\(/notebooks/(\w+)\.ipynb\)", row) for row in rows[:-1]]
    assert [link[1] for link in linked] == list(notebooks)
    times = [re.search(r"\| (\d+) \+ (\d+) \|$", row).groups() for row in rows]
    for column in (0, 1):
        *each, total = (int(time[column]) for time in times)
        assert sum(each) == total > 0


def test_the_maps_written_by_hand_state_the_same_minutes(load, notebooks):
    """The tables in notebook 00 and in the README have each notebook, in order, and its minutes."""
    pages = load("site/pages")
    start = "\n".join(cell.source for cell in notebooks["00_start_here"].cells)
    for text in (start, (ROOT / "README.md").read_text("utf-8")):
        row = r"^\| \[\d\d [^]]*\]\((?:notebooks/)?(\w+)\.ipynb\) \|.*\| (\d+) \|$"
        typed = re.findall(row, text, re.M)
        assert typed == [(stem, str(sum(pages.minutes(one)))) for stem, one in notebooks.items()]


def test_every_module_has_a_page(load):
    """The package's pages cover all modules."""
    written = load("site/written")
    package = ROOT / "src" / "segkit"
    pages = written.api(package)
    there = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert {f"segkit.{stem}.md" for stem in there} <= set(pages)
    assert "(segkit.data.md)" in pages["index.md"]


def test_the_status_page_states_what_was_measured(load, tmp_path):
    """Seconds, memory and date are those of the run; the newest GPU run is named."""
    written = load("site/written")
    row = {"notebook": "01_a", "title": "Try it", "seconds": 12.5, "peak_mb": 1234}
    row |= {"date": "2026-11-22T18:00:07+00:00"}
    options = {"data_set": "three frames", "workers": 2, "results": tmp_path}
    line = "| [01 Try it](/notebooks/01_a.ipynb) | 12.5 | 1,234 | 2026-11-22 18:00 |"
    for date, device in (("2026-11-20", "old"), ("2026-11-21", "new")):
        run = {"date": date, "command": "python benchmarks/gpu.py"}
        (tmp_path / f"gpu-{device}.json").write_text(json.dumps(run))
    page = written.status([row], **options)
    assert line in page
    assert "2026-11-21, on new: `python benchmarks/gpu.py`." in page


@pytest.mark.parametrize("path", ["site/pages", "tools/notebook_pages"])
def test_examples_of_the_builders_hold(load, path):
    """The examples in the docstrings of the build are right."""
    failed, tried = doctest.testmod(load(path))
    assert tried > 0
    assert failed == 0


DEEPER = [
    new_markdown_cell("## Going deeper", metadata={"jp-MarkdownHeadingCollapsed": True}),
    new_markdown_cell("### More\n\nA long proof."),
    new_code_cell("prove()", outputs=[new_output("stream", text="proven")]),
]


@needs_sphinx
def test_going_deeper_is_closed_on_its_page(load, tmp_path):
    """Its text, code, outputs and folds are in one fold; what comes before it is not."""
    pages = load("tools/notebook_pages")
    solution = new_code_cell("x = 3", metadata={"jupyter": {"source_hidden": True}})
    link = new_markdown_cell("**Predict:** why? See [Going deeper](#Going-deeper).")
    notebook = pages.prepared(small(link, *DEEPER, solution), "01_a", ())
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(notebook, tmp_path / "index.ipynb")
    sphinx = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", ROOT / "site"]
    subprocess.run([*sphinx, tmp_path, tmp_path / "out"], check=True)
    page = (tmp_path / "out" / "index.html").read_text("utf-8")
    article = page[page.index("<article") : page.index("</article>")]
    before, fold = article.split('<details class="admonition hide deeper">')
    assert "Going deeper<" in before
    assert 'href="#going-deeper"' in before
    assert '<p class="task"><strong>Predict:</strong> why?' in before
    inside = fold[: fold.rindex("</details>")]
    for part in ("A long proof", "prove", "proven", "<details"):
        assert part not in before
        assert part in inside


@needs_sphinx
def test_slides_begin_at_headings_and_leave_solutions_out(load):
    """Title and headings begin slides, long content continues, solutions and tests are skipped."""
    slides = load("site/slides")
    solution = new_code_cell("# Solution 1\nx = 3", metadata={"tags": ["solution"]})
    long = new_code_cell("\n".join(f"line_{i} = {i}" for i in range(25)))
    steps = [new_markdown_cell("## A step"), new_code_cell("1 + 1"), long, solution]
    cells = slides.arranged(small(*steps, *DEEPER), ()).cells
    kinds = [cell.metadata.slideshow.slide_type for cell in cells]
    assert kinds == ["slide", "slide", "slide", "-", "subslide", "subslide", "skip"]
    assert len({cell.id for cell in cells}) == len(cells)


@needs_sphinx
def test_what_is_too_high_for_a_slide_is_divided(load):
    """A table has its head on both slides, choices and folds stay together, outputs are apart."""
    slides = load("site/slides")
    rows = [f"| {row} | {'wide ' * 20} |" for row in range(10)]
    question = "**Question:** which?\n\n- a. this\n- b. that"
    head = ["| a | b |", "|---|---|"]
    table = "\n".join([*head, *rows])
    text = f"{table}\n\n{question}\n\n{ANSWER}"
    first, second, *last = slides.parts(new_markdown_cell(text))
    assert first.source.split("\n")[:2] == second.source.split("\n")[:2] == head
    assert (first.source + second.source).count("wide") == 200
    assert [cell.source for cell in last] == [question, ANSWER]
    html = f"<table>{'<tr><td>a b c</td><td>' + 'x' * 90 + '</td></tr>'}" * 5
    text = new_output("stream", text="said\n" * 6)
    shown = new_output("display_data", {"text/html": html})
    code, *outputs = slides.parts(new_code_cell("f()", outputs=[text, shown]))
    assert (code.source, code.outputs) == ("f()", [])
    assert [output.outputs for output in outputs] == [[text], [shown]]


@needs_sphinx
def test_slides_show_a_figure_without_the_code_that_drew_it(load):
    """A cell that shows a figure loses its source, other cells keep theirs; answers are folded."""
    slides = load("site/slides")
    picture = io.BytesIO()
    Image.new("L", (30, 20)).save(picture, "png")
    figure = new_output("display_data", {"image/png": b64encode(picture.getvalue()).decode()})
    figure.metadata = {"image/png": {"alt": "two nuclei"}}
    drawn = new_code_cell("draw_it()", outputs=[figure])
    asked = new_markdown_cell(f"{'words ' * 200}\n\n{ANSWER}")
    page = slides.deck(small(drawn, asked, new_code_cell("keep_it()")), title="Try it", stems=())
    assert "draw_it" not in page
    assert "keep_it" in page
    assert 'alt="two nuclei"' in page
    assert re.search(r"<details><summary>Answer</summary>\s*<p><strong>b</strong>", page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
