"""Execute one notebook in a kernel of its own, and measure that kernel's time and memory."""

import asyncio
import atexit
import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError
from traitlets.config import Config

from segkit.pages import source

CELL_TIMEOUT = 120  # seconds; twice what a whole notebook may take
# A kernel's ports are chosen free and bound about a second later: another program can take one in
# between, and the kernel dies before its first cell. It is started again, this many times in all.
STARTS = 3
ANSI = re.compile(r"\x1b\[[0-9;]*m")  # colours of a traceback


class _Meter(threading.Thread):
    """Sample the memory of a kernel and of all processes below it, every 0.1 s."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.process, self.peak, self.done = psutil.Process(pid), 0, threading.Event()

    def run(self):
        """Sample until told to stop or the kernel is gone."""
        while not self.done.wait(0.1):
            try:
                family = [self.process, *self.process.children(recursive=True)]
            except psutil.Error:
                return
            self.peak = max(self.peak, sum(map(_resident, family)), _high_water(self.process))


class Running:
    """The kernels that run now: one call ends them, and those that were still starting too."""

    def __init__(self):
        self.ended, self._processes = False, []

    def add(self, process):
        """Take a kernel's `psutil.Process`; it is ended at once if the others have been."""
        # noted before the look at `ended`, while `end` sets that before it goes through the list:
        # whichever thread comes second, it kills
        self._processes.append(process)
        if self.ended:
            self.end()

    def end(self):
        """End all kernels: they have a session of their own, and Ctrl-C does not reach them."""
        self.ended = True
        for process in list(self._processes):
            with suppress(psutil.NoSuchProcess):
                process.kill()


def _resident(process):
    """Return a process's resident memory in bytes, 0 if it has just ended."""
    try:
        return process.memory_info().rss
    except psutil.Error:
        return 0


def _high_water(process):
    """Return the most memory that a process ever held, in bytes; 0 where the OS does not tell."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()  # Linux
        return next(int(row.split()[1]) * 1024 for row in status.split("\n") if "VmHWM" in row)
    except (OSError, StopIteration):
        pass
    try:
        return getattr(process.memory_info(), "peak_wset", 0)  # Windows
    except psutil.Error:
        return 0


def _one_line(error):
    """Return what went wrong in a cell as one line."""
    if isinstance(error, CellExecutionError):
        # a bare assert has no message: the line that raised says most
        raised = re.findall(r"^-+> \d+ (.*)", ANSI.sub("", error.traceback), re.M)[-1:]
        message = str(error.evalue).strip().split("\n")[0] or "".join(raised)
        return f"{error.ename}: {message}".rstrip(": ")
    if isinstance(error, CellTimeoutError):
        return f"took longer than {CELL_TIMEOUT} s"
    return f"the kernel died ({error})"


def execute(path, *, env, step=None, running=None):
    """Execute one notebook from its first cell to its last, or to the first that fails.

    Parameters
    ----------
    path : Path
        The notebook; its folder is the kernel's working directory. The file is not changed.
    env : dict
        The kernel's environment variables.
    step : callable, optional
        Called without arguments after each code cell.
    running : Running, optional
        Takes the kernel, so that the caller can end it from another thread; a kernel that was
        ended so is not started again.

    Returns
    -------
    notebook : nbformat.NotebookNode
        With the outputs of the cells that ran.
    row : dict
        notebook (stem), title, seconds (wall time, start of the kernel included), peak_mb
        (10**6 bytes: the kernel with its child processes) and failure (None, or one line that
        names the notebook and the cell).
    """
    notebook = source.read(path)
    meters, codes = [], [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell in codes:
        cell.update(outputs=[], execution_count=None)
    at = 0

    def started(**_):
        meters.append(_Meter(client.km.provisioner.pid))
        meters[-1].start()
        if running is not None:
            running.add(meters[-1].process)

    def began(cell, **_):
        nonlocal at
        at += cell.cell_type == "code"

    def ended(**_):
        if step is not None:
            step()

    config = Config()
    config.KernelManager.transport_encryption = "auto"  # kernels warn of plain TCP otherwise
    start = time.perf_counter()
    for _ in range(STARTS):
        failure = None
        client = NotebookClient(
            notebook,
            config=config,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(path.parent)}},
            coalesce_streams=True,
            on_notebook_start=started,
            on_cell_start=began,
            on_cell_executed=ended,
        )
        try:
            asyncio.run(client.async_execute(env=env))
        except (CellExecutionError, CellTimeoutError, RuntimeError) as error:
            failure = f"{path.name}, cell {at}: {_one_line(error)}"
        if not failure or at:
            break
        # nbclient leaves its hook behind, which fails at exit when there never was a kernel
        atexit.unregister(client._cleanup_kernel)
    seconds = time.perf_counter() - start
    for meter in meters:
        meter.done.set()
    row = {
        "notebook": path.stem,
        "title": notebook.cells[0].source.split("\n")[0].lstrip("# "),
        "seconds": round(seconds, 1),
        "peak_mb": round(max((meter.peak for meter in meters), default=0) / 1e6),
        "failure": failure,
    }
    return notebook, row


def side_by_side(work, paths, *, workers):
    """Work on several notebooks at a time; when that is interrupted, end their kernels at once.

    Parameters
    ----------
    work : callable
        Takes a path and a `Running` to hand to `execute`.
    paths : sequence of Path
    workers : int
        How many at a time.

    Returns
    -------
    list
        What `work` returned, in the order of the paths.
    """
    running = Running()
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(work, path, running) for path in paths]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            running.end()
            raise
