"""The format of the course's notebooks, as a function that lists where one departs from it.

CONTRIBUTING.md describes the format.
"""

import ast
import re
import subprocess
import sys

from notebook_pages import core

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
REPOSITORY = "dask-segmentation/image-segmentation-with-dask"
BINDER = f"https://mybinder.org/v2/gh/{REPOSITORY}/HEAD?urlpath=lab/tree/notebooks/{{}}.ipynb"
WEB = "https://dask-segmentation.github.io/image-segmentation-with-dask/notebooks/{}.html"
COMPARED = {"nbval-check-output", "keep_output"}


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
    """Find missing parts: title, overview, key points, copy this, further reading, next."""
    title, overview = cells[0].source, cells[1].source
    if not re.match(r"# \S.*\n\n\S.*\.\n", title):
        yield "the first cell is not a title, an empty line and a sentence"
    for badge in (BINDER, WEB):
        if badge.format(stem) not in title:
            yield f"the first cell has no badge that links to {badge.format(stem)}"
    if not re.match(r"\*\*You will be able to\*\*\n\n(- .+(\n  .+)*\n){3,5}\n", overview):
        yield "the second cell does not start with 'You will be able to' and 3 to 5 items"
    if not re.search(r"^\*\*Time:\*\* .*\d+ minutes", overview, re.M):
        yield "the second cell has no '**Time:** ... minutes'"
    if not re.search(r"^\*\*Needs:\*\* .*\bMB of memory.*\bGPU", overview, re.M | re.S):
        yield "the second cell has no '**Needs:** ... MB of memory ... GPU'"
    if len(cells) < 6:
        yield "the closing cells are missing"
        return
    points, copy, code, following = cells[-4:]
    if not re.match(r"## Key points\n\n(- .+(\n  .+)*(\n|$)){3,6}$", points.source):
        yield "the fourth cell from the end of the core is not '## Key points' with 3 to 6 items"
    if not re.match(r"## Copy this(\n|$)", copy.source):
        yield "the third cell from the end of the core does not start with '## Copy this'"
    if "copy" not in tags(code):
        yield "the cell before '## Next' is not code tagged 'copy'"
    elif missing := undefined(code.source):
        yield f"the copy cell does not stand on its own: {missing}"
    reading = r"(## Further reading\n\n(- .*\]\(\S+\).*\n)+\n)?"
    if not re.match(rf"{reading}## Next\n\n.*\]\(\S+\)", following.source, re.S):
        yield "the last cell of the core is not '## Further reading' with links and '## Next'"


def undefined(source):
    """Return what ruff says of names that a piece of code uses and does not define."""
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821"]
    done = subprocess.run(
        [*ruff, "--output-format", "concise", "--quiet", "-"],
        input=source,
        capture_output=True,
        text=True,
        check=False,
    )
    return "; ".join(done.stdout.split("\n")[:-1])


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
        if not cell.outputs:
            yield "is compared, and holds no output: run 'make outputs'"
        if any(output.get("name") != "stdout" for output in cell.outputs):
            yield "is compared, and holds other output than printed text"
    elif cell.outputs:
        yield "has outputs: run 'make outputs'"
    if "test" in tags(cell):
        if not folded(cell):
            yield "is a test, and not collapsed (metadata jupyter.source_hidden)"
        if not re.match(r"# Test\b", cell.source):
            yield "is a test: its first line, which names it, has to start with '# Test'"
        if not any(isinstance(node, ast.Assert) for node in ast.walk(ast.parse(cell.source))):
            yield "is a test without an assert"
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
    """Return the names that code assigns, and those whose value is an ellipsis."""
    names, dots = set(), set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            targets = [n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name)]
            names.update(targets)
            if any(isinstance(n, ast.Constant) and n.value is ... for n in ast.walk(node.value)):
                dots.update(targets)
    return names, dots


def call(source, kind):
    """Return function and argument names of a cell that is one check, or None."""
    body = ast.parse(source).body
    if len(body) != 1 or not isinstance(body[0], kind):
        return None
    inner = body[0].test if kind is ast.Assert else body[0].value
    if not isinstance(inner, ast.Call):
        return None
    arguments = [*inner.args, *(keyword.value for keyword in inner.keywords)]
    names = {n.id for a in arguments for n in ast.walk(a) if isinstance(n, ast.Name)}
    return ast.unparse(inner.func), names


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
    dots, solved = assigned(stub.source)[1], assigned(solution.source)[0]
    if not dots:
        yield "the stub has no 'name = ...' to fill in"
    if dots & solved:
        yield f"the solution overwrites the learner's answer: {', '.join(sorted(dots & solved))}"
    last = solution.source.strip().rpartition("\n")[2]
    first, second = call(check.source, ast.Expr), call(last, ast.Assert)
    if first is None or not check.source.rstrip().endswith(";"):
        yield "the check is not one call that ends with a semicolon, 'check.what(answer);'"
    elif not first[1] & dots:
        yield "the check is not given the name that the stub leaves open"
    if second is None or "quiet=True" not in last:
        yield "the solution does not end with 'assert check.what(solution, quiet=True)'"
    elif not second[1] & solved:
        yield "the check of the solution is not given what the solution made"
    elif first is not None and first[0] != second[0]:
        yield f"answer and solution have different checks: {first[0]}, {second[0]}"
