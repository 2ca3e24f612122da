"""Notebooks as they lie on disk."""

import nbformat


def read(path):
    """Read a notebook.

    Raises
    ------
    ValueError
        If the file is none, or has no cell.
    """
    try:
        notebook = nbformat.read(path, as_version=4)
    except Exception as error:  # no JSON, no notebook, one of a later format: a kind for each
        msg = f"{path} is no notebook that can be read: save it again, or take it out."
        raise ValueError(msg) from error
    if not notebook.cells:
        raise ValueError(f"{path} has no cells: write some, or take it out.")
    return notebook


def count_cells(path):
    """Count a notebook's code cells."""
    return sum(cell.cell_type == "code" for cell in read(path).cells)
