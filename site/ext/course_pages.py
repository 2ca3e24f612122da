"""What the pages need beyond myst-nb: alternative texts, named folds, and "Going deeper" folded."""

import hashlib
from base64 import b64decode
from html import escape
from pathlib import Path

import nbformat
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def alt_texts(notebook):
    """Return the alternative texts of a notebook's figures, by the SHA-256 of their PNG.

    myst-nb names the file of a figure by this hash, and ignores the text that
    ``segkit.show.described`` stored with it.
    """
    return {
        hashlib.sha256(b64decode(output.data["image/png"])).hexdigest(): text.strip()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
        and (text := output.metadata.get("image/png", {}).get("alt"))
    }


def describe(app, doctree):
    """Give every figure its text; warn of a picture that has none, which fails the build."""
    path = Path(app.env.doc2path(app.env.docname))
    texts = {}
    if path.suffix == ".ipynb":
        texts = alt_texts(nbformat.read(path, as_version=4))
    for image in doctree.findall(nodes.image):
        text = image.get("alt") or texts.get(Path(image["uri"]).stem)
        if text:
            image["alt"] = text
        else:
            LOGGER.warning("%s has no alternative text", image["uri"], location=image)


def fold_deeper(app, doctree):
    """Fold everything below the heading "Going deeper", which a first reader can skip.

    Sphinx has read the headings by now, so that the page's table of contents keeps them.
    """
    for section in list(doctree.findall(nodes.section)):
        if section[0].astext() == "Going deeper":
            content, words = section[1:], "Show this part: you can do without it at first"
            section[1:] = [HideCodeCellNode("", *content, prompt_show=words, classes=["deeper"])]


def mark_tasks(app, doctree):
    """Mark what asks the reader for something, and what to keep, so that the page sets it off."""
    for section in doctree.findall(nodes.section):
        heading = section[0].astext()
        if heading.startswith(("Exercise ", "Key points", "Copy this")):
            section["classes"].append(f"box {heading.split()[0].lower()}")
    for strong in doctree.findall(nodes.strong):
        if strong.astext().startswith(("Predict:", "Question")):
            strong.parent["classes"].append("task")


def open_fold(translator, node):
    """Begin a fold: unlike myst-nb's, its summary is read out as it is written."""
    classes = " ".join(node["classes"])
    translator.body.append(
        f'<details class="admonition hide {classes}">\n'
        f'<summary><p class="admonition-title">{escape(node["prompt_show"])}</p></summary>\n'
    )


def close_fold(translator, node):
    """End a fold."""
    translator.body.append("</details>\n")


def anchor(heading):
    """Return the anchor of a heading as JupyterLab makes it, so that a link works in both."""
    return heading.replace(" ", "-")


def setup(app):
    """Register with Sphinx."""
    app.connect("doctree-read", describe)
    app.connect("doctree-read", fold_deeper)
    app.connect("doctree-read", mark_tasks)
    app.add_node(HideCodeCellNode, override=True, html=(open_fold, close_fold))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
