"""The format of the course's notebooks, as a function that lists where one departs from it.

CONTRIBUTING.md describes the format.
"""

import ast
import builtins
import re

from notebook_pages import core

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
REPOSITORY = "dask-segmentation/image-segmentation-with-dask"
BINDER = f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/notebooks/{{}}.ipynb"
WEB = "https://dask-segmentation.github.io/image-segmentation-with-dask/notebooks/{}.html"
COMPARED = {"nbval-check-output", "keep_output"}
ITEM = r"- [^\n]+(\n  [^\n]+)*"
# place in the core, pattern, description
READING = r"(## Further reading\n\n(- [^\n]*\]\(\S+\)[^\n]*\n)+\n)?"
PARTS = [
    (0, r"# \S[^\n]*\n\n\S[^\n]*\.\n", "a title, an empty line and a sentence"),
    (1, rf"\*\*You will be able to\*\*\n\n({ITEM}\n){{3,5}}\n", "an overview of 3 to 5 items"),
    (1, r".*\n\*\*Time:\*\* [^\n]*\d+ minutes", "an overview with '**Time:** ... minutes'"),
    (1, r".*\n\*\*Needs:\*\* .*\bMB of memory.*\bGPU", "an overview with '**Needs:** ... GPU'"),
    (-4, rf"## Key points\n\n({ITEM}(\n|$)){{3,6}}$", "'## Key points' with 3 to 6 items"),
    (-3, r"## Copy this(\n|$)", "'## Copy this'"),
    (-1, rf"{READING}## Next\n\n.*\]\(\S+\)", "'## Further reading' and '## Next' with links"),
]


def tags(cell):
    """Return a cell's tags as a set."""
    return set(cell.metadata.get("tags", []))


def folded(cell):
    """Return whether a cell's source is collapsed."""
    return cell.metadata.get("jupyter", {}).get("source_hidden") is True


def violations(notebook, stem):
    """Yield one line for each departure of a notebook from the format."""
    cells, end = notebook.cells, len(core(notebook))
    yield from file_violations(notebook)
    yield from text_violations(cells[:end], stem)
    yield from deeper_violations(cells, end)
    for number, cell in enumerate(cells):
        for violation in cell_violations(cell):
            yield f"cell {number}: {violation}"
    stubs = [i for i, cell in enumerate(cells) if "exercise" in tags(cell)]
    if not any(i < end for i in stubs) and not stem.startswith("00"):
        yield "no exercise (a cell tagged 'exercise') in the core: at least 1 wanted"
    for number, i in enumerate(stubs, 1):
        heading = f"{'##' if i < end else '###'} Exercise {number}: "
        for violation in exercise_violations(cells[max(i - 1, 0) : i + 3], number, heading):
            yield f"exercise {number}: {violation}"


def headings(cell):
    """Return the headings of a Markdown cell, with their number signs; none of a code cell."""
    prose = re.sub(r"```.*?```", "", cell.source, flags=re.S)
    return re.findall(r"^#+ .*", prose, re.M) if cell.cell_type == "markdown" else []


def deeper_violations(cells, end):
    """Find what JupyterLab and the pages would not collapse, and links that lead nowhere."""
    found = [heading for cell in cells for heading in headings(cell)]
    if end < len(cells):
        if cells[end].metadata.get("jp-MarkdownHeadingCollapsed") is not True:
            yield "'## Going deeper' is not collapsed (metadata jp-MarkdownHeadingCollapsed: true)"
        below = [heading for cell in cells[end:] for heading in headings(cell)][1:]
        for heading in (one for one in below if re.match("##? ", one)):
            yield f"{heading!r} stands below '## Going deeper': write it with three #"
    elif any("going deeper" in heading.lower() for heading in found):
        yield "'Going deeper' is not a cell that begins with '## Going deeper'"
    anchors = {heading.lstrip("# ").replace(" ", "-") for heading in found}
    prose = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for anchor in re.findall(r"\]\(#([^)\s]+)\)", prose):
        if anchor not in anchors:
            yield f"a link to #{anchor}, but no heading of that name"


def file_violations(notebook):
    """Find machine-specific or missing metadata."""
    if dict(notebook.metadata) != {"kernelspec": KERNEL}:
        yield f"metadata is not just {{'kernelspec': {KERNEL}}}"
    ids = [cell.get("id") for cell in notebook.cells]
    if None in ids or len(set(ids)) < len(ids):
        yield "a cell has no id, or two have the same"


