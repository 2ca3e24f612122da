"""What goes wrong with clusters, in one line each, and the certificates of an encrypted one."""

import ssl
import tempfile
from contextlib import contextmanager
from pathlib import Path


class ClusterError(OSError):
    """A cluster that cannot be had, or was lost; the message says what to do."""


class SchedulerGoneError(ClusterError):
    """The connection to the scheduler broke."""


class WorkersDiedError(ClusterError):
    """A task during which worker after worker died: the key of the task, and how many."""

    key = property(lambda self: self.args[0])
    workers = property(lambda self: self.args[1])

    def __str__(self):
        return f"{self.workers} workers died during task {self.key}, one after the other"


def security(ca=None, cert=None, key=None):
    """Read the certificates for an encrypted cluster, which admits only who has them.

    Parameters
    ----------
    ca, cert, key : path-like, optional
        The certificate of the authority, one that it signed, and the key of that one, in PEM.

    Returns
    -------
    distributed.Security or None
        For every role; None if no file is given.

    Raises
    ------
    ClusterError
        If a file is missing, or is not what it should be.
    """
    given = {"--tls-ca": ca, "--tls-cert": cert, "--tls-key": key}
    lacking = [name for name, path in given.items() if path is None]
    if len(lacking) == len(given):
        return None
    if lacking:
        raise ClusterError(f"TLS needs three files; give {' and '.join(lacking)} too")
    for name, path in given.items():
        try:
            Path(path).read_bytes()
        except OSError as error:
            raise ClusterError(
                f"{path} cannot be read ({error.strerror}); {name} names a file in PEM"
            ) from error
    from distributed import Security

    roles = ("client", "scheduler", "worker")
    files = {f"tls_{role}_cert": str(cert) for role in roles}
    files |= {f"tls_{role}_key": str(key) for role in roles}
    made = Security(require_encryption=True, tls_ca_file=str(ca), **files)
    try:
        made.get_connection_args("client")
    except ssl.SSLError as error:
        raise ClusterError(
            f"{ca}, {cert} and {key} are no authority, certificate and its key in PEM "
            f"({error.reason or error}); ask who runs the scheduler for the right ones"
        ) from error
    return made


@contextmanager
def temporary(shared):
    """Make certificates for one cluster, as files that only this user can read.

    Parameters
    ----------
    shared : path-like
        Folder that every host of the cluster sees.

    Yields
    ------
    distributed.Security
    """
    from distributed import Security

    try:
        made = Security.temporary()
    except ImportError as error:
        raise ClusterError("TLS needs cryptography; pip install cryptography") from error
    shared = Path(shared).absolute()
    shared.mkdir(parents=True, exist_ok=True)
    texts = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    with tempfile.TemporaryDirectory(prefix=".tls-", dir=shared) as folder:  # of mode 0700
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="ascii")
        yield security(*(Path(folder) / name for name in texts))
