"""Programs for the tests of clusters: started by hand, on loopback or in network namespaces.

Whoever starts a program ends it, also after an error, and nothing is written outside the folder
that is given.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psutil
import pytest

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "14_clusters_and_faults.ipynb"
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
SLURM = """
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/s
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.%n.pid
GresTypes=gpu
ProctrackType=proctrack/linuxproc
SlurmdParameters=config_overrides
KillWait=3
NodeName=DEFAULT CPUs=1 RealMemory=2100 Gres=gpu:1
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=2,bf_interval=2
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port}\n"
TOY = {  # words of the notebook's jobqueue.yaml, and what they are on one machine
    "queue: gpu": "queue: debug",
    "memory: 8 GB": "memory: 1 GB",
    "ib0": "lo",
    "/scratch": "/tmp",
    "8786": "0",
    "8787": "0",
}
PROGRAM = """
from dask.distributed import Client
from dask_jobqueue import SLURMCluster
from segkit import data, run
"""


def need(*programs):
    """Skip a test whose programs are not installed."""
    absent = [name for name in programs if not shutil.which(name, path=SBIN)]
    if absent:
        pytest.skip(f"not installed: {', '.join(absent)} (.ci/cluster installs them)")


def wait(ready, what, *, seconds=60, running=()):
    """Wait until something is so; return what `ready` returned."""
    until = time.monotonic() + seconds
    while not (found := ready()):
        ended = [process for process in running if process.poll() is not None]
        if ended or time.monotonic() > until:
            said = [f"{one.args} said: {one.log.read_text()[-2000:]}" for one in ended]
            raise RuntimeError(f"waited for {what} in vain. {' '.join(said)}")
        time.sleep(0.01)
    return found


def run(*command, env=None, check=False):
    """Run a program to its end, with what it prints kept."""
    everything = {**os.environ, "PATH": SBIN, **(env or {})}
    kept = {"capture_output": True, "text": True, "timeout": 120}
    return subprocess.run(command, env=everything, check=check, **kept)


def free_ports(count):
    """Ports that nobody has."""
    with ExitStack() as stack:
        some = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in some]


def listens(host, port):
    """Tell whether a program listens at a port."""
    with suppress(OSError), socket.create_connection((host, int(port)), 1):
        return True


def end(process):
    """End a process and all below it; those that do not listen are killed."""
    below = []
    with suppress(psutil.NoSuchProcess):
        below = psutil.Process(process.pid).children(recursive=True)
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    _, alive = psutil.wait_procs(below, timeout=1)
    for one in [process, *alive]:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    process.wait(5)


