"""Programs for the tests of clusters: started by hand, on loopback or in network namespaces.

Everything is stopped by the one that started it, also after an error, and nothing is written
outside the folder that is given.
"""

import hashlib
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
import pyarrow.parquet as pq
from distributed import Client, Security

SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])
SLURM = """
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={room}/munge/s
CredType=cred/munge
StateSaveLocation={room}/state
SlurmdSpoolDir={room}/spool/%n
SlurmctldPidFile={room}/slurmctld.pid
SlurmdPidFile={room}/slurmd.%n.pid
SlurmctldLogFile={room}/log/slurmctld.log
SlurmdLogFile={room}/log/slurmd.%n.log
PlugStackConfig={room}/plugstack.conf
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
PropagateResourceLimits=NONE
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=3
SlurmdTimeout=10
MessageTimeout=5
SchedulerParameters=batch_sched_delay=0,sched_min_interval=100000,sched_interval=2,bf_interval=2
"""
NODE = "NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=1 RealMemory=1200\n"
JOBQUEUE = """
jobqueue:
  slurm:
    cores: 1
    memory: 1 GB
    interface: lo
    queue: debug
    walltime: "00:10:00"
"""


def lacking(*programs):
    """Return why programs cannot be started here, or "" if they can."""
    absent = [name for name in programs if not shutil.which(name, path=SBIN)]
    return f"not installed: {', '.join(absent)} (.ci/cluster installs them)" if absent else ""


def wait(ready, what, *, seconds=60, running=()):
    """Wait until something is so; return what `ready` returned."""
    end = time.monotonic() + seconds
    while not (found := ready()):
        ended = [process for process in running if process.poll() is not None]
        if ended or time.monotonic() > end:
            said = [" ".join([*one.args, "said:", one.log.read_text()[-2000:]]) for one in ended]
            raise RuntimeError(f"waited for {what} in vain. {' '.join(said)}")
        time.sleep(0.01)
    return found


def free_ports(count):
    """Ports that nobody has."""
    with ExitStack() as stack:
        some = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in some:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in some]


def end(processes, *, seconds=10):
    """End processes and all below them; those that do not listen are killed."""
    family = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            one = psutil.Process(process.pid)
            family += [*one.children(recursive=True), one]
    for process in processes[::-1]:
        if process.poll() is None:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
    _, alive = psutil.wait_procs(family, timeout=1)
    for one in alive:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    psutil.wait_procs(alive, timeout=5)
    for process in processes:
        process.wait(5)


