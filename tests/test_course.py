"""Notebooks run in kernels of their own, and become pages that need no network."""

import json
import re
import shutil
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segkit import course, data
from segkit.pages import kernel, page

STARTUP = Path(__file__).parent / "notebooks" / "00-warnings.py"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
DISPLAY = """\
from IPython.display import display
png = {"image/png": "iVBORw0KGgo=", "text/plain": "a figure"}
display(png, raw=True, metadata={"image/png": {"alt": 'a "square" & a disc'}})"""


def write(path, *sources, title="Try it"):
    """Write a notebook of code cells; return its path."""
    cells = [new_markdown_cell(f"# {title}"), *map(new_code_cell, sources)]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNEL})
    nbformat.write(notebook, path)
    return path


def kernels():
    """Return the kernels among this process's descendants."""
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and "ipykernel" in " ".join(child.cmdline())
    ]


def test_run_executes_where_the_notebook_is(tmp_path):
    """A kernel works in its notebook's folder, and finds the frames at an absolute path."""
    source = "import os\nprint(os.getcwd(), os.environ['SEGKIT_DATA'])"
    notebook = write(tmp_path / "01_where.ipynb", source)
    before = notebook.read_bytes()
    rows = course.run([notebook], tmp_path / "out", data="some/frames", progress=False)
    assert rows[0]["failure"] is None
    assert rows[0]["title"] == "Try it"
    html = (tmp_path / "out" / "01_where.html").read_text("utf-8")
    assert f"{tmp_path} {Path('some/frames').resolve()}" in html
    assert notebook.read_bytes() == before


def test_run_opens_no_window(tmp_path, monkeypatch):
    """Pages are drawn by Matplotlib, unless whoever runs it asks for napari."""
    source = "import os\nassert os.environ['SEGKIT_VIEWER'] == 'matplotlib'"
    notebook = write(tmp_path / "viewer.ipynb", source)
    monkeypatch.delenv("SEGKIT_VIEWER", raising=False)
    assert course.run([notebook], tmp_path, progress=False)[0]["failure"] is None


def test_run_measures_time_and_memory(tmp_path):
    """Seconds and peak memory are the kernel's, memory that it gave back included."""
    sleeps = write(tmp_path / "sleeps.ipynb", "import time\ntime.sleep(1.5)")
    holds = write(tmp_path / "holds.ipynb", "block = b'1' * 400_000_000\ndel block")
    first, second = course.run([sleeps, holds], tmp_path, progress=False)
    assert 1.5 <= first["seconds"] < 30
    assert 20 < first["peak_mb"] < 300
    assert 400 < second["peak_mb"] < 800


def test_run_counts_the_memory_of_child_processes(tmp_path):
    """Memory held by a process that the kernel started counts too."""
    script = "import time; block = b'1' * 300_000_000; time.sleep(1)"
    source = (
        f'import subprocess, sys\nsubprocess.run([sys.executable, "-c", "{script}"], check=True)'
    )
    rows = course.run([write(tmp_path / "child.ipynb", source)], tmp_path, progress=False)
    assert rows[0]["failure"] is None
    assert rows[0]["peak_mb"] > 300


def test_run_reports_the_cell_that_fails(tmp_path):
    """One line names notebook and cell, the page is there, and the next notebook runs."""
    bad = write(tmp_path / "bad.ipynb", "print('first')", "1 / 0", "print('third')")
    good = write(tmp_path / "good.ipynb", "print('fine')")
    rows = course.run([bad, good], tmp_path, workers=1, progress=False)
    assert rows[0]["failure"] == "bad.ipynb, cell 2: ZeroDivisionError: division by zero"
    assert rows[1]["failure"] is None
    html = (tmp_path / "bad.html").read_text("utf-8")
    assert re.search(r"<pre>first\s*</pre>", html)
    assert "ZeroDivisionError" in html
    assert not re.search(r"<pre>third\s*</pre>", html)


def test_run_reports_the_line_of_a_bare_assertion(tmp_path):
    """An error without a message is told by the line that raised it."""
    bad = write(tmp_path / "bad.ipynb", "n = 3\nassert n == 4  # not so")
    failure = course.run([bad], tmp_path, progress=False)[0]["failure"]
    assert failure == "bad.ipynb, cell 1: AssertionError: assert n == 4  # not so"


def test_run_reports_a_kernel_that_dies(tmp_path):
    """A kernel that ends in mid-cell is a failure, not a wait."""
    dies = write(tmp_path / "dies.ipynb", "import os\nos._exit(3)")
    assert (
        "dies.ipynb, cell 1: the kernel died"
        in (course.run([dies], tmp_path, progress=False)[0]["failure"])
    )


