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


# what a line of PowerShell may be here: a setting, or a program with words; PowerShell takes a word
# with one hyphen and a full stop or colon apart, and a comma, bracket or dollar has a meaning
WORD = r'"[^"`]*"|(?!-[^-\s]\S*[.:])[\w./:=-]+'
LINE = r'\$env:[A-Z_]+ = (\d+|"[^"`]*")|(py|git|cd|curl\.exe|\.venv\\Scripts\\[\w-]+)'
LINE += rf"( ({WORD}))+"


def commands(block, *, powershell=False):
    """Return the commands of a block, each as one line, without comments."""
    continued, between = ("`", "; ") if powershell else (r"\\", "; | && ")
    lines = re.sub(rf"{continued}\n *", "", re.sub(r"(^| )#.*", "", block, flags=re.M))
    return [line for line in re.split(rf"\n|{between}", lines) if line]


def posix(line):
    """Return a line of PowerShell as one for other systems."""
    assert re.fullmatch(LINE, line), f"{line} is not for PowerShell"
    line = re.sub(r"^\$env:(\w+) = ", r"export \1=", line)
    line = re.sub(r"^py -m", "python3 -m", line.replace("curl.exe", "curl"))
    return line.replace(".venv\\Scripts\\", ".venv/bin/")


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


def test_powershell_does_what_other_systems_do():
    """Each line of PowerShell is that of the block beside it, of ``make run`` or ``make test``."""
    (block,) = re.findall(r"```powershell\n(.*?)```", text("README.md"), re.S)
    lines = list(map(posix, commands(block, powershell=True)))
    venv, install, lab = commands(
        re.search(r"On macOS.*?```sh\n(.*?)```", text("README.md"), re.S)[1]
    )
    assert lines[:3] == [venv, install, lab]
    recipes = text("Makefile").replace("$(CURDIR)", "$PWD")
    for name in ("NBVAL", "PIP", "PY", "BIN", "VENV"):
        recipes = recipes.replace(f"$({name})", re.search(rf"^{name} := (.*)", recipes, re.M)[1])
    for line in lines[1:]:
        assert line.removeprefix("export ") in recipes or line.startswith(".venv/bin/segkit"), line

    beside = r"```sh\n([^`]*)```\n\nIn PowerShell:\n\n```powershell\n(.*?)```"
    pairs = re.findall(beside, text("site/teach/classroom.md"), re.S)
    assert len(pairs) == 2
    for block, theirs in pairs:
        block = block.replace("make setup", f"{venv}\n{install}").replace("make lab", lab)
        lines = map(posix, commands(theirs, powershell=True))
        assert list(map(shlex.split, lines)) == list(map(shlex.split, commands(block)))
