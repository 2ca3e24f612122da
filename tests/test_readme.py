"""What the pages in the root name exists: commands, targets, files, notebooks."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from segkit import cli

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")


def text(name):
    """Return a page's text."""
    return (ROOT / name).read_text("utf-8")


def commands(name):
    """Return the command lines of a page's code blocks, as lists of words."""
    blocks = re.findall(r"```(?:sh|powershell)\n(.*?)```", text(name), re.S)
    rows = "".join(blocks).replace("\\", "/").splitlines()
    return [shlex.split(row, comments=True) for row in rows]


def test_the_course_map_lists_every_notebook():
    """The map links every notebook, in order, and nothing else."""
    linked = re.findall(r"^\| \[\d\d [^]]*\]\((notebooks/\w+\.ipynb)\)", text("README.md"), re.M)
    there = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob("notebooks/*.ipynb"))
    assert linked == there


def test_the_pipeline_runs_as_it_is(simulated_frames, tmp_path, monkeypatch, capsys):
    """The lines of the README find the objects that notebook 06 states for simulated frames."""
    images = tmp_path / "data" / "BBBC039" / "images"
    images.mkdir(parents=True)
    for path in sorted(simulated_frames.glob("images/*.tif"))[:3]:
        shutil.copy(path, images)
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(import dask.*?)```", text("README.md"), re.S)[1]
    exec(code, {})
    assert capsys.readouterr().out == "298 objects in three frames\n"


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name):
    """A link to a file of the repository leads to one."""
    links = re.findall(r"\]\((?!https?://)([^)#]+)\)", text(name))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_make_targets_exist():
    """Each ``make TARGET`` that a page names is in the Makefile."""
    pages = "\n".join(map(text, PAGES))
    named = re.findall(r"(?:^|`)(?:\S+=\S+ )?make ([a-z-]+(?: [a-z-]+)?)", pages, re.M)
    names = set(" ".join(named).split())
    assert {"lab", "site", "slides"} <= names
    assert names <= set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))


def test_segkit_commands_are_accepted():
    """The command line accepts each ``segkit`` line of the README."""
    lines = [words[1:] for words in commands("README.md") if words and words[0].endswith("/segkit")]
    assert {words[0] for words in lines} >= {"fetch", "verify", "simulate", "segment", "doctor"}
    for words in lines:
        assert cli.parser().parse_args(words).command == words[0]


def test_notebook_commands_are_accepted(monkeypatch, tmp_path, load):
    """Each line of the pages that runs notebooks is accepted by the command's parser."""
    tool = load("tools/run_notebooks")
    monkeypatch.chdir(tmp_path)  # without notebooks: parsed, then refused
    name = "tools/run_notebooks.py"
    lines = [words for page in PAGES for words in commands(page) if name in words]
    assert lines
    for words in lines:
        assert tool.main(words[words.index(name) + 1 :]) == 1


def test_the_windows_steps_run_what_make_runs():
    """The steps without make install, test and execute with the same options as the Makefile."""
    makefile = text("Makefile").replace("\\\n", " ")
    nbval = re.search(r"^NBVAL := (.*)$", makefile, re.M)[1]
    recipe = " ".join(makefile.replace("$(NBVAL)", nbval).split())
    for words in commands("README.md"):
        if words[1:3] == ["-m", "pytest"]:
            options = [f'"{word}"' if " " in word else word for word in words[1:]]
            assert " ".join(options) in recipe
    installs = [words for words in commands("README.md") if words[1:4] == ["-m", "pip", "install"]]
    assert [words[4:] for words in installs[:2]] == [
        ["-c", "constraints.txt", "-e", ".[test]"],
        ["-c", "constraints.txt", "-e", ".[napari]"],
    ]
