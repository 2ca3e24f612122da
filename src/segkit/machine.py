"""What this machine has: cores, memory, disk, GPU, the dashboard's port, threads.

Each function returns a finding for `segkit.doctor`: (subject, status, finding, what to do). Only
the standard library is imported at the top: they are asked also where packages are missing.
"""

import os
import shutil
import socket
import sys
from pathlib import Path

OK, MISSING, WARNING = "ok", "missing", "warning"
GB = 1e9


def cores(count=None):
    """Count the processor cores that this process may use."""
    if count is None:
        from dask.system import CPU_COUNT as count  # knows the limits of containers
    if count < 2:
        todo = "Everything runs, but nothing at the same time: allow for twice the time."
        return "cores", WARNING, "1 core", todo
    return "cores", OK, f"{count} cores", ""


def memory_limit(total, *, listing="/proc/self/cgroup", mount="/sys/fs/cgroup"):
    """Return the memory that this process may use, in bytes.

    Parameters
    ----------
    total : int
        Memory of the machine, bytes.
    listing, mount : path-like
        Where Linux tells the control groups of this process, and their limits. Both versions of
        the control groups are read, each group with all groups above it.
    """
    try:
        lines = Path(listing).read_text(encoding="utf-8").splitlines()
    except OSError:  # no Linux
        return total
    limits = [total]
    for line in lines:
        _, controllers, group = line.split(":", 2)
        if not controllers:
            root, name = Path(mount), "memory.max"
        elif "memory" in controllers.split(","):
            root, name = Path(mount) / "memory", "memory.limit_in_bytes"
        else:
            continue
        inside = Path(group.lstrip("/"))
        for folder in (inside, *inside.parents):
            file = root / folder / name
            text = file.read_text(encoding="utf-8").strip() if file.is_file() else "max"
            if text != "max":
                limits.append(int(text))
    return min(limits)


def memory(limit=None, *, total=None):
    """Look at the memory, that of the container where it has a limit.

    Parameters
    ----------
    limit, total : int, optional
        What this process may use, and what the machine has, bytes; found out if not given.
    """
    if total is None:
        import psutil

        total = psutil.virtual_memory().total
    limit = memory_limit(total) if limit is None else limit
    finding = f"{limit / GB:.1f} GB"
    if limit < total:
        finding += f", the limit of this container; the machine has {total / GB:.1f} GB"
    todo = "A notebook takes up to 2 GB: close other programs, or raise the container's limit."
    if limit < 1 * GB:
        return "memory", MISSING, finding, todo
    return "memory", *((WARNING, finding, todo) if limit < 2 * GB else (OK, finding, ""))


def disk(folder=None, *, free=None):
    """Look whether the folder for the frames may be written to, and has room.

    Parameters
    ----------
    folder : path-like, optional
        ``data.root()`` if not given; it need not exist.
    free : int, optional
        Free bytes there; found out if not given.
    """
    if folder is None:
        from segkit import data

        folder = data.root()
    folder = Path(folder).absolute()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        todo = "Set SEGKIT_DATA to a folder of your own."
        return "disk", MISSING, f"{there} cannot be written to", todo
    free = shutil.disk_usage(there).free if free is None else free
    finding = f"{free / GB:.1f} GB free for {folder}"
    todo = "The frames take 0.3 GB, results up to 1 GB: make room, or set SEGKIT_DATA elsewhere."
    if free < 0.3 * GB:
        return "disk", MISSING, finding, todo
    return "disk", *((WARNING, finding, todo) if free < 1.5 * GB else (OK, finding, ""))


def gpu():
    """Look for CuPy and a device."""
    todo = "Only notebook 13 uses a GPU, and it can be read without."
    try:
        import cupy
    except ImportError:
        if shutil.which("nvidia-smi"):
            todo = "For notebook 13: pip install cupy-cuda12x or cupy-cuda13x, as your driver is."
            return "GPU", WARNING, "an NVIDIA driver, but no CuPy", todo
        return "GPU", WARNING, "no CuPy and no NVIDIA driver", todo
    try:
        if cupy.cuda.runtime.getDeviceCount():
            name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
            return "GPU", OK, f"{name}, CuPy {cupy.__version__}", ""
        fault = "no device"
    except RuntimeError as error:  # CuPy's own errors, without a driver for example
        fault = str(error)
    return "GPU", WARNING, f"CuPy {cupy.__version__}, but {fault}", todo


def dashboard(port=8787):
    """Try whether Dask's dashboard can have its usual port."""
    with socket.socket() as trial:
        if sys.platform == "linux":  # ports of connections that were just closed count as free
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", port))
        except OSError:
            todo = "Nothing: Dask takes another; follow the link that the client shows."
            return "dashboard", WARNING, f"port {port} is taken", todo
    return "dashboard", OK, f"port {port} is free", ""


def blas(pools=None, *, count=None):
    """Compare the threads of NumPy's matrix products with the cores.

    Parameters
    ----------
    pools : list of dict, optional
        As ``threadpoolctl.threadpool_info()`` gives them.
    count : int, optional
        Cores.
    """
    import numpy  # noqa: F401  its libraries are counted once they are loaded
    import threadpoolctl
    from dask.system import CPU_COUNT

    pools = threadpoolctl.threadpool_info() if pools is None else pools
    count = CPU_COUNT if count is None else count
    found = {pool["internal_api"]: pool["num_threads"] for pool in pools}
    finding = ", ".join(f"{name} with {threads} threads" for name, threads in found.items())
    if any(threads > count for threads in found.values()):
        todo = f"More threads than cores slow each other down: set OMP_NUM_THREADS={count}."
        return "BLAS", WARNING, f"{finding}, {count} cores", todo
    return "BLAS", OK, finding or "none that could be counted", ""
