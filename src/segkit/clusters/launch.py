"""How each kind of cluster is started; `segkit.cluster.client` says what the options mean.

Each function returns a context manager, which stops what it started.
"""

import logging
import os
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager

from segkit.clusters.tls import ClusterError

JOBS = 4  # workers on Slurm, unless told
TIMEOUT = 5  # s for a scheduler to answer
LOOPBACK = "127.0.0.1"
DASHBOARD = f"{LOOPBACK}:0"  # any free port
GUARD = "in a script, put the call below if __name__ == '__main__':"


def dask_setup(worker):
    """Leave Ctrl-C to the process that started this worker; Dask calls this in each worker."""
    if threading.current_thread() is threading.main_thread():  # a process of its own
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def local(*, workers=None, memory=None, **options):
    """Start as many processes as this one has cores; they share the memory that it may use."""
    from dask.system import cpu_count
    from distributed import LocalCluster
    from distributed.system import MEMORY_LIMIT

    workers = workers or cpu_count()
    memory = memory or MEMORY_LIMIT // workers
    settings = {
        "n_workers": workers,
        "threads_per_worker": 1,
        "memory_limit": memory,
        "host": LOOPBACK,
        "dashboard_address": DASHBOARD,
        "silence_logs": logging.ERROR,
        "preload": __name__,
    }
    try:
        return LocalCluster(**(settings | options))
    except RuntimeError as error:
        raise ClusterError(f"no worker could be started ({error}); {GUARD}") from error


@contextmanager
def slurm(*, workers=None, memory=None, adaptive=False, **options):
    """Submit jobs to Slurm; set what the options and Dask's configuration leave open."""
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise ClusterError("Slurm's jobs need dask-jobqueue; pip install dask-jobqueue") from error
    import dask

    if shutil.which("sbatch") is None:
        raise ClusterError(
            "there is no sbatch on the PATH; run this on a login node of a Slurm cluster, "
            "or with --scheduler local"
        )
    known = {k.replace("-", "_"): v for k, v in dask.config.get("jobqueue.slurm").items()}
    cores = options.get("cores") or known["cores"] or 1
    settings = {"cores": cores, "processes": known["processes"] or cores}
    settings["memory"] = memory or known["memory"] or f"{2 * cores} GB"
    beside = {"dashboard_address": DASHBOARD, **(known["scheduler_options"] or {})}
    settings["scheduler_options"] = beside | options.pop("scheduler_options", {})
    with SLURMCluster(**(settings | options)) as cluster:
        script = cluster.job_script()
        trial = ["sbatch", "--test-only"]
        tried = subprocess.run(trial, input=script, capture_output=True, text=True, check=False)
        if tried.returncode:
            said = (tried.stderr.strip() or tried.stdout.strip()).splitlines()[-1]
            raise ClusterError(
                f"Slurm would not take the job ({said}); correct jobqueue.slurm in Dask's "
                "configuration, or ask who runs the cluster"
            )
        most = workers or JOBS
        # adapt() also with a fixed number: scale() alone would not replace a job that ended
        least = 1 if adaptive else most
        cluster.scale(least)
        cluster.adapt(minimum=least, maximum=most)
        yield cluster


def ssh(*, security, workers=None, memory=None, hosts=None, **options):
    """Start processes on hosts, in turn; the scheduler on the first."""
    hosts = hosts or os.environ.get("SEGKIT_SSH_HOSTS", "")
    hosts = hosts.replace(",", " ").split() if isinstance(hosts, str) else list(hosts)
    if not hosts:
        raise ClusterError("SSH needs hosts; name them with --hosts A,B, or in SEGKIT_SSH_HOSTS")
    try:
        import asyncssh  # noqa: F401  SSHCluster would say so less plainly
    except ImportError as error:
        raise ClusterError("SSH needs asyncssh; pip install asyncssh") from error
    import dask
    from distributed import SSHCluster

    turns = [hosts[number % len(hosts)] for number in range(workers or len(hosts))]
    python = options.pop("remote_python", sys.executable)
    worker = {"nthreads": 1, **({"memory_limit": memory} if memory else {})}
    scheduler = {"port": 0, "dashboard_address": DASHBOARD, "protocol": "tls://"}
    if all(host == "localhost" or host.startswith("127.") for host in hosts):
        scheduler["host"] = worker["host"] = LOOPBACK
    settings = {
        "worker_options": worker | options.pop("worker_options", {}),
        "scheduler_options": scheduler | options.pop("scheduler_options", {}),
        "remote_python": python,
        "security": security,
    }
    try:
        # SSHCluster hands its configuration, but not its security, to scheduler and workers
        with dask.config.set(_configuration(security)):
            return SSHCluster([hosts[0], *turns], **(settings | options))
    except RuntimeError as error:
        cause = error.__cause__ or error
        raise ClusterError(
            f"no cluster on {', '.join(hosts)} ({cause}); see whether "
            f"'ssh {hosts[0]} {python} --version' works without a password"
        ) from error


def _configuration(security):
    """Return Dask's configuration for the certificates of a cluster."""
    files = {"ca-file": security.tls_ca_file}
    for role in ("client", "scheduler", "worker"):
        for kind in ("cert", "key"):
            files[f"{role}.{kind}"] = getattr(security, f"tls_{role}_{kind}")
    settings = {f"distributed.comm.tls.{name}": path for name, path in files.items()}
    return settings | {"distributed.comm.require-encryption": True}


def connect(address, *, security=None, timeout=TIMEOUT):
    """Connect to a scheduler that runs already."""
    from distributed import Client, Security

    tls = address.startswith("tls://")
    if tls and security is None:
        security = Security()  # from Dask's configuration
        if not (security.tls_ca_file and security.tls_client_cert):
            raise ClusterError(
                f"{address} asks for certificates; name them in Dask's configuration, "
                "distributed.comm.tls"
            )
    if security is not None and not tls:
        raise ClusterError(f"{address} is not encrypted; with certificates, write tls://")
    try:
        return Client(address, security=security, timeout=timeout)
    except OSError as error:
        cause = error
        while cause.__cause__ is not None:
            cause = cause.__cause__
        raise ClusterError(
            f"no scheduler answers at {address} ({str(cause) or 'no answer'}); start one there "
            "with 'dask scheduler', or correct address and certificates"
        ) from error
