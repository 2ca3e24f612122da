"""The sources of the web site: every page is reachable, every picture has words, nothing is stale.

The built pages are tried in a browser by tests/browser.
"""

import base64
import doctest
import fnmatch
import json
import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
SITE = ROOT / "site"
OVERVIEW = (
    "**You will be able to**\n\n- a\n\n**Time:** 25 minutes of reading, 20 minutes of exercises."
)


@pytest.fixture(scope="module")
def notebooks():
    """Return the notebooks of the course by stem, in order."""
    paths = sorted(ROOT.glob("notebooks/*.ipynb"))
    return {path.stem: nbformat.read(path, as_version=4) for path in paths}


def small(*cells, title="# Try it\n\nAt the end of this notebook it is tried.\n"):
    """Return a notebook with a title, an overview and some cells."""
    return new_notebook(cells=[new_markdown_cell(title), new_markdown_cell(OVERVIEW), *cells])


def test_the_map_has_each_notebook_and_its_minutes(load, notebooks):
    """Every notebook has a row that links its page; the last row adds the minutes up."""
    pages = load("site/pages")
    rows = pages.course_map(notebooks).splitlines()[2:]
    linked = [re.search(r"\]\(/notebooks/(\w+)\.ipynb\)", row) for row in rows[:-1]]
    assert [link[1] for link in linked] == list(notebooks)
    times = [re.search(r"\| (\d+) \+ (\d+) \|$", row).groups() for row in rows]
    for column in (0, 1):
        *each, total = (int(time[column]) for time in times)
        assert sum(each) == total > 0


def test_the_first_notebook_promises_the_same_minutes(load, notebooks):
    """The table in notebook 00, which is typed by hand, agrees with the Time lines."""
    pages = load("site/pages")
    text = "\n".join(cell.source for cell in notebooks["00_start_here"].cells)
    typed = dict(re.findall(r"^\| \[\d\d [^]]*\]\((\w+)\.ipynb\) \|.*\| (\d+) \|$", text, re.M))
    assert typed
    assert {stem: str(sum(pages.minutes(notebooks[stem]))) for stem in typed} == typed


def test_a_notebook_without_minutes_is_named(load):
    """The error says which notebook has no Time line."""
    pages = load("site/pages")
    notebook = new_notebook(cells=[new_markdown_cell("# Odd one"), new_markdown_cell("no time")])
    with pytest.raises(ValueError, match="'Odd one': its second cell has no"):
        pages.minutes(notebook)


def test_pages_have_no_badges_and_no_dead_links(load):
    """Pictures from the network go, a notebook without a page is not linked, files are."""
    pages = load("tools/notebook_pages")
    badge = "[![Open](https://x.org/badge.svg)](https://x.org/launch)\n"
    following = new_markdown_cell("[01](01_a.ipynb#b) [99](99_z.ipynb) [s](../snippets/s.py)")
    notebook = small(following, title=f"# Try it\n\nA sentence.\n\n{badge}")
    page = pages.prepared(notebook, "01_a", {"01_a"})
    assert page.cells[0].source.strip() == "# 01 Try it\n\nA sentence."
    source = "https://github.com/dask-segmentation/image-segmentation-with-dask/blob/main"
    assert page.cells[2].source == f"[01](01_a.ipynb#b) 99 [s]({source}/snippets/s.py)"
    assert badge in notebook.cells[0].source  # the notebook itself is as it was


def test_solutions_are_folded_under_their_first_line(load):
    """A collapsed cell gets the tag that myst-nb folds, and its first line as the caption."""
    pages = load("tools/notebook_pages")
    hidden = new_code_cell("# Solution 1\nx = 3", metadata={"tags": ["solution"]})
    hidden.metadata["jupyter"] = {"source_hidden": True}
    *_, folded, plain = pages.prepared(small(hidden, new_code_cell("y")), "01_a", ()).cells
    assert folded.metadata.tags == ["solution", "hide-input"]
    assert folded.metadata.mystnb["code_prompt_show"] == "Solution 1"
    assert "tags" not in plain.metadata


def test_outputs_fit_a_page_without_a_kernel(load):
    """Widgets go, their text stays; a drawing of an array is named by the array's text."""
    pages = load("tools/notebook_pages")
    slider = {pages.WIDGET: {"model_id": "1"}, "text/plain": "a slider"}
    drawing = {"text/html": "<svg width=1><svg>", "text/plain": 'dask.array<"x">'}
    cell = new_code_cell(
        outputs=[new_output("display_data", data) for data in (slider, drawing)],
    )
    first, second = pages.prepared(small(cell), "01_a", ()).cells[-1].outputs
    assert first.data == {"text/plain": "a slider"}
    label = 'role="img" aria-label="Drawing of dask.array&lt;&quot;x&quot;&gt;"'
    assert second.data["text/html"].startswith(f"<svg {label} width=1>")


def test_every_module_has_a_page(load):
    """The package's pages cover all modules; what notebooks call stands in the first table."""
    written = load("site/written")
    package = ROOT / "src" / "segkit"
    pages = written.api(package, ["from segkit import data\nfrom segkit.check import reading as c"])
    there = {path.stem for path in package.glob("*.py")} - {"__init__"}
    assert {f"segkit.{stem}.md" for stem in there} <= set(pages)
    first, second = pages["index.md"].split("## Behind them")
    assert "(segkit.data.md)" in first
    assert "(segkit.check.reading.md)" in first
    assert "(segkit.methods.opening.md)" in second


