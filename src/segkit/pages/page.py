"""An executed notebook as one HTML page that needs no network and no script.

The stock template of nbconvert loads MathJax, require.js, Mermaid and the widget manager from
the network, drops the alternative text of figures and shows collapsed cells in full. The few
blocks overridden here put that right; everything else is the stock "lab" template.
"""

import re
from copy import deepcopy
from html import escape

from nbconvert import HTMLExporter
from traitlets.config import Config

# Folded cells become <details>: they open with a click, and without a line of script.
TEMPLATE = """
{%- extends 'lab/index.html.j2' -%}
{%- block html_head_js -%}{%- endblock -%}
{%- block jupyter_widgets -%}{%- endblock -%}
{%- block html_head_js_mathjax -%}{%- endblock -%}
{%- block html_head_js_mermaidjs -%}{%- endblock -%}
{%- block html_head_css -%}
<style>
body.jp-Notebook { max-width: 62rem; margin: 0 auto; padding: 1rem; }
img { max-width: 100%; height: auto; }
details.folded > summary { cursor: pointer; padding: 0.4rem 0 0.4rem 5rem; color: #1b5e8a; }
</style>
{%- endblock -%}
{%- block input_group -%}
{%- if cell.metadata.get('jupyter', {}).get('source_hidden') -%}
<details class="folded"><summary>{{ cell.source | first_words }}</summary>
{{ super() }}
</details>
{%- else -%}
{{ super() }}
{%- endif -%}
{%- endblock -%}
{%- block data_png scoped -%}
<div class="jp-RenderedImage jp-OutputArea-output">
<img src="data:image/png;base64,{{ output.data['image/png'] | trim | escape_html }}"
 alt="{{ (output | get_metadata('alt', 'image/png') or '') | escape_html }}">
</div>
{%- endblock -%}
"""
IMAGE = re.compile(r"!\[([^\]]*)\]\(https?://[^)\s]+\)")
NOTEBOOK = re.compile(r"\]\((\w+)\.ipynb(#[^)\s]*)?\)")


def _first_words(source):
    """Return a cell's first line without its comment sign: the caption of a folded cell."""
    return escape(source.strip().split("\n")[0].lstrip("# ")) or "Code"


def _local(text, pages):
    """Replace pictures from the network by their alternative text, notebooks by their pages.

    >>> _local("[![Binder](https://x.org/b.svg)](https://x.org) [next](05_b.ipynb)", {"05_b"})
    '[Binder](https://x.org) [next](05_b.html)'
    """
    text = IMAGE.sub(r"\1", text)
    return NOTEBOOK.sub(
        lambda m: f"]({m[1]}.html{m[2] or ''})" if m[1] in pages else m[0],
        text,
    )


def undescribed(notebook):
    """Count the pictures among a notebook's outputs that have no alternative text.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook.

    Returns
    -------
    int
    """
    return sum(
        not output.get("metadata", {}).get("image/png", {}).get("alt", "").strip()
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "image/png" in output.get("data", {})
    )


def page(notebook, *, title, pages=()):
    """Turn an executed notebook into one self-contained HTML page.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        An executed notebook; it is not changed.
    title : str
        The title of the page.
    pages : collection of str, optional
        Stems of the notebooks that get a page beside this one: links to them lead there.

    Returns
    -------
    str
        HTML. Figures are in it, with the alternative text that ``segkit.show.described`` gave
        them; cells with ``jupyter.source_hidden`` are folded; widgets are left out, since they
        do nothing without a kernel.
    """
    notebook = deepcopy(notebook)
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _local(cell.source, pages)
    config = Config()
    config.NbConvertBase.display_data_priority = [
        "image/png",
        "image/svg+xml",
        "text/html",
        "text/markdown",
        "image/jpeg",
        "text/plain",
    ]
    exporter = HTMLExporter(config=config, raw_template=TEMPLATE)
    exporter.register_filter("first_words", _first_words)
    return exporter.from_notebook_node(notebook, {"metadata": {"name": title}})[0]


def index(result):
    """Write the page that links to all pages of a report."""
    rows = "\n".join(
        f'<li><a href="{escape(r["notebook"])}.html">{escape(r["title"])}</a> '
        f"({r['seconds']} s, {r['peak_mb']} MB)"
        + (f"<br><strong>Stopped: {escape(r['failure'])}</strong>" if r["failure"] else "")
        + "</li>"
        for r in result["notebooks"]
    )
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        "<title>Image segmentation with Dask</title>"
        "<style>body { font: 1.1rem/1.6 sans-serif; max-width: 42rem; margin: 2rem auto; }</style>"
        "</head>\n<body><main><h1>Image segmentation with Dask</h1>\n"
        f"<p>Data: {escape(result['data_set'])}. Run: {result['date']}.</p>\n"
        f"<ul>\n{rows}\n</ul></main></body></html>\n"
    )