@pytest.mark.parametrize(("deaths", "failure"), [(2, None), (3, "cell 0: the kernel died")])
def test_run_starts_a_kernel_again_that_dies_at_once(tmp_path, monkeypatch, deaths, failure):
    """A kernel that loses its port before the first cell is started again, but not for ever."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, pathlib, sys\n"
        "starts = pathlib.Path(__file__).with_name('starts')\n"
        "if 'ipykernel_launcher' in sys.orig_argv:\n"
        "    with starts.open('a') as file:\n"
        "        file.write('x')\n"
        f"    if len(starts.read_text()) <= {deaths}:\n"
        "        os._exit(1)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    path = write(tmp_path / "late.ipynb", "print('here')")
    found = course.run([path], tmp_path, progress=False)[0]["failure"]
    assert failure in found if failure else found is None
    assert len((tmp_path / "starts").read_text()) == 3


def test_run_reports_a_cell_without_end(tmp_path, monkeypatch):
    """A cell that outlasts the limit is a failure, and its kernel is ended."""
    monkeypatch.setattr(kernel, "CELL_TIMEOUT", 1)
    endless = write(tmp_path / "endless.ipynb", "while True:\n    pass")
    rows = course.run([endless], tmp_path, progress=False)
    assert rows[0]["failure"] == "endless.ipynb, cell 1: took longer than 1 s"
    assert not kernels()


@pytest.mark.parametrize("late", [False, True])
def test_an_interrupted_run_leaves_no_kernel(tmp_path, monkeypatch, late):
    """When a run is interrupted the other kernels are ended, one that still starts included."""

    def interrupt(*_, **__):
        if not late:
            while not (tmp_path / "begun").exists():
                time.sleep(0.05)
        raise KeyboardInterrupt

    def execute(path, **options):
        if late and path.stem == "slow":
            while not options["running"].ended:
                time.sleep(0.05)
        return ended.append(path.stem) or original(path, **options)

    original, ended = kernel.execute, []
    monkeypatch.setattr(kernel, "execute", execute)
    monkeypatch.setattr(page, "page", interrupt)
    quick = write(tmp_path / "quick.ipynb", "1")
    slow = write(
        tmp_path / "slow.ipynb",
        "import pathlib\npathlib.Path('begun').touch()",
        "import time\ntime.sleep(30)",
        "pathlib.Path('finished').touch()",
    )
    with pytest.raises(KeyboardInterrupt):
        course.run([quick, slow], tmp_path, progress=False)
    assert sorted(ended) == ["quick", "slow"]
    assert (tmp_path / "begun").exists() is not late
    assert not (tmp_path / "finished").exists()
    assert not (tmp_path / "slow.html").exists()
    assert not kernels()


@pytest.mark.parametrize("category", ["FutureWarning", "DeprecationWarning"])
def test_the_tests_kernels_fail_on_warnings(tmp_path, monkeypatch, category):
    """With the tests' start-up file such a warning stops a cell; without it, it does not."""
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    source = f"import warnings\nwarnings.warn('old name', {category})"
    notebook = write(tmp_path / "warns.ipynb", source)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    assert course.run([notebook], tmp_path, progress=False)[0]["failure"] is None
    shutil.copy(STARTUP, startup)
    failure = course.run([notebook], tmp_path, progress=False)[0]["failure"]
    assert failure == f"warns.ipynb, cell 1: {category}: old name"


def test_page_keeps_alternative_text_and_folds_solutions(tmp_path):
    """The picture carries its description; a collapsed cell opens by a click, without script."""
    notebook = write(tmp_path / "page.ipynb", DISPLAY)
    hidden = new_code_cell("# Solution 1\nx = 2", metadata={"jupyter": {"source_hidden": True}})
    with_solution = nbformat.read(notebook, as_version=4)
    with_solution.cells.append(hidden)
    nbformat.write(with_solution, notebook)
    rows = course.run([notebook], tmp_path, progress=False)
    assert rows[0]["undescribed"] == 0
    html = (tmp_path / "page.html").read_text("utf-8")
    (picture,) = re.findall("<img[^>]*>", html)
    assert 'a "square" &amp; a disc' in picture
    assert len(re.findall(r'<details class="folded"><summary>Solution 1</summary>', html)) == 1


