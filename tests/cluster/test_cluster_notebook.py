"""What notebook 14 says of Slurm and SSH, run as it is written there, on real ones."""

import re
import sys
import threading
from pathlib import Path

import dask.distributed  # with its settings
import lab
import nbformat
import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def slurm():
    """Environment of a user of a Slurm with four virtual nodes."""
    lab.need("slurmctld", "slurmd", "sbatch", "munged")
    with lab.slurm(4) as env:
        yield env


def test_jobs_give_the_table_of_one_machine(slurm, frames, compare_bytes, start, tmp_path):
    """The notebook's program and jobqueue.yaml: jobs with a GPU and fixed ports, the same table."""
    env = {**slurm, "DASK_JOBQUEUE__SLURM__LOG_DIRECTORY": str(tmp_path / "jobs")}
    words = {"**options, ": "", "segment(files, out)": "segment(files, out, batch=5)"}
    code = lab.put(lab.block("**options"), words)
    run = start(*lab.program(frames, tmp_path / "out", code), env={**env, "HOME": str(tmp_path)})
    assert run.wait(120) == 0, run.log.read_text()
    compare_bytes(tmp_path / "out", "Slurm, adaptive", "none")
    said = "".join(path.read_text() for path in (tmp_path / "jobs").glob("*.err"))
    ports = re.findall(r"Start worker at: +tls://127\.0\.0\.1:(\d+)", said)
    assert {int(port) // 100 for port in ports} == {90}  # 9000 to 9099
    assert lab.ask(slurm, "scontrol", "show", "job").count("gres:gpu:1") >= len(ports)


def test_driver_inside_the_job(slurm, frames, compare_bytes, tmp_path):
    """The notebook's SLURMRunner in a job of four tasks: encrypted, the same table, a clean end."""
    words = {"ib0": "lo", '"frames"': repr(str(frames)), '"nuclei"': '"out", batch=5'}
    code = lab.put(lab.block("SLURMRunner("), words)
    (tmp_path / "nuclei.py").write_text(code)
    words = {"/home/ada/segkit/.venv/bin/python": sys.executable, "ntasks 18": "ntasks 4"}
    (tmp_path / "job.sh").write_text(lab.put(lab.block("#!/bin/bash"), words))
    env = slurm | lab.certificates(tmp_path / "ada")
    lab.run("sbatch", "--wait", "--chdir", tmp_path, "-o", "said", "job.sh", env=env, check=True)
    said = (tmp_path / "said").read_text()
    assert said.count("Start worker at:      tls://127.0.0.1") == 2
    compare_bytes(tmp_path / "out", "Slurm, driver inside", "none")


def test_a_cancelled_job_costs_nothing_but_time(slurm, frames, compare_bytes, start, tmp_path):
    """On the cluster of "Copy this", the table after a cancelled job is that of any run."""
    out, snippet = tmp_path / "out", CHECKOUT / "snippets" / "slurm_cluster.py"
    code = f"import runpy\nstart = runpy.run_path({str(snippet)!r})['start_cluster']\n"
    code += "with start(slurm=True) as cluster, Client(cluster):\n"
    code += "  run.segment(files, out, batch=5)"
    env = {**slurm, "HOME": str(tmp_path), "DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT": "1s"}
    env["DASK_JOBQUEUE__SLURM__LOG_DIRECTORY"] = str(tmp_path / "jobs")
    run = start(*lab.program(frames, out, code), env=env)
    events = [one["event"] for one in lab.follow(run, slurm, out, cancel_at=8)]
    assert run.returncode == 0, run.log.read_text()
    cancel = next(n for n, event in enumerate(events) if event.startswith("scancel"))
    jobs = str(events[:cancel]).count("RUNNING")
    compare_bytes(out, "Slurm, adaptive", f"1 of {jobs} jobs cancelled")


def test_notebook_runs_its_jobs(slurm, simulated_frames, tmp_path, monkeypatch, load):
    """Where there is a Slurm, the notebook runs on it, says so, and finds the same nuclei."""
    notebook = nbformat.read(lab.NOTEBOOK, as_version=4)
    jobs = next(n for n, cell in enumerate(notebook.cells) if "live = None" in cell.source)
    notebook.cells = notebook.cells[: jobs + 3]  # with the cell that compares the tables
    assert "live.equals(expected)" in notebook.cells[-1].source
    path, kept = tmp_path / "notebooks" / lab.NOTEBOOK.name, tmp_path / "ran.ipynb"
    path.parent.mkdir()
    (tmp_path / "benchmarks").symlink_to(CHECKOUT / "benchmarks")
    nbformat.write(notebook, path)
    for name, value in {**slurm, "SEGKIT_DATA": str(simulated_frames.parent)}.items():
        monkeypatch.setenv(name, value)
    tool = load("tools/notebook_pages")
    assert tool.execute(path, kept, stop=threading.Event())["failure"] is None
    ran = nbformat.read(kept, as_version=4)
    printed = "".join(output.text for output in ran.cells[jobs].outputs)
    assert re.match(r"Live, on this machine's Slurm: \d+ nuclei\n", printed)
    assert printed.count("dask-wor") == 2  # the queue


def test_ssh_cluster_is_encrypted(frames, compare_bytes, tmp_path):
    """Only who has the certificate connects, web pages are on loopback, and the table is right."""
    lab.need("sshd", "ssh-keygen")
    pytest.importorskip("asyncssh")
    hosts, out = ["127.0.0.1", "127.0.0.1", "127.0.0.2"], tmp_path / "out"

    def inside(client):
        """Look at the cluster while it runs, and use it."""
        from segkit import data, run

        client.wait_for_workers(8, timeout=60)
        address, workers = client.scheduler.address, client.scheduler_info(n_workers=-1)["workers"]
        assert all(one.startswith("tls://") for one in [address, *workers])
        pages = client.run(lambda dask_worker: dask_worker.http_server.address)
        own = client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.http_server.address)
        assert {own, *pages.values()} == {"127.0.0.1"}
        run.segment(data.images(frames), out, batch=5, progress=False)

    settings = yaml.safe_load(Path(lab.certificates(tmp_path / "ada")["DASK_CONFIG"]).read_text())
    comm = dask.config.merge(dask.config.get("distributed.comm"), settings["distributed"]["comm"])
    words = {
        "/home/ada/segkit/.venv/bin/python": sys.executable,
        '["head", "node1", "node2"]': str(hosts),
        "127.0.0.1:8787": "127.0.0.1:0",
        '"protocol": "tls://"': '"protocol": "tls://", "host": "127.0.0.1"',
        '"nthreads": 1': '"nthreads": 1, "host": "127.0.0.1"',
        "    ...\n": "    inside(client)\n",
    }
    with lab.sshd(tmp_path, hosts[1:]) as connect, dask.config.set({"distributed.comm": comm}):
        words['{"username": "ada"}'] = repr(connect)
        exec(lab.put(lab.block("SSHCluster(\n"), words), {"inside": inside})
    compare_bytes(out, "SSH, 2 hosts", "none")
