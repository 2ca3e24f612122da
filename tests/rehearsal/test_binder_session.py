"""A Binder session, rehearsed: what the image runs, in a clean environment, on one core.

Only what needs Docker and conda is left out: Python is the one at hand. Takes three to five
minutes: ``make test-binder``.
"""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import requests
from cluster.lab import free_ports
from jupyter_client import BlockingKernelClient

CHECKOUT = Path(__file__).parents[2]
PREFIX = "/user/learner/"  # where a hub puts the server
MEMORY = 2_000_000_000  # bytes, of server, kernel and all else together
SECONDS = 300
NO_CODE = shutil.ignore_patterns(".git", ".venv", "build", "data", "__pycache__", ".*_cache")

pytestmark = [
    pytest.mark.rehearsal,
    pytest.mark.skipif(sys.platform != "linux", reason="Binder runs on Linux"),
]


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    """Make what the image holds: a copy of the checkout, an environment, and postBuild's work."""
    room = tmp_path_factory.mktemp("binder")
    tree = room / "repo"
    shutil.copytree(CHECKOUT, tree, symlinks=True, ignore=NO_CODE)
    (room / "home").mkdir()
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "venv", room / "env"], check=True)
    env = {
        name: value
        for name, value in os.environ.items()
        if name not in ("DISPLAY", "PYTHONPATH", "VIRTUAL_ENV", "MPLBACKEND", "SEGKIT_VIEWER")
        and not name.startswith("SEGKIT_")
    }
    env |= {
        "HOME": str(room / "home"),
        "REPO_DIR": str(tree),
        "PATH": f"{room / 'env' / 'bin'}{os.pathsep}{os.environ['PATH']}",
        # real frames cannot be had: the rehearsal must not depend on a network, nor load 81 MB
        "SEGKIT_MIRROR": str(room / "nowhere"),
    }
    built = subprocess.run(
        ["bash", "binder/postBuild"], cwd=tree, env=env, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stdout + built.stderr
    (packages,) = (room / "env").glob("lib/python*/site-packages")
    size = sum(path.stat().st_size for path in packages.rglob("*") if path.is_file())
    count = len(list(packages.glob("*.dist-info")))
    seconds = time.perf_counter() - began
    print(f"\nimage: {count} packages, {size / 1e6:.0f} MB, {seconds:.0f} s")
    yield SimpleNamespace(tree=tree, env=env, printed=built.stdout)
    shutil.rmtree(room / "env", ignore_errors=True)  # a gigabyte


def peak(process):
    """Return the most memory of a process and all its children, in bytes, added up."""
    family = [process, *process.children(recursive=True)]
    status = "".join(Path(f"/proc/{one.pid}/status").read_text() for one in family)
    return 1024 * sum(map(int, re.findall(r"VmHWM:\s*(\d+)", status)))


@pytest.fixture(scope="module")
def server(image):
    """Start JupyterLab by binder/start, behind a hub's prefix, on one core."""
    (port,) = free_ports(1)
    token = secrets.token_hex()
    options = [
        f"--port={port}",
        f"--ServerApp.base_url={PREFIX}",
        f"--IdentityProvider.token={token}",
    ]
    command = ["jupyter", "lab", "--ip=127.0.0.1", "--no-browser", "--allow-root", *options]
    core = {min(os.sched_getaffinity(0))}
    started = subprocess.Popen(
        ["bash", "binder/start", *command],
        cwd=image.tree,
        env={**image.env, "JUPYTERHUB_SERVICE_PREFIX": PREFIX},
        start_new_session=True,
        preexec_fn=lambda: os.sched_setaffinity(0, core),
    )
    web = requests.Session()
    retry = requests.adapters.Retry(connect=10, backoff_factor=0.1)  # until the server listens
    web.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
    web.headers["Authorization"] = f"token {token}"
    root = f"http://127.0.0.1:{port}"
    try:
        assert web.get(f"{root}{PREFIX}api/status", timeout=60).ok
        yield SimpleNamespace(
            root=root, url=root + PREFIX, web=web, process=psutil.Process(started.pid)
        )
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


@pytest.fixture
def kernel(server, image):
    """Open notebook 01 in the server; return a function that runs a cell of its kernel."""
    path = "notebooks/01_reading.ipynb"
    asked = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
    made = server.web.post(f"{server.url}api/sessions", json=asked, timeout=60).json()
    (connection,) = Path(image.env["HOME"]).rglob(f"kernel-{made['kernel']['id']}.json")
    client = BlockingKernelClient(connection_file=str(connection))
    client.load_connection_file()
    client.start_channels()
    client.kernel_info(reply=True, timeout=120)  # waits for the kernel to start

    def run(source):
        """Run a cell to its end; return what it printed. An error fails the test."""
        printed = []

        def keep(output):
            if output["content"].get("name") == "stdout":
                printed.append(output["content"]["text"])

        reply = client.execute_interactive(source, timeout=120, output_hook=keep)["content"]
        assert reply["status"] == "ok", "\n".join([source, *reply["traceback"]])
        return "".join(printed)

    yield run
    client.stop_channels()
    server.web.delete(f"{server.url}api/sessions/{made['id']}", timeout=60)


def test_the_image_falls_back_to_simulated_frames(image):
    """Where the real frames cannot be had, the build goes on, and says so."""
    *_, said, described = image.printed.strip().splitlines()
    assert said == "No real frames: the notebooks use simulated ones."
    assert described == "simulated frames, 48, seed 39 (not real cells)"
    assert (image.tree / "data" / "simulated" / "images").is_dir()


def test_notebook_01_runs_within_a_session(server, kernel):
    """From the first to the last cell, in a kernel of the server, on one core, within 2 GB."""
    answer = server.web.get(f"{server.url}api/contents/notebooks/01_reading.ipynb", timeout=60)
    cells = [cell for cell in answer.json()["content"]["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 10
    began = time.perf_counter()
    printed = [kernel(cell["source"]) for cell in cells]
    seconds = time.perf_counter() - began
    assert printed[1].startswith("simulated frames, 48")  # after the cell for Colab
    checks = [cell for cell in cells if "check" in cell["metadata"].get("tags", [])]
    assert sum("Not answered yet" in text for text in printed) == len(checks) > 0
    memory = peak(server.process)
    print(f"\nnotebook 01: {seconds:.0f} s, peak of the session {memory / 1e6:.0f} MB")
    assert seconds < SECONDS
    assert 100e6 < memory < MEMORY


def test_the_dashboard_is_reached_through_the_proxy(server, kernel):
    """The link of a client leads, under the hub's prefix, to a live page of Dask's dashboard."""
    code = """
from dask.distributed import Client, LocalCluster
cluster = LocalCluster(n_workers=1, processes=False, dashboard_address="127.0.0.1:0")
client = Client(cluster)
print(client.dashboard_link)
"""
    link = kernel(code).strip()
    try:
        assert re.fullmatch(rf"{PREFIX}proxy/\d+/status", link)
        page = server.web.get(server.root + link, timeout=60)
        assert page.ok
        assert "<title>Dask Diagnostic UI</title>" in page.text
        plots = server.web.get(
            server.root + link.replace("status", "individual-plots.json"), timeout=60
        )
        layout = json.loads((CHECKOUT / "binder" / "layout.json").read_text("utf-8"))["data"]
        panes = [entry["data"]["item"] for name, entry in layout.items() if ":/" in name]
        assert {pane["route"] for pane in panes} <= set(plots.json().values())
        assert len(panes) == 2
    finally:
        kernel("client.close(); cluster.close()")


def test_lab_opens_with_the_panes_of_the_dashboard(server):
    """The default workspace has the saved layout, with the dashboard's address in this session."""
    answer = server.web.get(f"{server.url}lab/api/workspaces/default", timeout=60).json()["data"]
    assert answer["dask-dashboard-launcher"]["url"] == f"{PREFIX}proxy/8787"
    main = json.dumps(answer["layout-restorer:data"]["main"])
    assert set(re.findall(r"individual-[a-z-]+", main)) == {
        "individual-task-stream",
        "individual-progress",
    }
    found = server.web.get(f"{server.url}lab/api/extensions", timeout=60).json()
    named = {one["name"]: one for one in found}
    assert named["dask-labextension"]["enabled"]
    assert named["dask-labextension"]["status"] == "ok"


@pytest.mark.filterwarnings("ignore::DeprecationWarning:pythonjsonlogger")
def test_repo2docker_takes_the_folder_binder(monkeypatch):
    """It finds the environment, the scripts, and Python's version, which it reads as ``=3.11``."""
    from repo2docker.app import Repo2Docker

    monkeypatch.chdir(CHECKOUT)
    app = Repo2Docker()
    packs = (pack(base_image=app.base_image) for pack in app.buildpacks)
    pack = next(pack for pack in packs if pack.detect())
    pack.platform = "linux/amd64"
    where = Path(pack.environment_yaml_path).resolve()
    assert where == CHECKOUT / "binder" / "environment.yml"
    assert pack.python_version == "3.11"
    dockerfile = pack.render({})
    assert "RUN ./binder/postBuild" in dockerfile
    assert 'R2D_ENTRYPOINT="${REPO_DIR}/binder/start"' in dockerfile
    for name in ("postBuild", "start"):
        assert os.access(CHECKOUT / "binder" / name, os.X_OK), name