def test_page_loads_nothing():
    """No script, style sheet, font or picture of a page comes from elsewhere; links may."""
    badge = "[![Open in Binder](https://mybinder.org/b.svg)](https://mybinder.org/v2)"
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "7"}, "text/plain": "a knob"}
    cells = [
        new_markdown_cell(f"# Title\n\n{badge} [next](05_b.ipynb) [other](06_c.ipynb)"),
        new_code_cell("knob", outputs=[new_output("display_data", data=widget)]),
    ]
    state = {"application/vnd.jupyter.widget-state+json": {"state": {"7": {}}}}
    notebook = new_notebook(cells=cells, metadata={"widgets": state})
    html = page.page(notebook, title="Title", pages={"05_b"})
    assert not re.search(r"<script|<link|<iframe|@import|url\((?!data:|#)", html)
    assert not re.search(r"src=[\"'](?!data:)", html)
    assert '<a href="https://mybinder.org/v2">Open in Binder</a>' in html
    assert 'href="05_b.html"' in html
    assert 'href="06_c.ipynb"' in html
    assert "a knob" in html
    assert "widgets" in notebook.metadata


def test_undescribed_counts_pictures_without_a_text():
    """A picture with no alternative text, or a blank one, counts; text outputs do not."""
    png = {"image/png": "iVBORw0KGgo="}
    outputs = [
        new_output("display_data", data=png),
        new_output("display_data", data=png, metadata={"image/png": {"alt": " "}}),
        new_output("display_data", data=png, metadata={"image/png": {"alt": "a disc"}}),
        new_output("stream", name="stdout", text="image/png"),
    ]
    assert page.undescribed(new_notebook(cells=[new_code_cell("x", outputs=outputs)])) == 2


def test_main_writes_pages_index_and_table(tmp_path, capsys, simulated_frames):
    """The command writes a page each, an index that links to them, and the table twice."""
    for name in ("01_a", "02_b"):
        write(tmp_path / f"{name}.ipynb", "print(1)", title=f"Do {name}")
    write(tmp_path / "11_c.ipynb", "1 / 0")
    arguments = [str(tmp_path / "0*.ipynb"), "--into", str(tmp_path / "out")]
    assert course.main([*arguments, "--table", str(tmp_path / "table.md")]) == 0
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    assert re.findall(r'href="([^"]*)">([^<]*)', index) == [
        ("01_a.html", "Do 01_a"),
        ("02_b.html", "Do 02_b"),
    ]
    result = json.loads((tmp_path / "table.json").read_text("utf-8"))
    assert [row["notebook"] for row in result["notebooks"]] == ["01_a", "02_b"]
    assert result["data_set"] == data.describe(simulated_frames)
    row = result["notebooks"][1]
    table = (tmp_path / "table.md").read_text("utf-8")
    assert f"| 02_b | {row['seconds']} | {row['peak_mb']} |" in table
    assert str(tmp_path / "out" / "index.html") in capsys.readouterr().out


def test_main_fails_over_the_limits(tmp_path, capsys, simulated_frames):
    """Each promise that is not kept is one line, and the exit status is 1."""
    write(
        tmp_path / "01_a.ipynb", DISPLAY.replace('"alt"', '"title"'), "import time; time.sleep(1)"
    )
    arguments = [str(tmp_path), "--into", str(tmp_path / "out"), "--seconds", "0.5"]
    assert course.main([*arguments, "--megabytes", "10"]) == 1
    faults = [row for row in capsys.readouterr().err.split("\n") if row.startswith("segkit.course")]
    assert len(faults) == 3
    assert "1 picture(s) without alternative text" in faults[0]
    assert "more than 0.5 s" in faults[1]
    assert "more than 10 MB" in faults[2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["9*.ipynb", "--into", "out"], "9*.ipynb: give a folder"),
        (["broken.ipynb", "--into", "out"], "broken.ipynb is no notebook"),
        (["bare.ipynb", "--into", "out"], "bare.ipynb has no cells"),
        (["good.ipynb", "--into", "file"], "file cannot be written to"),
        (["good.ipynb", "--into", "out", "--nuclei", "lost.parquet"], "There is no lost.parquet: "),
    ],
)
def test_main_names_what_it_cannot_use(tmp_path, monkeypatch, capsys, arguments, named):
    """A wrong path is one line on stderr that names it, and exit status 1; no kernel is started."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course.kernel, "execute", None)
    nbformat.write(new_notebook(cells=[new_markdown_cell("# Good")]), "good.ipynb")
    nbformat.write(new_notebook(), "bare.ipynb")
    Path("broken.ipynb").write_text("{")
    Path("file").write_text("no folder")
    assert course.main(arguments) == 1
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1