@contextmanager
def programs(logs):
    """Give a function that starts programs; end them all, the last one first."""
    logs.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:

        def start(*command, env=None):
            path = logs / f"{len(list(logs.iterdir())):02d}-{Path(str(command[0])).name}.txt"
            with path.open("w") as log:
                process = subprocess.Popen(
                    [str(word) for word in command],
                    env={**os.environ, "PATH": SBIN, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # as a terminal does: Ctrl-C reaches all of it
                )
            process.log = path
            stack.callback(end, process)
            return process

        yield start


@contextmanager
def slurm(nodes=4):
    """Run Slurm with virtual nodes on loopback; give the environment that its users need."""
    with tempfile.TemporaryDirectory(prefix="sk-") as made:  # a socket's path has to be short
        folder, host = Path(made), socket.gethostname().split(".")[0]
        folder.chmod(0o755)  # munged's users have to reach its socket
        names = [f"n{number + 1}" for number in range(nodes)]
        for name in ("munge", "state", *(f"spool/{name}" for name in names)):
            (folder / name).mkdir(parents=True, mode=0o755)
        port, *ports = free_ports(nodes + 1)
        user = psutil.Process().username()
        text = SLURM.format(host=host, port=port, user=user, folder=folder)
        for name, one in zip(names, ports, strict=True):
            text += NODE.format(name=name, host=host, port=one)
        conf, munge = folder / "slurm.conf", folder / "munge"
        conf.write_text(text + "PartitionName=debug Nodes=ALL Default=YES State=UP\n")
        # limits are not wanted; slurmd starts a plugin for them all the same
        version = re.findall(r"\d+", ask({}, "slurmd", "-V"))
        old = [int(number) for number in version[:2]] < [23, 11]
        plugin = "cgroup/v1" if old else "disabled"
        (folder / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
        (folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        (folder / "jobqueue.yaml").write_text(put(block("jobqueue:"), TOY))
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        env = {"SLURM_CONF": str(conf), "DASK_CONFIG": f"{folder}/jobqueue.yaml", "PATH": SBIN}
        with programs(folder / "log") as start:
            files = {"key-file": key, "socket": munge / "s", "pid-file": munge / "pid"}
            files |= {"log-file": munge / "log", "seed-file": munge / "seed"}
            munged = start("munged", "-F", *(f"--{name}={path}" for name, path in files.items()))
            wait(files["socket"].exists, "munged", running=[munged])
            daemons = [start("slurmctld", "-D", "-f", conf, env=env)]
            daemons += [start("slurmd", "-D", "-f", conf, "-N", name, env=env) for name in names]
            states = ("sinfo", "-h", "-N", "-o", "%T")
            idle = ["idle"] * nodes
            wait(lambda: ask(env, *states).split() == idle, "Slurm's nodes", running=daemons)
            try:
                yield env
            finally:
                ask(env, "scancel", "--user", user)
                wait(lambda: not ask(env, "squeue", "-h"), "the jobs to end", running=daemons)


def ask(env, *command):
    """Return what a program prints."""
    return run(*command, env=env).stdout.strip("\n")


@contextmanager
def sshd(folder, hosts):
    """Run an SSH server for this user on addresses of loopback; give what asyncssh needs."""
    (port,) = free_ports(1)
    for key in (folder / "host", folder / "id"):
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key), check=True)
    lines = [f"Port {port}", *(f"ListenAddress {host}" for host in hosts)]
    lines += [f"HostKey {folder}/host", f"PidFile {folder}/sshd.pid"]
    lines += [f"AuthorizedKeysFile {folder}/id.pub", "StrictModes no", "UsePAM no"]
    lines += ["PasswordAuthentication no", "KbdInteractiveAuthentication no"]
    lines += ["PermitRootLogin prohibit-password"]
    lines += [f"SetEnv PYTHONPATH={os.environ.get('PYTHONPATH', '')}"]  # the code that is tested
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    with ExitStack() as stack:
        own = Path("/run/sshd")  # root's server asks for this folder
        if os.getuid() == 0 and not own.exists():
            own.mkdir(mode=0o755)
            stack.callback(own.rmdir)
        start = stack.enter_context(programs(folder / "logs"))
        server = start(shutil.which("sshd", path=SBIN), "-D", "-e", "-f", folder / "sshd_config")
        wait(lambda: listens(hosts[0], port), "sshd", running=[server])
        user = {"username": psutil.Process().username(), "client_keys": [str(folder / "id")]}
        yield user | {"port": port, "known_hosts": None, "config": None}


def ip(*words, check=True):
    """Run ip; return what it prints."""
    return run("ip", *words, check=check).stdout


def power_off(host):
    """Kill all programs of a host; return how many."""
    running = ip("netns", "pids", host, check=False).split()
    for pid in running:
        with suppress(ProcessLookupError):
            os.kill(int(pid), 9)
    return len(running)


@contextmanager
def namespaces(count):
    """Make hosts, network namespaces on a bridge; give its address, and theirs by name."""
    net, bridge = f"10.77.{os.getpid() % 200 + 20}", "sklbr"
    hosts = {f"skl{number}": f"{net}.{number}" for number in range(11, 11 + count)}
    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{net}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for name, address in hosts.items():
            ip("netns", "add", name)
            peer = ["type", "veth", "peer", "name", "eth0", "netns", name]
            ip("link", "add", f"{name}v", *peer)
            ip("link", "set", f"{name}v", "master", bridge, "up")
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", name, "link", "set", device, "up")
        yield f"{net}.1", hosts
    finally:
        for name in hosts:
            power_off(name)
            ip("link", "del", f"{name}v", check=False)
            ip("netns", "del", name, check=False)
        ip("link", "del", bridge, check=False)


def certificates(home):
    """Make certificates as the notebook does; return the environment in which Dask uses them."""
    need("openssl")
    home.mkdir()
    run("sh", "-ec", block("openssl req"), env={"HOME": str(home)}, check=True)
    (home / "tls.yaml").write_text(put(block("require-encryption"), {"/home/ada": str(home)}))
    return {"DASK_CONFIG": f"{home}/tls.yaml"}


def dask(program, *words):
    """Return the command of one of Dask's programs; its web page is for this machine."""
    page = ["--dashboard-address", "127.0.0.1:0"]
    return [sys.executable, "-m", f"distributed.cli.dask_{program}", *words, *page]


def scheduler(start, address, *, env=None):
    """Start a scheduler at an address such as tls://10.77.0.1:8786; return when it listens."""
    protocol, host, port = re.split("://|:", address)
    listen = ["--protocol", protocol, "--host", host, "--port", port]
    started = start(*dask("scheduler", *listen), env=env)
    wait(lambda: listens(host, port), "the scheduler", running=[started])
    return started


def worker(start, address, *, host="127.0.0.1", within=(), env=None):
    """Start a worker of one thread at a host, for the scheduler at an address."""
    return start(*within, *dask("worker", address, "--host", host, "--nthreads", 1), env=env)


def segkit(frames, out, *words):
    """Return the command ``segkit segment``, in batches of 5 frames."""
    command = [sys.executable, "-m", "segkit.cli", "segment", str(frames), "--out", str(out)]
    return [*command, "--batch", "5", *words]


def program(frames, out, code):
    """Return the command of a program of its own, as a notebook writes it."""
    names = f"files, out = data.images({str(frames)!r}), {str(out)!r}\n"
    return [sys.executable, "-c", PROGRAM + names + code]


def block(piece):
    """Return the block of code in the notebook's text that contains a piece of text."""
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells)
    return next(code for code in re.findall(r"```\w+\n(.*?)```", text, re.S) if piece in code)


