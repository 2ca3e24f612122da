import asyncio
import copy
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import dask
import distributed
import psutil
import pytest
import requests
from distributed import LocalCluster, Security

from segkit import cluster
from segkit.clusters import launch, tls

POSIX = pytest.mark.skipif(os.name != "posix", reason="a program made of a shell script")


def family():
    """Return this process and all below it, but for Python's tracker of shared resources."""
    me = psutil.Process()
    below = me.children(recursive=True)
    return [me, *(one for one in below if "resource_tracker" not in " ".join(one.cmdline()))]


def listening():
    """Return address and port of all that this process and those below it listen at."""
    every = [place for one in family() for place in one.net_connections("inet")]
    return {place.laddr for place in every if place.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """Two sets of CA, certificate and key, as files; neither CA knows the other's certificate."""
    pytest.importorskip("cryptography", reason="no cryptography: no certificates can be made here")
    sets = []
    for name in ("ours", "theirs"):
        folder = tmp_path_factory.mktemp(name)
        made = Security.temporary()
        parts = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
        for part, text in parts.items():
            (folder / f"{part}.pem").write_text(text)
        sets.append([folder / f"{part}.pem" for part in parts])
    return sets


def test_local_cluster_leaves_nothing_behind():
    """Workers are processes, nothing listens beyond loopback, and an error closes all of it."""
    before, ports = len(family()), listening()

    def end_with_an_error():
        with cluster.client("local", workers=1, memory="500 MB") as client:
            assert client.submit(os.getpid).result() != os.getpid()
            (worker,) = client.scheduler_info()["workers"].values()
            assert (worker["nthreads"], worker["memory_limit"]) == (1, 500_000_000)
            assert {place[0] for place in listening() - ports} == {"127.0.0.1"}
            assert len(family()) > before
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/status", cluster.link(client))
            assert "Dask" in requests.get(cluster.link(client), timeout=20).text
            saturation = client.run_on_scheduler(
                lambda dask_scheduler: dask_scheduler.WORKER_SATURATION
            )
            assert saturation == 1  # a worker that dies takes no other task's blame
            client.submit(lambda: 1 / 0).result()

    with pytest.raises(ZeroDivisionError):
        end_with_an_error()
    assert listening() == ports
    assert len(family()) == before


def test_local_workers_share_cores_and_memory(monkeypatch):
    """One worker a core, each of one thread, with its share of what the container allows."""
    monkeypatch.setattr(dask.system, "cpu_count", lambda: 3)
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 6_000_000_000)
    monkeypatch.setattr(distributed, "LocalCluster", dict)
    settings = launch.local()
    assert (settings["n_workers"], settings["threads_per_worker"]) == (3, 1)
    assert settings["memory_limit"] == 2_000_000_000
    assert launch.local(workers=2, dashboard_address=None)["dashboard_address"] is None


