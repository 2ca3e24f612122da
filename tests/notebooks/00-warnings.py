"""IPython startup file: in the tests' kernels a FutureWarning or a DeprecationWarning is an error.

``make test`` copies it into ``build/ipython``, which IPYTHONDIR then names. It leaves no name in
the notebook's namespace.
"""


def _install():
    import warnings

    # Raised inside another package, and let through, one by one: the start of the message (a
    # regular expression), the category, the upstream report.
    let_through = []

    def set_filters(_):
        for category in (FutureWarning, DeprecationWarning):
            warnings.filterwarnings("error", category=category)
        for message, category, _report in let_through:
            warnings.filterwarnings("ignore", message=message, category=category)
        events.unregister("pre_run_cell", set_filters)

    # Right before the first cell and not now: the kernel's own start is not a notebook's doing,
    # and on Python 3.12 and 3.13 asyncio warns of the way in which tornado asks for its loop.
    events = get_ipython().events  # noqa: F821
    events.register("pre_run_cell", set_filters)


_install()
del _install