def put(code, words):
    """Put other words in place of some of the notebook's."""
    for old, new in words.items():
        assert old in code
        code = code.replace(old, new)
    return code


def follow(run, env, out, *, cancel_at):
    """Watch a run to its end; return what became of its jobs, and after how many seconds.

    Parameters
    ----------
    cancel_at : float
        Cancel a job when so many batches are on disk.
    """
    began, known, events = time.monotonic(), {}, []

    def note(event):
        events.append({"seconds": round(time.monotonic() - began, 2), "event": event})

    while run.poll() is None:
        jobs = ask(env, "squeue", "-h", "-o", "%i %T on %N").splitlines()
        now = dict(job.removesuffix(" on ").split(" ", 1) for job in jobs)
        for job in sorted(known | now):
            if now.get(job) != known.get(job):
                note(f"job {job} {now.get(job, 'is gone')}")
        known, running = now, [job for job in now if now[job].startswith("RUNNING")]
        if running and len(parts(out)) >= cancel_at:
            ask(env, "scancel", running[0])
            note(f"scancel {running[0]}")
            cancel_at = float("inf")
        assert time.monotonic() < began + 120, f"not done after 120 s: {run.log.read_text()}"
        time.sleep(0.02)
    return events


def parts(out):
    """Return the batches that are on disk."""
    return sorted(Path(out, "nuclei.parquet").glob("part-*"))


def content(out):
    """Return the bytes of each file of a run's table; a killed worker may leave hidden ones."""
    return {path.name: path.read_bytes() for path in Path(out, "nuclei.parquet").glob("[!.]*")}


def links(source, count, into):
    """Name `count` frames, those of a folder over and over."""
    files = sorted((source / "images").glob("*.tif"))
    into.mkdir(parents=True)
    for number in range(count):
        (into / f"frame_{number:05d}.tif").symlink_to(files[number % len(files)])
    return into
