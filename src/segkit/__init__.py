"""Image segmentation with Dask: the small helper package behind the notebooks.

``data`` finds and fetches the frames, ``simulate`` makes some, ``reading`` reads one, ``frame``
segments and measures one, ``run`` does so with a folder, ``score`` compares labels with the truth,
``show`` draws, ``check`` holds the exercises' checks, ``doctor`` looks at the machine, and ``cli``
is the command line.
"""

from contextlib import contextmanager

__version__ = "0.2.0"


class SegkitError(Exception):
    """What a user can correct, in one line: what is wrong, and what to do."""


@contextmanager
def explained(kind, problem, cure):
    """Make one line, an error of a kind, of any error: damaged files and modules raise them all."""
    try:
        yield
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise kind(f"{problem} ({reason}): {cure}") from error