@contextmanager
def programs(logs):
    """Give a function that starts programs; end them all."""
    started = []
    logs.mkdir(parents=True, exist_ok=True)

    def start(*command, env=None):
        path = logs / f"{len(started):02d}-{Path(str(command[0])).name}.txt"
        with path.open("w") as log:
            settings = {"stdout": log, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            settings["start_new_session"] = True  # as a terminal does: Ctrl-C reaches all of it
            words = [str(word) for word in command]
            everything = {**os.environ, "PATH": SBIN, **(env or {})}
            started.append(subprocess.Popen(words, env=everything, **settings))
        started[-1].log = path
        return started[-1]

    try:
        yield start
    finally:
        end(started)


@contextmanager
def slurm(nodes=4):
    """Run Slurm with virtual nodes on loopback; give the environment that its users need."""
    room = Path(tempfile.mkdtemp(prefix="sk-"))  # a socket's path has to be short
    host = socket.gethostname().split(".")[0]
    port, *ports = free_ports(nodes + 1)
    room.chmod(0o755)  # munged's users have to reach its socket
    try:
        for name in ("munge", "state", "log", *(f"spool/n{n + 1}" for n in range(nodes))):
            (room / name).mkdir(parents=True)
        (room / "munge").chmod(0o755)
        key = room / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        (room / "plugstack.conf").touch()
        (room / "jobqueue.yaml").write_text(JOBQUEUE)
        version = subprocess.check_output(["slurmd", "-V"], text=True, env={"PATH": SBIN})
        old = tuple(map(int, re.findall(r"\d+", version)[:2])) < (23, 11)
        # limits are not wanted; slurmd starts a plugin for them all the same
        plugin = "cgroup/v1" if old else "disabled"
        (room / "cgroup.conf").write_text(f"CgroupPlugin={plugin}\n")
        user = psutil.Process().username()
        text = SLURM.format(host=host, port=port, user=user, room=room)
        for number, one in enumerate(ports, 1):
            text += NODE.format(name=f"n{number}", host=host, port=one)
        text += "PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP\n"
        conf = room / "slurm.conf"
        conf.write_text(text)
        env = {"SLURM_CONF": str(conf), "DASK_CONFIG": str(room / "jobqueue.yaml"), "PATH": SBIN}
        with programs(room / "log") as start:
            place = room / "munge"
            munged = ["munged", "-F", "--key-file", key, "--socket", place / "s"]
            munged += ["--pid-file", place / "pid", "--log-file", place / "log"]
            daemons = [start(*munged, "--seed-file", place / "seed")]
            wait((place / "s").exists, "munged", running=daemons)
            daemons.append(start("slurmctld", "-D", "-f", conf, env=env))
            for number in range(nodes):
                daemons.append(start("slurmd", "-D", "-f", conf, "-N", f"n{number + 1}", env=env))

            def idle():
                asked = ask(env, "sinfo", "-h", "-N", "-o", "%T")
                return asked.split() == ["idle"] * nodes

            wait(idle, "Slurm's nodes", running=daemons)
            try:
                yield env
            finally:
                ask(env, "scancel", "--user", user)
                wait(lambda: not ask(env, "squeue", "-h"), "the jobs to end", running=daemons)
    finally:
        shutil.rmtree(room, ignore_errors=True)


def ask(env, *command):
    """Return what a command of Slurm prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **env}
    )
    return done.stdout.strip("\n")


@contextmanager
def sshd(room):
    """Run an SSH server on loopback for this user; give a home to log in from."""
    settings, port = room / "home" / ".ssh", free_ports(1)[0]
    settings.mkdir(parents=True, mode=0o700)
    for key in (room / "host", settings / "id"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    hosts = ("127.0.0.1", "127.0.0.2")
    public = (room / "host.pub").read_text()
    known = "".join(f"[{host}]:{port} {public}" for host in hosts)
    (settings / "known_hosts").write_text(known)
    (settings / "config").write_text(
        f"Host 127.0.0.*\n  Port {port}\n  IdentityFile {settings}/id\n"
        f"  UserKnownHostsFile {settings}/known_hosts\n"
    )
    lines = [f"Port {port}", *(f"ListenAddress {host}" for host in hosts)]
    lines += [f"HostKey {room}/host", f"PidFile {room}/sshd.pid"]
    lines += [f"AuthorizedKeysFile {settings}/id.pub", "StrictModes no", "UsePAM no"]
    lines += ["PasswordAuthentication no", "KbdInteractiveAuthentication no"]
    lines += ["PermitRootLogin prohibit-password", "MaxStartups 100", "MaxSessions 100"]
    (room / "sshd_config").write_text("\n".join(lines) + "\n")
    own = Path("/run/sshd")  # root's server asks for this folder
    make = os.getuid() == 0 and not own.exists()
    if make:
        own.mkdir(mode=0o755)
    try:
        with programs(room / "logs") as start:
            server = start(shutil.which("sshd", path=SBIN), "-D", "-e", "-f", room / "sshd_config")

            def answers():
                with suppress(OSError), socket.create_connection((hosts[0], port), 1):
                    return True

            wait(answers, "sshd", running=[server])
            yield {"HOME": str(room / "home")}
    finally:
        if make:
            own.rmdir()


@contextmanager
def namespaces(count, *, prefix="skl"):
    """Make hosts, network namespaces on a bridge; give its address, their addresses, and ip."""
    net = f"10.77.{os.getpid() % 200 + 20}"
    bridge, names = f"{prefix}br", [f"{prefix}{number + 1}" for number in range(count)]

    def ip(*words, check=True):
        subprocess.run(["ip", *words], check=check, capture_output=True, env={"PATH": SBIN})

    try:
        ip("link", "add", bridge, "type", "bridge")
        ip("addr", "add", f"{net}.1/24", "dev", bridge)
        ip("link", "set", bridge, "up")
        for number, name in enumerate(names):
            ip("netns", "add", name)
            peer = ["type", "veth", "peer", "name", "eth0", "netns", name]
            ip("link", "add", f"{name}v", *peer)
            ip("link", "set", f"{name}v", "master", bridge)
            ip("-n", name, "addr", "add", f"{net}.{number + 11}/24", "dev", "eth0")
            for device in ("eth0", "lo"):
                ip("-n", name, "link", "set", device, "up")
            ip("link", "set", f"{name}v", "up")
        addresses = [f"{net}.{number + 11}" for number in range(count)]
        yield f"{net}.1", dict(zip(names, addresses, strict=True)), ip
    finally:
        for name in names:
            inside = subprocess.run(
                ["ip", "netns", "pids", name],
                capture_output=True,
                text=True,
                check=False,
                env={"PATH": SBIN},
            )
            for pid in inside.stdout.split():
                with suppress(ProcessLookupError):
                    os.kill(int(pid), 9)
            ip("link", "del", f"{name}v", check=False)
            ip("netns", "del", name, check=False)
        ip("link", "del", bridge, check=False)


def certificates(folder):
    """Write a CA, a certificate and its key; return the three paths."""
    folder.mkdir(parents=True, exist_ok=True)
    made = Security.temporary()
    parts = {"ca": made.tls_ca_file, "cert": made.tls_client_cert, "key": made.tls_client_key}
    for part, text in parts.items():
        (folder / f"{part}.pem").write_text(text)
    return [folder / f"{part}.pem" for part in parts]


def dask(*words):
    """Return the command of one of Dask's programs: scheduler or worker."""
    return [sys.executable, "-m", f"distributed.cli.dask_{words[0]}", *map(str, words[1:])]


def segkit(*words):
    """Return the command ``segkit segment`` with words."""
    return [sys.executable, "-m", "segkit.cli", "segment", *map(str, words)]


def parts(out):
    """Count the batches that are on disk."""
    return len(list((Path(out) / "nuclei.parquet").glob("part-*")))


def digest(out):
    """Hash the table of a run, part by part."""
    files = sorted((Path(out) / "nuclei.parquet").glob("*"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(out):
    """Return (frame, label) of each row of a run's table, in the order of the parts."""
    table = pq.read_table(Path(out) / "nuclei.parquet", columns=["frame", "label"])
    return list(zip(*(table[name].to_pylist() for name in ("frame", "label")), strict=True))


def table(out):
    """Return the parts of a run's table."""
    return sorted((Path(out) / "nuclei.parquet").glob("part-*"))


def address(file):
    """Return the address in a scheduler's file."""
    return json.loads(file.read_text())["address"]


def security(ca, cert, key):
    """Return what a client needs to reach an encrypted scheduler."""
    return Security(
        tls_ca_file=str(ca),
        tls_client_cert=str(cert),
        tls_client_key=str(key),
        require_encryption=True,
    )


def workers(address, count, security=None):
    """Wait until a scheduler has that many workers."""
    with Client(address, security=security, timeout=30) as client:
        client.wait_for_workers(count, timeout=60)


def links(source, count, into):
    """Name `count` frames, those of a folder over and over."""
    files = sorted((source / "images").glob("*.tif"))
    into.mkdir(parents=True)
    for number in range(count):
        (into / f"frame_{number:05d}.tif").symlink_to(files[number % len(files)])
    return into
