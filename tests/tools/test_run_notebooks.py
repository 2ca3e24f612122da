"""Notebooks run in processes of their own, are measured, and become pages."""

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segkit import simulate

ROOT = Path(__file__).parents[2]
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
DISPLAY = """from IPython.display import display
display({"image/png": "iVBORw0KGgo="}, raw=True)"""


@pytest.fixture
def tool(load):
    """Return the module that runs notebooks."""
    return load("tools/run_notebooks")


@pytest.fixture
def pages(tool, load):
    """Return the module that executes and prepares them."""
    return load("tools/notebook_pages")


def write(path, *sources, title="Try it", **metadata):
    """Write a notebook of code cells; return its path."""
    cells = [new_markdown_cell(f"# {title}")]
    cells += [new_code_cell(source, metadata=metadata) for source in sources]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": KERNEL}), path)
    return path


def run(pages, path):
    """Execute a notebook; return what was measured, and what it printed."""
    kept = path.with_name("kept.ipynb")
    row = pages.execute(path, kept, stop=threading.Event())
    cells = nbformat.read(kept, as_version=4).cells if kept.exists() else []
    return row, "".join(out.get("text", "") for cell in cells for out in cell.get("outputs", []))


def test_a_kernel_works_where_the_notebook_is(pages, tmp_path, monkeypatch):
    """The frames are at an absolute path, nothing opens a window, the file is not changed."""
    monkeypatch.setenv("SEGKIT_DATA", "some/frames")
    monkeypatch.delenv("SEGKIT_VIEWER", raising=False)
    names = "os.getcwd(), os.environ['SEGKIT_DATA'], os.environ['SEGKIT_VIEWER']"
    notebook = write(tmp_path / "01_where.ipynb", f"import os\nprint({names})")
    before = notebook.read_bytes()
    row, said = run(pages, notebook)
    assert (row["failure"], row["title"]) == (None, "Try it")
    assert said == f"{tmp_path} {Path('some/frames').resolve()} matplotlib\n"
    assert notebook.read_bytes() == before


def test_time_and_memory_are_measured(pages, tmp_path):
    """Seconds and peak memory are the kernel's, with the processes that it starts."""
    hold = "import time; block = b'1' * 300_000_000; time.sleep(1)"
    source = f'import subprocess, sys\nsubprocess.run([sys.executable, "-c", "{hold}"])'
    row, _ = run(pages, write(tmp_path / "holds.ipynb", source))
    assert row["seconds"] >= 1
    assert 300 < row["peak_mb"] < 600


@pytest.mark.parametrize(
    ("source", "failure"),
    [
        ("1 / 0", "cell 1: ZeroDivisionError: division by zero"),
        ("n = 3\nassert n == 4  # not so", "cell 1: AssertionError: assert n == 4  # not so"),
        ("import os\nos._exit(3)", "died"),
        ("while True:\n    pass", "imed out"),
    ],
)
def test_what_fails_is_one_line(pages, tmp_path, monkeypatch, source, failure):
    """The line names the notebook, the cell and the cause; a cell without end is ended."""
    monkeypatch.setattr(pages, "TIMEOUT", 4)
    row, _ = run(pages, write(tmp_path / "bad.ipynb", source))
    assert row["failure"].startswith("bad.ipynb, ")
    assert failure in row["failure"]
    assert "\n" not in row["failure"]


