"""A scheduler that is killed, and one that wants certificates."""

import os
import signal
import subprocess
import time

import lab
import psutil
import pytest

pytestmark = pytest.mark.cluster


def run(*words):
    """Run ``segkit segment`` to its end."""
    return subprocess.run(
        lab.segkit(*words), capture_output=True, text=True, check=False, timeout=120
    )


def cluster(start, port, *, workers=2, tls=()):
    """Start a scheduler at a port of loopback, and workers; return them and its address."""
    protocol = "tls" if tls else "tcp"
    address = f"{protocol}://127.0.0.1:{port}"
    listen = ["--host", "127.0.0.1", "--port", port, "--dashboard-address", "127.0.0.1:0"]
    scheduler = start(*lab.dask("scheduler", *listen, "--protocol", protocol, *tls))
    names = [lab.dask("worker", address, "--nthreads", 1, "--no-dashboard", *tls)] * workers
    return address, scheduler, [start(*command) for command in names]


def test_killed_scheduler(frames, compare, start, tmp_path):
    """The command ends with a message when the scheduler dies, and goes on with the next one."""
    out, (port,) = tmp_path / "out", lab.free_ports(1)
    address, scheduler, workers = cluster(start, port)
    lab.workers(address, 2)
    began = time.monotonic()
    words = [frames, "--out", out, "--batch", "5", "--scheduler", address]
    running = start(*lab.segkit(*words))
    lab.wait(lambda: lab.parts(out) >= 8, "8 batches", running=[running])
    scheduler.kill()
    killed = time.monotonic()
    assert running.wait(30) == 1
    ended = time.monotonic() - killed
    said = [line for line in running.log.read_text().splitlines() if line.startswith("segkit: ")]
    lab.end(workers)
    there = lab.parts(out)
    # a worker may have written one more batch after the command had counted
    message = f"segkit: the scheduler at {address} is gone; {{}} of 40 batches are on disk; "
    message += "the same command goes on from there"
    assert len(said) == 1
    assert said[0] in {message.format(count) for count in range(there - 2, there + 1)}
    assert 8 <= there < 40
    written = {path.name: path.stat().st_mtime_ns for path in lab.table(out)}
    again = run(*words)
    assert again.returncode == 1
    assert f"no scheduler answers at {address}" in again.stderr
    cluster(start, port)
    lab.workers(address, 2)
    done = run(*words)
    assert done.returncode == 0, done.stderr
    kept = {path.name: path.stat().st_mtime_ns for path in lab.table(out)}
    assert {name: kept[name] for name in written} == written
    compare(
        out,
        "scheduler and 2 workers",
        fault="scheduler killed",
        began=began,
        batches_when_killed=there,
        seconds_until_the_message=round(ended, 1),
    )


def test_interrupted_run(frames, compare, start, tmp_path):
    """Ctrl-C ends the command and its workers with one line, and the same command goes on."""
    began, out = time.monotonic(), tmp_path / "out"
    words = [frames, "--out", out, "--batch", "5", "--scheduler", "local", "--workers", 2]
    running = start(*lab.segkit(*words))
    lab.wait(lambda: lab.parts(out) >= 8, "8 batches", running=[running])
    workers = psutil.Process(running.pid).children(recursive=True)
    os.killpg(running.pid, signal.SIGINT)
    assert running.wait(30) == 130
    said = running.log.read_text()
    assert "segkit: stopped; the same command goes on from here" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(workers, timeout=5)[1] == []
    there = lab.parts(out)
    assert 8 <= there < 40
    done = run(*words)
    assert done.returncode == 0, done.stderr
    fault = {"fault": "Ctrl-C", "began": began}
    compare(out, "local, 2 workers", **fault, batches_when_interrupted=there)


def test_only_certificates_open_the_scheduler(frames, compare, start, tmp_path):
    """Who has no certificate, or another's, is refused in one line; the right ones do the work."""
    (port,) = lab.free_ports(1)
    ours, theirs = (lab.certificates(tmp_path / name) for name in ("ours", "theirs"))
    ca, cert, key = ours
    tls = ["--tls-ca-file", ca, "--tls-cert", cert, "--tls-key", key]
    address, _, _ = cluster(start, port, tls=tls)
    lab.workers(address, 2, lab.security(*ours))
    words = [frames, "--out", tmp_path / "out", "--batch", "5", "--scheduler"]

    def files(ca, cert, key):
        return ["--tls-ca", ca, "--tls-cert", cert, "--tls-key", key]

    refused = {
        "no certificate": [address],
        "no encryption": [address.replace("tls", "tcp")],
        "another's certificate": [address, *files(*theirs)],
    }
    for name, more in refused.items():
        done = run(*words, *more)
        assert done.returncode == 1, name
        assert done.stderr.count("segkit: ") == 1, done.stderr
        assert lab.parts(tmp_path / "out") == 0
    began = time.monotonic()
    done = run(*words, address, *files(*ours))
    assert done.returncode == 0, done.stderr
    fault = f"{len(refused)} strangers refused"
    compare(tmp_path / "out", "TLS, 2 workers", fault=fault, began=began)
