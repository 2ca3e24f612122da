"""Hosts that fall silent, workers and a scheduler that are killed, Ctrl-C, and strangers."""

import os
import random
import signal
import time

import lab
import numpy as np
import pandas as pd
import psutil
import pytest

pytestmark = pytest.mark.cluster

PATIENCE = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP": "11s"}  # the shortest that Dask takes
FRAMES = int(os.environ.get("SEGKIT_SOAK", "20000"))
EVERY = 10  # s between two kills


@pytest.fixture
def hosts():
    """Four hosts: the address of this one, and theirs by name."""
    lab.need("ip", "nsenter", "unshare")
    if os.getuid() != 0 or lab.run("unshare", "--net", "true").returncode:
        pytest.skip("network namespaces are made by root, where they are allowed")
    with lab.namespaces(4) as made:
        yield made


def test_hosts_that_fall_silent(hosts, frames, compare_bytes, start, tmp_path):
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
    assert len(lab.parts(out)) < 40
    assert run.wait(120) == 0
    compare_bytes(out, "4 hosts, TLS", "1 powered off, 1 cut off")


def test_killed_scheduler(frames, compare_bytes, start, tmp_path):
    """The command ends with a message when the scheduler dies, and goes on with the next one."""
    out, address = tmp_path / "out", f"tcp://127.0.0.1:{lab.free_ports(1)[0]}"
    command = lab.segkit(frames, out, "--scheduler", address)
    scheduler = lab.scheduler(start, address)
    workers = [lab.worker(start, address) for _ in range(2)]
    running = start(*command)
    lab.wait(lambda: len(lab.parts(out)) >= 8, "8 batches", running=[running])
    scheduler.kill()
    assert running.wait(30) == 1
    for worker in workers:
        lab.end(worker)
    written = {path: path.stat().st_mtime_ns for path in lab.parts(out)}
    # a worker may have written one more batch after the command had counted
    message = f"segkit: the scheduler at {address} is gone; {{}} of 40 batches are on disk; "
    message += "the same command goes on from there"
    (said,) = [line for line in running.log.read_text().splitlines() if line.startswith("segkit: ")]
    assert said in {message.format(len(written) - late) for late in range(3)}
    assert 8 <= len(written) < 40
    again = lab.run(*command)
    assert again.returncode == 1
    assert f"no scheduler answers at {address}" in again.stderr
    lab.scheduler(start, address)
    for _ in range(2):
        lab.worker(start, address)
    lab.run(*command, check=True)
    assert {path: path.stat().st_mtime_ns for path in written} == written
    compare_bytes(out, "scheduler and 2 workers", "scheduler killed")


def test_interrupted_run(frames, compare_bytes, start, tmp_path):
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
    assert 8 <= len(lab.parts(out)) < 40
    lab.run(*command, check=True)
    compare_bytes(out, "a worker per core", "Ctrl-C")


def test_only_certificates_open_the_scheduler(frames, compare_bytes, start, tmp_path):
    """Who has no certificate, or another's, is refused in one line; the right ones do the work."""
    out, port = tmp_path / "out", lab.free_ports(1)[0]
    ours, theirs = (lab.certificates(tmp_path / name) for name in ("ours", "theirs"))
    tls, tcp = (f"{protocol}://127.0.0.1:{port}" for protocol in ("tls", "tcp"))
    lab.scheduler(start, tls, env=ours)
    for _ in range(2):
        lab.worker(start, tls, env=ours)
    for address, env in [(tls, {}), (tcp, {}), (tls, theirs)]:
        done = lab.run(*lab.segkit(frames, out, "--scheduler", address), env=env)
        assert done.returncode == 1
        assert done.stderr.count("segkit: ") == 1, done.stderr
        assert lab.parts(out) == []
    lab.run(*lab.segkit(frames, out, "--scheduler", tls), env=ours, check=True)
    compare_bytes(out, "TLS, 2 workers", "3 strangers refused")


def kill_workers(run):
    """Kill a worker now and then until a run ends; return kills, and (s, MB) of the run itself."""
    chance, kills, memory = random.Random(39), 0, []
    process, began = psutil.Process(run.pid), time.monotonic()
    while run.poll() is None:
        now = time.monotonic() - began
        try:
            memory.append((now, process.memory_info().rss / 2**20))
            if now > EVERY * (kills + 1):
                below = process.children(recursive=True)
                chance.choice([one for one in below if "spawn_main" in str(one.cmdline())]).kill()
                kills += 1
        except (psutil.NoSuchProcess, psutil.ZombieProcess, IndexError):
            pass  # it has just ended by itself, or its successor is not there yet
        time.sleep(0.2)
    return kills, np.array(memory)


def test_nothing_is_lost_while_workers_die(simulated_frames, start, compare, tmp_path):
    """Each frame has its nuclei once, however many workers were killed; memory does not grow."""
    few = lab.links(simulated_frames, 48, tmp_path / "few")
    lab.run(*lab.segkit(few, tmp_path / "expected"), check=True)
    expected = pd.read_parquet(tmp_path / "expected" / "nuclei.parquet").drop(columns="file")
    turns = [expected.assign(frame=expected["frame"] + at) for at in range(0, FRAMES, 48)]
    expected = pd.concat(turns, ignore_index=True).query("frame < @FRAMES")
    source, out = lab.links(simulated_frames, FRAMES, tmp_path / "in"), tmp_path / "out"
    run = start(*lab.segkit(source, out, "--scheduler", "local", "--workers", 2, "--batch", 25))
    lab.wait(lambda: lab.parts(out), "a batch", running=[run])  # the cluster is up
    kills, memory = kill_workers(run)
    assert run.returncode == 0, run.log.read_text()
    compare(out, expected, "local, 2 workers", f"{kills} workers killed")
    seconds, megabytes = memory.T
    assert kills >= min(3, seconds[-1] // EVERY)
    # the scheduler lives in the process of the program: its memory after a quarter and at the end
    settled = megabytes[seconds > seconds[-1] / 4]
    tenth = max(1, len(settled) // 10)
    assert np.median(settled[-tenth:]) - np.median(settled[:tenth]) < 25
