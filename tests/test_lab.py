"""JupyterLab as `make lab` starts it. What is shown there is JupyterLab's own."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import requests

CHECKOUT = Path(__file__).parents[1]


def test_make_lab_opens_a_notebook_that_can_run(tmp_path):
    """The command of the Makefile starts a server that has the notebook and a kernel for it."""
    makefile = (CHECKOUT / "Makefile").read_text("utf-8")
    command = re.search(r"^lab:.*\n\t\$\(BIN\)/jupyter (lab .*)$", makefile, re.M)
    words = [*shlex.split(command[1]), "--no-browser", "--port=0", "--allow-root"]
    shutil.copytree(CHECKOUT / "notebooks", tmp_path / "notebooks")
    places = ("JUPYTER_RUNTIME_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    env = {**os.environ, **{place: str(tmp_path / place) for place in places}}
    server = subprocess.Popen([sys.executable, "-m", "jupyter", *words], cwd=tmp_path, env=env)
    try:
        until = time.monotonic() + 120
        while not (found := list(tmp_path.glob("*/jpserver-*.json"))):
            assert server.poll() is None, "the server does not start"
            assert time.monotonic() < until, "the server does not start within two minutes"
            time.sleep(0.2)
        info = json.loads(found[0].read_text())
        path = "notebooks/00_start_here.ipynb"  # the server begins at the root
        web = requests.Session()
        web.trust_env = False  # no proxy
        retry = requests.adapters.Retry(connect=8, backoff_factor=0.1)  # until the server listens
        web.mount("http://", requests.adapters.HTTPAdapter(max_retries=retry))
        web.headers["Authorization"] = f"token {info['token']}"
        (page,) = (word.split("=/")[1] for word in words if "default_url" in word)
        assert page == f"lab/tree/{path}"
        assert web.get(f"{info['url']}{page}", timeout=60).ok
        notebook = web.get(f"{info['url']}api/contents/{path}", timeout=60)
        kernel = notebook.json()["content"]["metadata"]["kernelspec"]
        asked = {"path": path, "name": path, "type": "notebook", "kernel": kernel}
        made = web.post(f"{info['url']}api/sessions", json=asked, timeout=120)
        assert made.status_code == 201, made.text
    finally:
        server.terminate()  # the server ends its kernels
        server.wait(30)
