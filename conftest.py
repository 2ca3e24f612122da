"""What pytest needs beside the notebooks themselves."""

import functools

import nbval.kernel

STARTS = 3  # attempts to start one kernel


def patient(start):
    """Let a kernel that dies before its first reply be started again.

    A kernel's ports are chosen free and bound about a second later. Where kernels start side by
    side, another program can take one in between, and the kernel ends with "Address already in
    use". A kernel that cannot start at all still fails, after the last attempt.
    """

    @functools.wraps(start)
    def start_new_kernel(*args, **options):
        for _ in range(STARTS - 1):
            try:
                return start(*args, **options)
            except RuntimeError as error:
                print(f"a kernel did not start ({error}): trying again")
        return start(*args, **options)

    return start_new_kernel


def pytest_configure():
    """Start nbval's kernels patiently."""
    nbval.kernel.start_new_kernel = patient(nbval.kernel.start_new_kernel)


def pytest_itemcollected(item):
    """Give the compared cells of a notebook an execution count.

    They are committed without one, so that a run changes nothing that git sees; nbval 0.11 takes
    stored output without a count for an error ("Unrun reference cell has outputs").
    """
    cell = getattr(item, "cell", None)
    if cell is not None and cell.get("outputs"):
        cell["execution_count"] = 1
        # tifffile logs a damaged tag of the real frames now and then: only stdout is compared
        item.parent.skip_compare = {*item.parent.skip_compare, "stderr"}
