"""What notebook 12 says of SSH, run as it is written there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import lab
import nbformat
import psutil
import pytest
from distributed import Client, Security

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "12_clusters_and_faults.ipynb"
pytestmark = pytest.mark.cluster


def block(language, piece):
    """Return the block of code in the notebook's text that contains a piece of text."""
    text = "\n".join(
        cell.source
        for cell in nbformat.read(NOTEBOOK, as_version=4).cells
        if cell.cell_type == "markdown"
    )
    blocks = re.findall(rf"```{language}\n(.*?)```", text, re.S)
    return next(code for code in blocks if piece in code)


def test_ssh_cluster_is_encrypted(tmp_path, monkeypatch):
    """Only who has the certificate connects, and web pages are on loopback."""
    reason = lab.lacking("sshd", "ssh-keygen", "openssl")
    if reason:
        pytest.skip(reason)
    pytest.importorskip("asyncssh")
    hosts = ["127.0.0.1", "127.0.0.1", "127.0.0.2"]
    seen = {}

    def inside(client):
        """Look at the cluster while it runs."""
        seen["sum"] = client.submit(sum, [1, 2]).result()
        seen["workers"] = list(client.scheduler_info(n_workers=-1)["workers"])
        seen["address"] = client.scheduler.address
        pages = client.run(lambda dask_worker: dask_worker.http_server.address)
        pages[0] = client.run_on_scheduler(
            lambda dask_scheduler: dask_scheduler.http_server.address
        )
        seen["pages"] = set(pages.values())
        without = Security(tls_ca_file=None, tls_client_cert=None, tls_client_key=None)
        for security in (without, Security.temporary()):
            with pytest.raises((OSError, TypeError, RuntimeError)):
                Client(seen["address"], security=security, timeout="2s", set_as_default=False)

    with lab.sshd(tmp_path) as env:
        monkeypatch.setenv("HOME", env["HOME"])
        command = ["sh", "-ec", block("sh", "openssl req")]
        subprocess.run(command, check=True, env={**os.environ, **env}, capture_output=True)
        code = block("python", "SSHCluster(\n")
        for old, new in {
            "/home/ada/segkit/.venv/bin/python": sys.executable,
            "/home/ada": env["HOME"],
            '["head", "node1", "node2"]': str(hosts),
            '"ada"': repr(psutil.Process().username()),
            "127.0.0.1:8787": "127.0.0.1:0",
            "    ...\n": "    inside(client)\n",
        }.items():
            assert old in code
            code = code.replace(old, new)
        exec(code, {"inside": inside})
    assert seen["sum"] == 3
    assert len(seen["workers"]) == 8
    assert all(address.startswith("tls://") for address in [seen["address"], *seen["workers"]])
    assert seen["pages"] == {"127.0.0.1"}
