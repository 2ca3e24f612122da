"""A Dask client on this machine, on Slurm, over SSH, or at the address of a scheduler.

`client` is a context manager: what it opened it closes, however the block ends. A worker is one
process with one thread, because parts of the pipeline hold Python's global lock; Dask keeps BLAS
at one thread in it. Each machine has to see the frames and the results under the same path, and
the same Python.

On one machine nothing listens beyond loopback. Slurm's jobs and other hosts have to reach the
scheduler: there it listens on the network, encrypted, and answers only who has its certificate.
"""

import logging
import os
from asyncio import CancelledError
from contextlib import ExitStack, contextmanager

from segkit.clusters import launch
from segkit.clusters.tls import (
    ClusterError,
    SchedulerGoneError,
    WorkersDiedError,
    security,
    temporary,
)

__all__ = ["ClusterError", "SchedulerGoneError", "WorkersDiedError"]
__all__ += ["client", "link", "results", "security"]

START = {"local": launch.local, "slurm": launch.slurm, "ssh": launch.ssh}
NOISY = ("distributed.client", "distributed.scheduler", "tornado.application", "asyncio")


@contextmanager
def _closing(opened):
    """Close a client at the end; what is cut short then is not worth a traceback in the log."""
    logs = [logging.getLogger(name) for name in NOISY]
    try:
        yield opened
    except (SchedulerGoneError, KeyboardInterrupt):
        for log in logs:
            log.disabled = True
        raise
    finally:
        opened.close()
        for log in logs:
            log.disabled = False


@contextmanager
def client(kind="local", *, workers=None, memory=None, security=None, shared=".", **options):
    """Open a cluster, or reach one, and close what was opened.

    Parameters
    ----------
    kind : str, optional
        "local", "slurm" (jobs, from a login node), "ssh", or the address of a scheduler,
        "tcp://host:8786" or "tls://host:8786".
    workers : int, optional
        Processes of one thread; by default one per core, 4 on Slurm, one per host by SSH. Not for
        an address.
    memory : int or str, optional
        Limit of a worker (of a job, on Slurm), in bytes or as "2 GB". By default the workers of
        this machine share the memory of the machine or the container.
    security : distributed.Security, optional
        As `security` makes it. On Slurm and by SSH, certificates are made for this cluster alone
        unless they are given.
    shared : path-like, optional
        Folder that every host sees, for those certificates; the current one by default. They are
        readable by this user only, and are removed at the end.
    **options
        ``adaptive=True`` ("slurm": between 1 and `workers` jobs, by need), ``hosts`` ("ssh"),
        ``timeout`` (an address; seconds), and whatever LocalCluster, SLURMCluster or SSHCluster
        take.

    Yields
    ------
    distributed.Client

    Raises
    ------
    ClusterError
        If there is no such cluster, or nobody answers.
    """
    import dask
    from distributed import Client

    if "://" in kind:
        with _closing(launch.connect(kind, security=security, **options)) as found:
            yield found
        return
    if kind not in START:
        raise ClusterError(
            f"unknown cluster {kind!r}: choose {', '.join(START)} or an address (tcp://host:port)"
        )
    with ExitStack() as stack:
        if security is None and kind != "local":
            security = stack.enter_context(temporary(shared))
        # a worker gets its next task when it has done one: whoever dies died of that one
        with dask.config.set({"distributed.scheduler.worker-saturation": 1.0}):
            start = START[kind](workers=workers, memory=memory, security=security, **options)
            found = stack.enter_context(start)
        yield stack.enter_context(_closing(Client(found)))


def link(client):
    """Address of the dashboard, as the reader's browser reaches it; "" if there is none.

    In JupyterHub and on Binder it leads through jupyter-server-proxy, unless Dask's configuration
    has a template of its own (``distributed.dashboard.link``). The dashboard of a scheduler on
    another host listens on loopback there, unless told otherwise: that takes a tunnel.
    """
    import dask
    from distributed import Scheduler
    from distributed.utils import format_dashboard_link

    port = client.scheduler_info(n_workers=0)["services"].get("dashboard")
    if port is None:
        return ""
    host = client.scheduler.address.split("://")[1].rsplit(":", 1)[0]
    if isinstance(getattr(client.cluster, "scheduler", None), Scheduler):  # in this process
        host = launch.LOOPBACK
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    usual = dask.config.get("distributed.dashboard.link") == "{scheme}://{host}:{port}/status"
    if not (prefix and usual):
        return format_dashboard_link(host, port)
    place = port if host in (launch.LOOPBACK, "localhost") else f"{host}:{port}"
    return f"{prefix.rstrip('/')}/proxy/{place}/status"


def results(client, tasks):
    """Compute tasks on a cluster; yield each result as soon as it is there.

    Parameters
    ----------
    client : distributed.Client
    tasks : sequence of dask.delayed.Delayed

    Raises
    ------
    SchedulerGoneError
        As soon as the connection breaks.
    WorkersDiedError
        If a task takes worker after worker with it; Dask tries 4.
    """
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    address = client.scheduler.address
    try:
        for future, result in as_completed(client.compute(list(tasks)), with_results=True):
            # the future may not know yet that its result is the loss of the connection
            if future.cancelled() or isinstance(result, CancelledError):
                raise SchedulerGoneError(f"the scheduler at {address} is gone")
            yield result
    except KilledWorker as error:
        raise WorkersDiedError(error.task, error.allowed_failures + 1) from error
