"""Image segmentation with Dask: the small helper package behind the notebooks.

``data`` finds and fetches the frames, ``simulate`` makes some, ``reading`` reads one, ``frame``
segments and measures one, ``run`` does so with a folder, ``score`` compares labels with the truth,
``show`` draws, ``check`` holds the exercises' checks, ``doctor`` looks at the machine, and ``cli``
is the command line.
"""

__version__ = "0.2.0"


class SegkitError(Exception):
    """What a user can correct, in one line: what is wrong, and what to do."""
