"""Generate the gallery of snippets from their docstrings.

One page, in MyST Markdown: a list of all, then each with its purpose, what comes out,
the notebook that explains it, and its code, grouped by what one wants to do. Links to notebooks
lead to ``/notebooks/``, as on the web site, and the notebooks link back. What the snippets print
and draw was recorded by ``tests/snippets/printed.py``.
"""

import ast
import json
import re
from pathlib import Path

import notebook_pages

ROOT = Path(__file__).resolve().parents[1]
SOURCE = "https://github.com/dask-segmentation/image-segmentation-with-dask/blob/main/snippets"
PURPOSE = re.compile(
    r"(?P<text>.+?)(?P<result>\sIt\s+(?:prints|writes)\s.+)?"
    r"\s+Explained in\s+notebooks/(?P<notebook>\w+)\.ipynb\.$",
    re.DOTALL,
)
GROUPS = {
    "Read images": "read_pattern find_odd_files read_multipage split_multipage read_ome_zarr "
    "read_own_format",
    "Look at images and labels": "contact_sheet frame_statistics show_outlines napari_layers",
    "Filter": "smooth_frames remove_hot_pixels correct_shading map_overlap_filter "
    "apply_parallel_filter",
    "Segment": "threshold_of_stack clean_masks label_frames clear_border split_touching "
    "label_large_image label_tiles label_volume model_per_worker",
    "Count and measure": "count_nuclei whole_pipeline own_folder delayed_table "
    "measure_properties measure_second_channel crop_nuclei corrected_labels score_labels",
    "Save many results": "files_to_parquet skip_bad_files summarise_parquet stack_to_zarr "
    "save_ome_zarr",
    "Use all cores, a cluster or a GPU": "profile_tasks local_cluster slurm_cluster gpu_segment "
    "gpu_dask_image",
}
PRINTED = "```{{code-block}} text\n:class: output\n\n{}\n```"  # without a button to copy it
PICTURE = "```{{image}} /pictures/copy/{}.png\n:alt: {}\n:width: 24rem\n```"
HEAD = """# Copy

Here are {count} short scripts to copy, which show the libraries' own calls.
Most take all files that match the pattern in one of their first lines, `images/*.tif`.
So start them in the folder that holds your `images`, or write your own pattern there.
On the frames of the course: `cd data/BBBC039` or `cd data/simulated`, then
`python ../../snippets/NAME.py`.
The files have to be grey frames of one shape, one per file, unless the text says otherwise.
[Find those that differ](#snippet-find_odd_files) first.
The tests run every script, most of them on images made with known nuclei.
Results are those on eight simulated frames, but for four that need a display, a GPU or settings.
"""


def explained(path):
    """Return the parts of a snippet.

    Returns
    -------
    dict of str to str
        title, text (its purpose), result (what comes out, or ""), notebook (stem of the one that
        explains it), code (without the docstring).

    Raises
    ------
    ValueError
        If the docstring does not have these parts.
    """
    source = path.read_text(encoding="utf-8")
    tree = ast.parse(source)
    parts = (ast.get_docstring(tree) or "").split("\n\n")
    found = PURPOSE.match(parts[-1])
    if len(parts) != 3 or not found:
        msg = (
            f"{path}: write its docstring as a title, the command, and a purpose that ends with "
            "'Explained in notebooks/NAME.ipynb.', with blank lines between them"
        )
        raise ValueError(msg)
    code = "\n".join(source.splitlines()[tree.body[0].end_lineno :]).strip()
    return {"title": parts[0].rstrip("."), "code": code, **found.groupdict(default="")}


def title(stem):
    """Return a notebook's number and title."""
    notebook = notebook_pages.read(ROOT / "notebooks" / f"{stem}.ipynb")
    return f"{stem[:2]} {notebook_pages.title(notebook)}"


def page(paths):
    """Return the page of some snippets.

    Parameters
    ----------
    paths : iterable of Path
        The scripts.

    Returns
    -------
    str
        MyST Markdown.

    Raises
    ------
    ValueError
        If a script is in no group.
    """
    paths = {path.stem: path for path in paths}
    printed, pictures = json.loads((ROOT / "site" / "printed.json").read_text("utf-8")).values()
    listed, sections = [], []
    for group, names in GROUPS.items():
        listed.append(f"\n{group}:\n")
        sections.append(f"## {group}")
        for name in filter(paths.__contains__, names.split()):
            one = explained(paths.pop(name))
            listed.append(f"- [{one['title']}](#snippet-{name})")
            link = f"[{title(one['notebook'])}](/notebooks/{one['notebook']}.ipynb)"
            sections += [f"(snippet-{name})=\n### {one['title']}", one["text"]]
            sections += [f"**Result:** {one['result'].strip()}"] if one["result"] else []
            sections += [PRINTED.format(printed[name])] if name in printed else []
            sections += [PICTURE.format(name, pictures[name])] if name in pictures else []
            sections += [f"Explained in notebook {link}; [snippets/{name}.py]({SOURCE}/{name}.py)"]
            sections += [f"```python\n{one['code']}\n```"]
    if paths:
        raise ValueError(f"{', '.join(paths)} not in a group of site/gallery.py: add it to one")
    head = HEAD.format(count=sum(line.startswith("-") for line in listed))
    return "\n\n".join([head.strip(), "\n".join(listed), *sections]) + "\n"


def linked(notebook, stem, paths):
    """Add links to the snippets that a notebook explains to its heading "Copy this", in place."""
    found = {path.stem: explained(path) for path in sorted(paths)}
    ours = {name: one["title"] for name, one in found.items() if one["notebook"] == stem}
    links = "; ".join(f"[{words}](#snippet-{name})" for name, words in ours.items())
    (cell,) = (cell for cell in notebook.cells if cell.source.startswith("## Copy this"))
    cell.source += f"\n\nIn the [gallery](/copy/index.md): {links}.\n"
    return notebook