@pytest.mark.parametrize(
    ("prefix", "template", "address", "expected"),
    [
        (None, None, "tcp://10.0.0.7:8786", "http://10.0.0.7:8787/status"),
        ("/user/jo/", None, "tcp://127.0.0.1:4", "/user/jo/proxy/8787/status"),
        ("/user/jo", None, "tls://localhost:4", "/user/jo/proxy/8787/status"),
        ("/user/jo/", None, "tcp://10.0.0.7:8786", "/user/jo/proxy/10.0.0.7:8787/status"),
        ("/user/jo/", "/else{JUPYTERHUB_SERVICE_PREFIX}{port}", "tcp://a:1", "/else/user/jo/8787"),
    ],
)
def test_link_leads_through_the_proxy(monkeypatch, prefix, template, address, expected):
    """Behind a hub the link is the proxy's, unless the configuration has one of its own."""
    if prefix is None:
        monkeypatch.delenv("JUPYTERHUB_SERVICE_PREFIX", raising=False)
    else:
        monkeypatch.setenv("JUPYTERHUB_SERVICE_PREFIX", prefix)
    with dask.config.set({"distributed.dashboard.link": template} if template else {}):
        client = SimpleNamespace(
            scheduler=SimpleNamespace(address=address),
            scheduler_info=lambda n_workers: {"services": {"dashboard": 8787}},
            cluster=None,
        )
        assert cluster.link(client) == expected
    client.scheduler_info = lambda n_workers: {"services": {}}
    assert cluster.link(client) == ""


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "cloud"}, "unknown cluster 'cloud': choose local, slurm, ssh or an address"),
        (
            {"kind": "tcp://127.0.0.1:1", "timeout": 0.5},
            "no scheduler answers at tcp://127.0.0.1:1 ",
        ),
        ({"kind": "tls://127.0.0.1:1"}, "asks for certificates; give --tls-ca"),
        ({"kind": "tcp://127.0.0.1:1", "security": Security()}, "write tls://"),
        ({"kind": "ssh"}, "name them with --hosts"),
    ],
)
def test_what_cannot_be_had_is_one_line(monkeypatch, options, said):
    """A cluster that cannot be had is told in one line, with the cure."""
    monkeypatch.delenv("SEGKIT_SSH_HOSTS", raising=False)
    with pytest.raises(cluster.ClusterError, match=said) as caught, cluster.client(**options):
        pass
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "package", "options"),
    [("slurm", "dask_jobqueue", {}), ("ssh", "asyncssh", {"hosts": "a,b"})],
)
def test_missing_package_is_named(monkeypatch, kind, package, options):
    """Without the package that a kind needs, the message says how to install it."""
    monkeypatch.setitem(sys.modules, package, None)
    with (
        pytest.raises(cluster.ClusterError, match=f"pip install {package.replace('_', '-')}"),
        cluster.client(kind, **options),
    ):
        pass


def test_no_slurm_here(monkeypatch, tmp_path):
    """Where there is no sbatch, the message says where there may be."""
    pytest.importorskip("dask_jobqueue")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(cluster.ClusterError, match="no sbatch"), cluster.client("slurm"):
        pass