def test_the_status_page_states_what_was_measured(load, tmp_path):
    """Seconds, memory and date are those of the run; the newest GPU run is named, if there is."""
    written = load("site/written")
    row = {"notebook": "01_a", "title": "Try it", "seconds": 12.5, "peak_mb": 1234}
    row |= {"date": "2026-11-22T18:00:07+00:00"}
    options = {"data_set": "three frames", "workers": 2, "results": tmp_path}
    page = written.status([row], **options)
    line = "| [01 Try it](/notebooks/01_a.ipynb) | 12.5 | 1,234 | 2026-11-22 18:00 |"
    assert line in page
    assert "**Frames:** three frames." in page
    assert "None yet" in page
    for date, device in (("2026-11-20", "old"), ("2026-11-21", "new")):
        run = {"date": date, "command": "python benchmarks/gpu.py"}
        (tmp_path / f"gpu-{device}.json").write_text(json.dumps(run))
    assert "2026-11-21, on new: `python benchmarks/gpu.py`." in written.status([row], **options)


def test_figures_keep_the_words_that_describe_them(load):
    """The words beside a figure are found by the hash that myst-nb names its file by."""
    pytest.importorskip("myst_nb", reason="the web site's packages are not installed")
    course_pages = load("site/ext/course_pages")
    data = {"image/png": base64.b64encode(b"abc").decode()}
    with_words = new_output("display_data", data, metadata={"image/png": {"alt": " nuclei "}})
    notebook = small(new_code_cell(outputs=[with_words, new_output("display_data", data)]))
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # of abc: FIPS 180
    assert course_pages.told(notebook) == {digest: "nuclei"}


def test_written_pages_can_be_reached():
    """Each page of the site's folder stands in the table of contents of another page."""
    names = {path.relative_to(SITE).with_suffix("").as_posix() for path in SITE.rglob("*.md")}
    reached = {"index"}
    for path in SITE.rglob("*.md"):
        folder = path.parent.relative_to(SITE)
        for table in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text("utf-8"), re.S):
            for entry in table.split():
                reached |= set(fnmatch.filter(names, (folder / entry).as_posix()))
    assert names - reached == set()


def test_pictures_of_written_pages_are_there_and_have_words():
    """An image directive names a file, and says what is seen in it; no picture is too large."""
    found = 0
    for path in SITE.rglob("*.md"):
        for name, options in re.findall(
            r"```\{(?:image|figure)\} (\S+)\n(.*?)```", path.read_text("utf-8"), re.S
        ):
            found += 1
            assert (path.parent / name).is_file()
            assert re.search(r"^:alt: \w.{20,}", options, re.M), f"{path.name}: {name} has no words"
    assert found
    for picture in SITE.glob("pictures/*"):
        assert picture.stat().st_size < 150_000


def test_the_glossary_is_in_order_and_has_no_word_twice():
    """Terms stand in alphabetical order, each once."""
    text = (SITE / "glossary.md").read_text("utf-8")
    body = text.split(":::{glossary}\n")[1]
    terms = [line.lower() for line in body.splitlines() if re.match(r"[A-Za-z]", line)]
    assert len(terms) > 30
    assert terms == sorted(set(terms))


@pytest.mark.parametrize("name", ["pages", "written"])
def test_examples_of_the_builders_hold(load, name):
    """The examples in the docstrings of the build are true."""
    failed, tried = doctest.testmod(load(f"site/{name}"))
    assert tried > 0
    assert failed == 0


def test_slides_begin_at_headings_and_leave_solutions_out(load):
    """A heading begins a slide, what is too much goes below, solutions and tests are skipped."""
    pytest.importorskip("sphinx_revealjs", reason="the web site's packages are not installed")
    slides = load("site/slides")
    solution = new_code_cell("# Solution 1\nx = 3", metadata={"tags": ["solution"]})
    checked = new_code_cell("assert check.x(x)", metadata={"tags": ["check"]})
    long = new_code_cell("\n".join(f"line_{i} = {i}" for i in range(25)))
    steps = [new_markdown_cell("## A step"), new_code_cell("1 + 1"), long, solution, checked]
    cells = slides.arranged(small(*steps), ()).cells
    kinds = [cell.metadata.slideshow.slide_type for cell in cells]
    assert kinds == ["slide", "-", "slide", "-", "subslide", "skip", "skip"]
    assert len({cell.id for cell in cells}) == len(cells)


def test_slides_show_a_figure_without_the_code_that_drew_it(load):
    """Where a cell shows a figure its source goes; elsewhere it stays."""
    pytest.importorskip("sphinx_revealjs", reason="the web site's packages are not installed")
    slides = load("site/slides")
    figure = new_output("display_data", {"image/png": "iVBORw0KGgo="})
    figure.metadata = {"image/png": {"alt": "two nuclei"}}
    drawn = new_code_cell("draw_it()", outputs=[figure])
    page = slides.deck(small(drawn, new_code_cell("keep_it()")), title="Try it", stems=())
    assert "draw_it" not in page
    assert "keep_it" in page
    assert 'alt="two nuclei"' in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
