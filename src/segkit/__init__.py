"""The small helper package behind the course "Image segmentation with Dask".

Each job has a module of its own, named in the order in which the data flow: ``data``,
``simulate``, ``frame``, ``stack``, ``score``, ``store``, ``show``, ``check``, ``doctor``
and ``cli``. Some are doors to a folder with what is behind them: ``files`` (``data``),
``simulation`` (``simulate``), ``methods`` (``frame``), ``figures`` (``show``), ``clusters``
(``cluster``) and ``pages`` (``course``).

Import the one that you need (``from segkit import data``): the package itself loads nothing, so
that ``import segkit`` and the command line start at once.
"""

__version__ = "0.1.0"