@POSIX
def test_job_that_slurm_refuses(monkeypatch, tmp_path):
    """A job that Slurm would never run is refused at once, instead of being waited for."""
    pytest.importorskip("dask_jobqueue")
    sbatch = tmp_path / "sbatch"
    sbatch.write_text(f"#!/bin/sh\ncat > {tmp_path}/job\necho 'invalid partition' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    before = listening()
    with (
        pytest.raises(cluster.ClusterError, match=r"\(invalid partition\).*jobqueue.slurm"),
        cluster.client(
            "slurm", queue="none", memory="3 GB", log_directory=str(tmp_path), shared=tmp_path
        ),
    ):
        pass
    script = (tmp_path / "job").read_text()
    assert "#SBATCH -p none" in script
    assert "#SBATCH --mem=3G" in script
    assert "--nthreads 1" in script
    assert "tls://" in script
    assert f"--tls-key {tmp_path}/.tls-" in script
    assert list(tmp_path.glob(".tls-*")) == []
    assert listening() == before


@pytest.mark.parametrize(
    ("hosts", "workers", "machines", "bound"),
    [
        ("a,b", None, ["a", "a", "b"], None),
        (["a", "b"], 3, ["a", "a", "b", "a"], None),
        ("127.0.0.1 localhost", None, ["127.0.0.1", "127.0.0.1", "localhost"], "127.0.0.1"),
    ],
)
def test_hosts_take_turns(monkeypatch, hosts, workers, machines, bound):
    """The scheduler is on the first host, workers on each in turn; loopback stays loopback."""
    monkeypatch.setitem(sys.modules, "asyncssh", SimpleNamespace())
    files = {"tls_ca_file": "/ca", "tls_worker_cert": "/cert", "tls_worker_key": "/key"}
    seen = {}

    def start(*hosts, **options):
        seen.update(copy.deepcopy(dask.config.get("distributed.comm")))  # what the hosts are sent
        return hosts, options

    monkeypatch.setattr(distributed, "SSHCluster", start)
    (named,), options = launch.ssh(hosts=hosts, workers=workers, security=Security(**files))
    assert named == machines
    assert options["scheduler_options"]["protocol"] == "tls://"
    assert seen["require-encryption"] is True
    assert seen["tls"]["ca-file"] == "/ca"
    assert seen["tls"]["worker"] == {"cert": "/cert", "key": "/key"}
    assert dask.config.get("distributed.comm.tls.ca-file") is None
    assert options["remote_python"] == sys.executable
    assert options["worker_options"].get("host") == bound
    assert options["scheduler_options"].get("host") == bound


@pytest.mark.parametrize("broken", ["missing", "one only", "no PEM", "other key"])
def test_certificates_that_cannot_be_used(certificates, tmp_path, broken):
    """Each fault of the three files is one line that names the file or the option."""
    (ca, cert, key), theirs = certificates
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("no certificate")
    files, said = {
        "missing": ((ca, cert, tmp_path / "lost.pem"), r"lost.pem cannot be read.*--tls-key"),
        "one only": ((ca, None, None), "give --tls-cert and --tls-key too"),
        "no PEM": ((rubbish, cert, key), "rubbish.pem.* in PEM"),
        "other key": ((ca, cert, theirs[2]), "no authority, certificate and its key"),
    }[broken]
    with pytest.raises(cluster.ClusterError, match=said) as caught:
        cluster.security(*files)
    assert "\n" not in str(caught.value)


@POSIX
def test_certificates_made_for_a_cluster(tmp_path):
    """They are files that only this user can read, and are gone at the end."""
    pytest.importorskip("cryptography", reason="no cryptography: no certificates can be made here")
    with tls.temporary(tmp_path / "new") as made:
        (folder,) = (tmp_path / "new").iterdir()
        assert Path(made.tls_worker_key).parent == folder
        assert folder.stat().st_mode & 0o777 == 0o700
        assert made.require_encryption
        assert made.get_connection_args("client")["ssl_context"]
    assert list((tmp_path / "new").iterdir()) == []


def test_only_who_has_the_certificate_is_admitted(certificates):
    """An encrypted scheduler answers a client with its certificate, and no other."""
    ours, theirs = (cluster.security(*files) for files in certificates)
    assert cluster.security() is None
    with LocalCluster(
        n_workers=1,
        processes=False,
        protocol="tls://",
        security=ours,
        dashboard_address=None,
        scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
    ) as encrypted:
        address = encrypted.scheduler_address
        assert address.startswith("tls://127.0.0.1:")
        with cluster.client(address, security=ours) as client:
            assert client.submit(sum, [1, 2]).result() == 3
        for kind, security in [(address, theirs), (address.replace("tls", "tcp"), None)]:
            with (
                pytest.raises(cluster.ClusterError, match="no scheduler answers"),
                cluster.client(kind, security=security, timeout=1),
            ):
                pass


def test_benchmark_says_what_is_not_met(load):
    """A speed-up below its aim is marked."""
    benchmark = load("benchmarks/cluster")
    (gain,) = benchmark.ratios({"one": [8, 9, 8], "two": [5, 5, 5]})
    assert (gain["value"], gain["met"]) == (1.6, False)


def test_a_lost_connection_as_a_result_is_told(monkeypatch):
    """A future that does not know yet that it is cancelled counts as the scheduler's end."""
    future = SimpleNamespace(cancelled=lambda: False)
    lost = [(future, (0, 25)), (future, asyncio.CancelledError())]
    monkeypatch.setattr(distributed, "as_completed", lambda *_, **__: iter(lost))
    client = SimpleNamespace(
        scheduler=SimpleNamespace(address="tcp://127.0.0.1:1"), compute=lambda tasks: tasks
    )
    found = cluster.results(client, [])
    assert next(found) == (0, 25)
    with pytest.raises(cluster.SchedulerGoneError, match="is gone"):
        next(found)
