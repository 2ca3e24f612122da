"""Hosts that fall silent, a scheduler that is killed, Ctrl-C, and who has no certificate."""

import os
import signal
import subprocess
import time

import lab
import psutil
import pytest

pytestmark = pytest.mark.cluster

PATIENCE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s"}  # the shortest that Dask takes


@pytest.fixture
def hosts():
    """Four hosts: the address of this one, and theirs by name."""
    lab.need("ip", "nsenter", "unshare")
    tried = subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False)
    if os.getuid() != 0 or tried.returncode:
        pytest.skip(f"network namespaces are made by root {tried.stderr.decode()}")
    with lab.namespaces(4) as made:
        yield made


def test_hosts_that_fall_silent(hosts, frames, compare, start, tmp_path):
    """One host loses its power, another its cable, both in mid-run; the scheduler is encrypted."""
    here, there = hosts
    out, address = tmp_path / "out", f"tls://{here}:{lab.free_ports(1)[0]}"
    env = lab.certificates(tmp_path / "certificates") | PATIENCE
    lab.scheduler(start, address, env=env)
    for name, host in there.items():
        enter = ["nsenter", f"--net=/run/netns/{name}"]
        lab.worker(start, address, host=host, within=enter, env=env)
    code = f"with Client({address!r}) as client:\n  client.wait_for_workers(4)\n"
    code += "  run.segment(files, out, batch=5)"
    run = start(*lab.program(frames, out, code), env=env)
    off, cut, *_ = there
    lab.wait(lambda: len(lab.parts(out)) >= 8, "8 batches", running=[run])
    assert lab.power_off(off)
    powered_off = len(lab.parts(out))
    lab.wait(lambda: len(lab.parts(out)) >= powered_off + 4, "4 more", running=[run])
    lab.ip("link", "set", f"{cut}v", "down")
    cut_off = len(lab.parts(out))
    assert run.wait(120) == 0
    assert cut_off < 40
    found = {"batches_when_powered_off": powered_off, "batches_when_cut_off": cut_off}
    compare(out, "4 hosts, TLS", "1 powered off, 1 cut off", **found)


def run_to_end(command, env=None):
    """Run a command; return its status and what it printed on standard error."""
    env = {**os.environ, **(env or {})}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env=env
    )
    return done.returncode, done.stderr


def test_killed_scheduler(frames, compare, start, tmp_path):
    """The command ends with a message when the scheduler dies, and goes on with the next one."""
    out, address = tmp_path / "out", f"tcp://127.0.0.1:{lab.free_ports(1)[0]}"
    scheduler = lab.scheduler(start, address)
    workers = [lab.worker(start, address) for _ in range(2)]
    command = lab.segkit(frames, out, "--scheduler", address)
    running = start(*command)
    lab.wait(lambda: len(lab.parts(out)) >= 8, "8 batches", running=[running])
    scheduler.kill()
    killed = time.monotonic()
    assert running.wait(30) == 1
    ended = round(time.monotonic() - killed, 1)
    (said,) = [line for line in running.log.read_text().splitlines() if line.startswith("segkit: ")]
    for worker in workers:
        lab.end(worker)
    written = {path: path.stat().st_mtime_ns for path in lab.parts(out)}
    # a worker may have written one more batch after the command had counted
    message = f"segkit: the scheduler at {address} is gone; {{}} of 40 batches are on disk; "
    message += "the same command goes on from there"
    assert said in {message.format(len(written) - late) for late in range(3)}
    assert 8 <= len(written) < 40
    status, said = run_to_end(command)
    assert status == 1
    assert f"no scheduler answers at {address}" in said
    lab.scheduler(start, address)
    workers = [lab.worker(start, address) for _ in range(2)]
    status, said = run_to_end(command)
    assert status == 0, said
    assert {path: path.stat().st_mtime_ns for path in written} == written
    found = {"batches_when_killed": len(written), "seconds_until_the_message": ended}
    compare(out, "scheduler and 2 workers", "scheduler killed", **found)


def test_interrupted_run(frames, compare, start, tmp_path):
    """Ctrl-C ends the command and its workers with one line, and the same command goes on."""
    out = tmp_path / "out"
    command = lab.segkit(frames, out, "--scheduler", "local")
    running = start(*command)
    lab.wait(lambda: len(lab.parts(out)) >= 8, "8 batches", running=[running])
    workers = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(30) == 130
    said = running.log.read_text()
    assert "segkit: stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    there = len(lab.parts(out))
    assert 8 <= there < 40
    status, said = run_to_end(command)
    assert status == 0, said
    compare(out, "local", "Ctrl-C", batches_when_interrupted=there)


def test_only_certificates_open_the_scheduler(frames, compare, start, tmp_path):
    """Who has no certificate, or another's, is refused in one line; the right ones do the work."""
    out, port = tmp_path / "out", lab.free_ports(1)[0]
    ours, theirs = (lab.certificates(tmp_path / name) for name in ("ours", "theirs"))
    lab.scheduler(start, f"tls://127.0.0.1:{port}", env=ours)
    for _ in range(2):
        lab.worker(start, f"tls://127.0.0.1:{port}", env=ours)
    for protocol, env in {"tls": {}, "tcp": {}, "tls ": theirs}.items():
        address = f"{protocol.strip()}://127.0.0.1:{port}"
        status, said = run_to_end(lab.segkit(frames, out, "--scheduler", address), env)
        assert status == 1
        assert said.count("segkit: ") == 1, said
        assert lab.parts(out) == []
    command = lab.segkit(frames, out, "--scheduler", f"tls://127.0.0.1:{port}")
    status, said = run_to_end(command, ours)
    assert status == 0, said
    compare(out, "TLS, 2 workers", "3 refused")