def text_violations(cells, stem):
    """Find missing parts: title and badges, overview, key points, copy this, next."""
    for badge in (BINDER, WEB):
        if badge.format(stem) not in cells[0].source:
            yield f"the first cell has no badge that links to {badge.format(stem)}"
    for place, pattern, part in PARTS:
        if not re.match(pattern, cells[place].source, re.S):
            yield f"cell {place} of the core is not {part}"
    if "copy" not in tags(cells[-2]):
        yield "the cell before '## Next' is not code tagged 'copy'"
    elif missing := undefined(cells[-2].source):
        yield f"the copy cell does not stand on its own: {missing}"


def undefined(source):
    """Return the names that a piece of code uses and defines nowhere."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [node for node in nodes if isinstance(node, ast.Name)]
    known = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    known |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    known |= {
        node.asname or node.name.split(".")[0] for node in nodes if isinstance(node, ast.alias)
    }
    defined = ast.FunctionDef | ast.ClassDef | ast.ExceptHandler
    known |= {node.name for node in nodes if isinstance(node, defined)}
    return "; ".join(sorted({node.id for node in names} - known))


def cell_violations(cell):
    """Find what is wrong with one cell."""
    if cell.cell_type == "markdown":
        yield from markdown_violations(cell.source)
        return
    if cell.get("execution_count") is not None:
        yield "has an execution count"
    if tags(cell) & COMPARED:
        if not tags(cell) >= COMPARED:
            yield f"is compared: it needs both tags, {' and '.join(sorted(COMPARED))}"
        if {output.get("name") for output in cell.outputs} != {"stdout"}:
            yield "is compared: it needs printed text, and no other output: run 'make outputs'"
    elif cell.outputs:
        yield "has outputs: run 'make outputs'"
    if "test" in tags(cell):
        if not folded(cell):
            yield "is a test, and not collapsed (metadata jupyter.source_hidden)"
        if not re.match(r"# Test\b.*\bassert\b", cell.source, re.S):
            yield "is a test: it begins with '# Test of ...', and asserts something"
    draws = re.search(r"\bplt\.(subplots|figure|imshow|plot|hist|scatter)\(", cell.source)
    if draws and "described(" not in cell.source and not tags(cell) & {"copy", "solution"}:
        yield "draws a figure without alternative text: use show.described(fig, '...')"


def markdown_violations(source):
    """Find pictures without alternative text, and formulas that pages cannot draw."""
    prose = re.sub(r"```.*?```|`[^`]*`", "", source, flags=re.S)
    if re.search(r"!\[\s*\]\(", prose) or re.search(r"<img(?![^>]*\balt=\"[^\"]+\")", prose):
        yield "a picture without alternative text"
    if re.search(r"\$[^$\n]+\$|\\\(|\\begin", prose):
        yield "a TeX formula: pages load no MathJax"


def assigned(source):
    """Return the names that code assigns, functions included."""
    nodes = list(ast.walk(ast.parse(source)))
    names = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    stored = (node for node in nodes if isinstance(node, ast.Name))
    return names | {node.id for node in stored if isinstance(node.ctx, ast.Store)}


def given(pattern, cell):
    """Return the check that a cell calls and the words that it is given, or None and no words."""
    called = re.fullmatch(pattern, cell.source.strip(), re.S)
    return (called[1], set(re.findall(r"\w+", called[2]))) if called else (None, set())


def exercise_violations(cells, number, heading):
    """Find what is wrong with the task, stub, check and solution of one exercise."""
    if len(cells) < 4:
        yield "it is not followed by a check and a solution"
        return
    task, stub, check, solution = cells
    if not re.match(rf"{heading}\S", task.source):
        yield f"the cell before the stub does not start with {heading!r}"
    for cell, tag in zip(cells[1:], ("exercise", "check", "solution"), strict=True):
        if cell.cell_type != "code" or tag not in tags(cell):
            yield f"no code cell tagged '{tag}' in its place (stub, check, solution)"
            return
    if not folded(solution):
        yield "the solution is not collapsed (metadata jupyter.source_hidden)"
    if not re.match(rf"# Solution {number}\b", solution.source):
        yield f"the solution's first line, which names it, is not '# Solution {number}'"
    dots = set(re.findall(r"^\s*(\w+) = .*\.\.\.", stub.source, re.M))
    solved = assigned(solution.source)
    if not dots:
        yield "the stub has no 'name = ...' to fill in"
    if dots & solved:
        yield f"the solution overwrites the learner's answer: {', '.join(sorted(dots & solved))}"
    first, answered = given(r"(check\.\w+)\((.*)\);", check)
    second, passed = given(r".*\nassert (check\.\w+)\(([^\n]*), quiet=True\)", solution)
    if not answered & dots:
        yield "the check is not one call, with what the stub leaves open: 'check.what(answer);'"
    if not passed & solved:
        yield "the solution does not end with 'assert check.what(solution, quiet=True)'"
    if first != second:
        yield f"answer and solution have different checks: {first}, {second}"
