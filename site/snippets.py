"""Generate the gallery of snippets from their docstrings.

    python site/snippets.py --into build/gallery

One page, ``index.md``, in MyST Markdown: a list of all, then each with its purpose and its code,
grouped by the notebook that explains it. Links to notebooks lead to ``/notebooks/``, as on the web
site.
"""

import argparse
import ast
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://github.com/dask-segmentation/image-segmentation-with-dask/blob/main/snippets"
NOTEBOOK = re.compile(r"\s*Explained in\s+notebooks/(\w+)\.ipynb\.$")
HEAD = """# Copy

Here are {count} short scripts to copy, which show the libraries' own calls.
Run them in a clone of the repository, as in `python snippets/NAME.py`.
They use the real frames if you have them, else simulated ones; replace these by your own files.
The tests run every script.
"""


def explained(path):
    """Return the parts of a snippet.

    Returns
    -------
    dict of str to str
        title, text (its purpose), notebook (stem of the one that explains it), code (without the
        docstring).

    Raises
    ------
    ValueError
        If the docstring does not have these parts.
    """
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    parts = (ast.get_docstring(tree) or "").split("\n\n")
    found = NOTEBOOK.search(parts[-1])
    if len(parts) != 3 or not found:
        msg = (
            f"{path}: write its docstring as a title, the command, and a purpose that ends with "
            "'Explained in notebooks/NAME.ipynb.', with blank lines between them"
        )
        raise ValueError(msg)
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()
    text = NOTEBOOK.sub("", parts[2])
    return {"title": parts[0].rstrip("."), "text": text, "notebook": found[1], "code": code}


def title(stem):
    """Return a notebook's number and title."""
    notebook = json.loads((ROOT / "notebooks" / f"{stem}.ipynb").read_text(encoding="utf-8"))
    heading = "".join(notebook["cells"][0]["source"]).split("\n")[0]
    return f"{stem[:2]} {heading.lstrip('# ')}"


def gallery(paths):
    """Return the page of some snippets.

    Parameters
    ----------
    paths : sequence of Path
        The scripts.

    Returns
    -------
    str
        MyST Markdown.
    """
    groups = {}
    for path in sorted(paths):
        one = explained(path)
        groups.setdefault(one["notebook"], {})[path.stem] = one
    listed, sections = [], []
    for notebook in sorted(groups):
        link = f"[{title(notebook)}](/notebooks/{notebook}.ipynb)"
        sections.append(f"## {title(notebook)}\n\nExplained in notebook {link}.")
        for name, one in groups[notebook].items():
            listed.append(f"- [{one['title']}](#snippet-{name})")
            sections += [f"(snippet-{name})=\n### {one['title']}", one["text"]]
            sections += [f"[snippets/{name}.py]({SOURCE}/{name}.py)"]
            sections += [f"```python\n{one['code']}\n```"]
    head = HEAD.format(count=len(listed))
    return "\n\n".join([head.strip(), "\n".join(listed), *sections]) + "\n"


def main(arguments=None):
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python site/snippets.py", description=main.__doc__)
    parser.add_argument("--into", type=Path, required=True, help="folder for index.md")
    args = parser.parse_args(arguments)
    args.into.mkdir(parents=True, exist_ok=True)
    page = gallery((ROOT / "snippets").glob("*.py"))
    (args.into / "index.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