def test_an_interrupted_run_leaves_no_kernel(tmp_path):
    """Ctrl-C ends the kernels and writes one line."""
    simulate.write(tmp_path / "data" / "simulated", frames=1)
    source = "import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(60)"
    write(tmp_path / "slow.ipynb", source)
    command = [sys.executable, ROOT / "tools" / "run_notebooks.py", "slow.ipynb", "--into", "out"]
    env = {**os.environ, "SEGKIT_DATA": "data"}
    process = psutil.Popen(command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not (tmp_path / "begun").exists():
        assert time.monotonic() < end, process.poll()
        time.sleep(0.1)
    family = process.children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert "stopped; the finished pages are there" in process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert psutil.wait_procs(family, timeout=10)[1] == []


def test_a_notebook_runs_again_only_when_something_changed(pages, tmp_path, simulated_frames):
    """The second call takes the outputs of the first; a changed or failed notebook runs again."""
    path = write(tmp_path / "01_a.ipynb", "print(6 * 7)")

    def once():
        return next(pages.executed([path], tmp_path / "kept"))

    notebook, row = once()
    assert notebook.cells[-1].outputs[0].text == "42\n"
    assert once() == (notebook, row)
    write(path, "1 / 0")
    first, second = once()[1], once()[1]
    assert "ZeroDivisionError" in first["failure"]
    assert first != second


def test_pages_have_alternative_texts_and_no_solutions(tool, tmp_path):
    """A picture carries its description, links lead to pages; what no reader needs is left out.

    These are tests, solutions, and why napari did not open where the pages were built.
    """
    png = {"image/png": "iVBORw0KGgo="}
    described = new_output("display_data", data=png, metadata={"image/png": {"alt": 'a "square"'}})
    cells = [
        new_markdown_cell("# Title\n\n[next](05_b.ipynb) [other](06_c.ipynb)"),
        new_markdown_cell("![tasks](pictures/one-idle.png)"),
        new_code_cell("plot()", outputs=[described]),
        new_code_cell(
            "napari.Viewer()",
            metadata={"tags": ["napari"]},
            outputs=[new_output("stream", text="no window")],
        ),
        new_code_cell("# Solution 1", metadata={"tags": ["solution"]}),
        new_code_cell("# Test of plot", metadata={"tags": ["test"]}),
    ]
    html = tool.page(new_notebook(cells=cells), "04_a", {"05_b"})
    assert """<img alt='a "square"' src=""" in html
    assert '<img alt="tasks" src="data:image/png;base64,' in html
    assert 'href="05_b.html"' in html
    assert "06_c" not in html
    assert "Solution 1" not in html
    assert "Test of plot" not in html
    assert "no window" not in html


def test_the_command_writes_pages_and_an_index(tool, tmp_path, capsys, simulated_frames):
    """There is a page for each notebook, and an index that links to them."""
    for name in ("01_a", "02_b"):
        write(tmp_path / f"{name}.ipynb", "print(1)", title=f"Do {name}")
    write(tmp_path / "11_c.ipynb", "1 / 0")
    assert tool.main([str(tmp_path / "0*.ipynb"), "--into", str(tmp_path / "out")]) == 0
    index = (tmp_path / "out" / "index.html").read_text("utf-8")
    links = [("01_a.html", "Do 01_a"), ("02_b.html", "Do 02_b")]
    assert re.findall(r'href="([^"]*)">([^<]*)', index) == links
    assert all((tmp_path / "out" / name).is_file() for name, _ in links)
    assert str(tmp_path / "out" / "index.html") in capsys.readouterr().out


def test_the_command_fails_over_the_limits(tool, tmp_path, capsys, simulated_frames):
    """Each promise that is not kept is one line, and the exit status is 1."""
    write(tmp_path / "01_a.ipynb", DISPLAY)
    arguments = [str(tmp_path), "--into", str(tmp_path / "out"), "--seconds", "0.5"]
    assert tool.main([*arguments, "--megabytes", "10"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert "1 picture(s) without alternative text" in lines[0]
    assert "more than 0.5 s" in lines[1]
    assert "more than 10 MB" in lines[2]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("9*.ipynb", "give a folder"),
        ("broken.ipynb", "cannot be read as a notebook"),
        ("bare.ipynb", "has no cells"),
    ],
)
def test_what_cannot_be_used_is_named(tool, tmp_path, monkeypatch, capsys, name, says):
    """A wrong path is one line on stderr that names it, and exit status 1."""
    monkeypatch.chdir(tmp_path)
    nbformat.write(new_notebook(), "bare.ipynb")
    Path("broken.ipynb").write_text("{")
    assert tool.main([name, "--into", "out"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert name in line
    assert says in line
