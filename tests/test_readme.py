"""What the written pages name exists: commands, targets, files, notebooks."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

from segkit import cli

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "CHANGELOG.md")
PAGES += ("site/teach/classroom.md",)


def text(name):
    """Return a page's text."""
    return (ROOT / name).read_text("utf-8")


def calls(program):
    """Return the arguments of each line that calls a program of .venv, as lists of words."""
    rows = re.findall(rf"^\s*\.venv\S+{program} (.*)$", "\n".join(map(text, PAGES)), re.M)
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
    assert [link for link in links if not (ROOT / name).parent.joinpath(link).exists()] == []


def test_make_targets_exist():
    """Each ``make TARGET`` of pages, workflows and the dev container is in the Makefile."""
    folders = (".github/workflows/*.yml", ".devcontainer/*.json")
    others = [path.relative_to(ROOT) for folder in folders for path in ROOT.glob(folder)]
    code = "\n".join(map(text, [*PAGES, *others]))
    named = re.findall(r'(?:^\s*|[`"]|run: )(?:\S+=\S+ )*make ([a-z-]+(?: [a-z-]+)*)', code, re.M)
    names = set(" ".join(named).split())
    assert {"lab", "measure", "setup", "site", "test-browser"} <= names
    assert names <= set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))


def test_commands_are_accepted(monkeypatch, tmp_path, load):
    """The command line accepts each ``segkit`` line, and each one that runs notebooks."""
    assert {words[0] for words in calls("segkit")} >= {"fetch", "verify", "simulate", "segment"}
    for words in calls("segkit"):
        assert cli.parser().parse_args(words).command == words[0]
    tool = load("tools/run_notebooks")
    monkeypatch.chdir(tmp_path)  # without notebooks: parsed, then refused
    lines = calls("python tools/run_notebooks.py")
    assert lines
    for words in lines:
        assert tool.main(words) == 1
