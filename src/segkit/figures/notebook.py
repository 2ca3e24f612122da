"""Figures on a notebook's page: each once, and each with an alternative text.

Jupyter's inline backend shows every open pyplot figure at the end of a cell, and a figure that is
a cell's last value once more. Here a figure is shown where `described` is called and nowhere else.
"""

import matplotlib.pyplot as plt
from IPython import get_ipython
from IPython.core.pylabtools import print_figure
from IPython.display import display
from matplotlib.figure import Figure


def kernel():
    """Tell whether this code runs in a Jupyter kernel."""
    return hasattr(get_ipython(), "kernel")


def new_figure(width, height):
    """Return a figure of a size in inches, with room made for all labels.

    In Jupyter pyplot does not know of it, so that it is not shown a second time; elsewhere
    ``plt.show()`` shows it.
    """
    make = Figure if kernel() else plt.figure
    return make(figsize=(width, height), layout="constrained")


def bundle(fig, text):
    """Return a figure as the data and metadata of a Jupyter output: PNG, with `text` as alt."""
    data = {"image/png": print_figure(fig, "png", base64=True), "text/plain": text}
    return data, {"image/png": {"alt": text}}


def described(fig, text):
    """Show a figure in the notebook, with a text for those who cannot see it, and close it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        From ``plt.subplots()`` or from a function of `segkit.show`.
    text : str
        One or two sentences: what is pictured, and what is to be seen in it.

    Returns
    -------
    matplotlib.figure.Figure or None
        None in Jupyter; elsewhere nothing is shown, and `fig` comes back as it was.

    Raises
    ------
    ValueError
        If the text is empty.
    """
    if not text or not text.strip():
        raise ValueError("The text is empty: say in a sentence what the figure shows.")
    if not kernel():
        return fig
    data, metadata = bundle(fig, " ".join(text.split()))
    display(data, raw=True, metadata=metadata)
    plt.close(fig)
    return None
