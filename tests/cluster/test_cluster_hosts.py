"""Workers on hosts of their own: network namespaces, and SSH."""

import os
import subprocess
import time

import lab
import pytest

pytestmark = pytest.mark.cluster

PATIENCE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s"}  # the shortest that Dask takes


@pytest.fixture
def hosts():
    """Four hosts: the address of this one, theirs by name, and the command ip."""
    reason = lab.lacking("ip", "nsenter", "unshare")
    if not reason and os.getuid() != 0:
        reason = "network namespaces are made by root"
    if not reason:
        tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
        reason = tried.stderr.decode().strip()
    if reason:
        pytest.skip(reason)
    with lab.namespaces(4) as made:
        yield made


def test_hosts_that_fall_silent(hosts, frames, compare, start, tmp_path):
    """One host loses its power, another its cable, both in mid-run; the scheduler is encrypted."""
    here, there, ip = hosts
    out = tmp_path / "out"
    ca, cert, key = lab.certificates(tmp_path / "certificates")
    tls = ["--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key]
    file = tmp_path / "scheduler.json"
    listen = ["--host", here, "--port", 0, "--dashboard-address", "127.0.0.1:0"]
    listen += ["--protocol", "tls", "--scheduler-file", file]
    scheduler = start(*lab.dask("scheduler", *listen, *tls), env=PATIENCE)
    lab.wait(file.exists, "the scheduler", running=[scheduler])
    address = lab.address(file)
    assert address.startswith(f"tls://{here}:")
    for name, own in there.items():
        enter = ["nsenter", f"--net=/run/netns/{name}"]
        worker = lab.dask("worker", address, "--host", own, "--nthreads", 1, "--no-dashboard", *tls)
        start(*enter, *worker, env=PATIENCE)
    lab.workers(address, 4, lab.security(ca, cert, key))
    began = time.monotonic()
    words = ["--scheduler", address, "--tls-ca", ca, "--tls-cert", cert, "--tls-key", key]
    run = start(*lab.segkit(frames, "--out", out, "--batch", "5", *words), env=PATIENCE)
    off, cut, *_ = there
    lab.wait(lambda: lab.parts(out) >= 8, "8 batches", running=[run])
    inside = subprocess.check_output(
        ["ip", "netns", "pids", off], text=True, env={"PATH": lab.SBIN}
    )
    for pid in inside.split():
        os.kill(int(pid), 9)
    powered_off = lab.parts(out)
    lab.wait(lambda: lab.parts(out) >= powered_off + 4, "4 more", running=[run])
    ip("link", "set", f"{cut}v", "down")
    cut_off = lab.parts(out)
    assert run.wait(120) == 0
    assert inside.split()
    assert cut_off < 40
    compare(
        out,
        "4 hosts, TLS",
        fault="1 powered off, 1 cut off",
        began=began,
        batches_when_powered_off=powered_off,
        batches_when_cut_off=cut_off,
    )


def test_ssh_gives_the_table_of_one_machine(frames, compare, tmp_path):
    """Scheduler and workers that SSH started write what threads on one machine write."""
    reason = lab.lacking("sshd", "ssh-keygen")
    if reason:
        pytest.skip(reason)
    pytest.importorskip("asyncssh")
    out = tmp_path / "out"
    with lab.sshd(tmp_path) as env:
        began = time.monotonic()
        words = ["--scheduler", "ssh", "--hosts", "127.0.0.1,127.0.0.2"]
        done = subprocess.run(
            lab.segkit(frames, "--out", out, "--batch", "5", *words),
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        compare(out, "SSH, 2 hosts", fault="none", began=began)
