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
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import requests

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
def websocket():
    """Return the package that speaks to a kernel as a browser does (Jupyter's server brings it)."""
    return pytest.importorskip("websocket")


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


def watch(process, peak):
    """Note the most memory that a process and all its children hold together, in bytes."""
    while process.is_running():
        total = 0
        try:
            for one in [process, *process.children(recursive=True)]:
                total += one.memory_info().rss
        except psutil.Error:  # one of them has just ended
            continue
        peak[0] = max(peak[0], total)
        time.sleep(0.1)


@pytest.fixture(scope="module")
def server(image):
    """Start JupyterLab by binder/start, behind a hub's prefix, on one core."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex()
    options = [
        f"--port={port}",
        f"--ServerApp.base_url={PREFIX}",
        f"--IdentityProvider.token={token}",
    ]
    command = ["jupyter", "lab", "--ip=127.0.0.1", "--no-browser", "--allow-root", *options]
    core = {min(os.sched_getaffinity(0))}
    log = image.tree / "server.log"
    with log.open("w") as output:
        started = subprocess.Popen(
            ["bash", "binder/start", *command],
            cwd=image.tree,
            env={**image.env, "JUPYTERHUB_SERVICE_PREFIX": PREFIX},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, core),
        )
    peak = [0]
    watcher = threading.Thread(target=watch, args=(psutil.Process(started.pid), peak), daemon=True)
    watcher.start()
    web = requests.Session()
    web.headers["Authorization"] = f"token {token}"
    root = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            assert started.poll() is None, log.read_text()
            try:
                if web.get(f"{root}{PREFIX}api/status", timeout=5).ok:
                    break
            except requests.ConnectionError:
                time.sleep(0.1)
        else:
            pytest.fail(f"the server does not answer: {log.read_text()}")
        yield SimpleNamespace(root=root, url=root + PREFIX, web=web, peak=peak, token=token)
    finally:
        os.killpg(started.pid, signal.SIGTERM)
        try:
            started.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


@pytest.fixture
def kernel(server, websocket):
    """Open notebook 01 as a browser does; return a function that runs a cell of its kernel."""
    made = server.web.post(
        f"{server.url}api/sessions",
        json={
            "path": "notebooks/01_reading.ipynb",
            "name": "01_reading.ipynb",
            "type": "notebook",
            "kernel": {"name": "python3"},
        },
        timeout=60,
    ).json()
    where = f"{server.url}api/kernels/{made['kernel']['id']}/channels".replace("http", "ws", 1)
    socket_ = websocket.create_connection(
        where, header=[f"Authorization: token {server.token}"], timeout=120
    )

    def run(source):
        """Run a cell to its end; return what it printed. An error fails the test."""
        asked, printed = uuid.uuid4().hex, []
        header = {"msg_id": asked, "msg_type": "execute_request", "version": "5.3"}
        header |= {"session": "rehearsal", "username": "", "date": ""}
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = {"header": header, "parent_header": {}, "metadata": {}, "content": content}
        socket_.send(json.dumps({**message, "channel": "shell", "buffers": []}))
        while True:
            answer = json.loads(socket_.recv())
            if answer["parent_header"].get("msg_id") != asked:
                continue
            if answer["msg_type"] == "stream" and answer["content"]["name"] == "stdout":
                printed.append(answer["content"]["text"])
            elif answer["msg_type"] == "error":
                pytest.fail("\n".join([source, *answer["content"]["traceback"]]))
            elif answer["msg_type"] == "status" and answer["content"]["execution_state"] == "idle":
                return "".join(printed)

    yield run
    socket_.close()
    server.web.delete(f"{server.url}api/sessions/{made['id']}", timeout=60)


def test_the_image_falls_back_to_simulated_frames(image):
    """Where the real frames cannot be had, the build goes on, and says so."""
    *_, said, described = image.printed.strip().splitlines()
    assert said == "No real frames: the notebooks use simulated ones."
    assert described == "simulated frames, 48, seed 39 (not real cells)"
    assert (image.tree / "data" / "simulated" / "images").is_dir()


def test_notebook_01_runs_within_a_session(server, kernel):
    """From the first to the last cell, through the server, on one core, within 2 GB."""
    answer = server.web.get(f"{server.url}api/contents/notebooks/01_reading.ipynb", timeout=60)
    cells = [cell for cell in answer.json()["content"]["cells"] if cell["cell_type"] == "code"]
    assert len(cells) > 10
    began = time.perf_counter()
    printed = [kernel(cell["source"]) for cell in cells]
    seconds = time.perf_counter() - began
    assert printed[0].startswith("simulated frames, 48")
    checks = [cell for cell in cells if "check" in cell["metadata"].get("tags", [])]
    assert sum("Not answered yet" in text for text in printed) == len(checks) > 0
    print(f"\nnotebook 01: {seconds:.0f} s, peak of the session {server.peak[0] / 1e6:.0f} MB")
    assert seconds < SECONDS
    assert 100e6 < server.peak[0] < MEMORY


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
