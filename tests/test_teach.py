"""The instructor's guide agrees with the notebooks, and its timetables add up."""

import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
TEACH = ROOT / "site" / "teach"
NOTEBOOKS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))
PLANS = {"45 minutes": 45, "90 minutes": 90, "2 hours": 120, "Half a day": 210, "A day": 390}
CORE = r"^\| \d:\d\d \| (\d+) \|.*\| \[(\d\d)\]\(\S+\), the core( without its exercise)? \|$"


def text(name):
    """Return a page of the guide."""
    return (TEACH / name).read_text(encoding="utf-8")


def sections(page):
    """Return the sections of a page by their headings."""
    parts = re.split(r"^## (.*)$", page, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def stated(path):
    """Return the minutes of reading and of exercises that a notebook states, as text."""
    overview = nbformat.read(path, as_version=4).cells[1].source
    time = r"\*\*Time:\*\* (\d+) minutes of reading, (\d+) minutes of ex"
    return re.search(time, overview).groups()


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_notebook_has_its_entry(path):
    """There is one, with the notebook's minutes."""
    entries = {head[:2]: body for head, body in sections(text("notebooks.md")).items()}
    assert path.stem[:2] in entries
    entry = entries[path.stem[:2]]
    minutes = re.search(r"\*\*Minutes:\*\* (\d+) reading, (\d+) exercises\.", entry)
    assert minutes.groups() == stated(path)


@pytest.mark.parametrize(("plan", "minutes"), PLANS.items(), ids=list(PLANS))
def test_a_timetable_adds_up(plan, minutes):
    """A plan begins with set-up, adds up, and has a fifth of its teaching time as slack."""
    (body,) = [body for head, body in sections(text("timetables.md")).items() if plan in head]
    found = re.findall(r"^\| (\d):(\d\d) \| (\d+) \| (.*) \|$", body, re.M)
    rows = [(int(n), what) for _, _, n, what in found]
    assert sum(n for n, _ in rows) == minutes
    clock = [60 * int(hour) + int(minute) for hour, minute, _, _ in found]
    assert clock == [sum(n for n, _ in rows[:row]) for row in range(len(rows))]
    assert rows[0][1].startswith("set-up")
    teaching = sum(n for n, what in rows if re.search(r"\| \[\d\d\]", what))
    assert abs(sum(n for n, what in rows if what.startswith("slack")) - teaching / 5) < 1


def test_a_core_takes_the_minutes_of_its_notebook():
    """Each row that names a core has the minutes that the notebook states."""
    times = {path.stem[:2]: [int(part) for part in stated(path)] for path in NOTEBOOKS}
    rows = re.findall(CORE, text("timetables.md"), re.M)
    assert len(rows) > 30
    for minutes, number, without in rows:
        assert int(minutes) == (times[number][0] if without else sum(times[number])), number


def test_the_parts_that_the_guide_names_exist():
    """Each heading that a plan or an entry names in italics is in its notebook."""
    named = re.findall(r"^\|.*\| \[(\d\d)\]\(\S+\)(.*) \|$", text("timetables.md"), re.M)
    named = [number + part for number, part in named]
    skipped = re.findall(r"(\*[^*\n]+\*) \((\d\d)\)", text("timetables.md"))
    assert len(skipped) > 10
    named += [number + part for part, number in skipped]
    for head, body in sections(text("notebooks.md")).items():
        named.append(head[:2] + re.search(r"\*\*Cut first:\*\*(.*?)(?:\n\n|$)", body, re.S)[1])
    headings = {}
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
        headings[path.stem[:2]] = re.findall(r"^###? (.*)", prose, re.M)
    missing = [
        (row[:2], name)
        for row in named
        for name in re.findall(r"\*([^*]+)\*", row)
        if not any(heading.startswith(name.rstrip(",.")) for heading in headings[row[:2]])
    ]
    assert missing == []


def test_the_answers_are_those_of_the_notebooks():
    """Each number of the answer sheet with three digits or more stands in its notebook."""
    rows = re.findall(r"^\| (\d\d) \| .* \| (.*) \| (.*) \|$", text("answers.md"), re.M)
    sources = {path.name[:2]: path.read_text("utf-8").replace("_", "") for path in NOTEBOOKS}
    numbers = [
        (name, number.replace(",", ""))
        for name, *answers in rows
        for number in re.findall(r"\d[\d.,]*\d\d\d?\b", " ".join(answers))
    ]
    assert len(numbers) > 40
    missing = [(name, n) for name, n in numbers if n not in sources[name].replace(",", "")]
    assert missing == []
