"""The code of the checkout as syntax trees: of Python files, and of notebooks, their text too."""

import ast
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]


def trees(*folders):
    """Yield path and tree of each Python file, cell, and block of Python in a notebook's text."""
    for path in (path for folder in folders for path in sorted((ROOT / folder).rglob("*"))):
        if path.suffix == ".py":
            yield path, ast.parse(path.read_text("utf-8"))
        elif path.suffix == ".ipynb" and ".ipynb_checkpoints" not in path.parts:
            for cell in nbformat.read(path, as_version=4).cells:
                blocks = re.findall(r"```python\n((?!%).*?)```", cell.source, re.S)  # %: a magic
                for code in [cell.source] if cell.cell_type == "code" else blocks:
                    yield path, ast.parse(code)


def imports(*folders):
    """Return the import statements in the code of some folders, as syntax nodes."""
    nodes = (node for _, tree in trees(*folders) for node in ast.walk(tree))
    return [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom)]
