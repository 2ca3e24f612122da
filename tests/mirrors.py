"""A small data set of three frames, its archives, and a server that can fail: for the tests."""

import contextlib
import hashlib
import http.server
import io
import json
import os
import random
import socketserver
import subprocess
import sys
import threading
import zipfile
from pathlib import Path
from types import SimpleNamespace

STEMS = ("A01", "A02", "A03")
PARTS = ("metadata", "masks", "images")


def contents():
    """Return the members of the small data set as {name: bytes}; the bytes are noise."""
    noise = random.Random(39)
    files = {f"images/{stem}.tif": noise.randbytes(40_000) for stem in STEMS}
    files |= {f"masks/{stem}.png": noise.randbytes(2_000) for stem in STEMS}
    for split, stem in zip(("training", "validation", "test"), STEMS, strict=True):
        files[f"metadata/{split}.txt"] = f"{stem}.png\n".encode()
    return files


def pack(folder, files, *, method=zipfile.ZIP_BZIP2):
    """Write images.zip, masks.zip and metadata.zip; return {archive: (bytes, SHA-256)}."""
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {}
    for part in PARTS:
        path = folder / f"{part}.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr(f"__MACOSX/{part}/._x", b"what a Mac adds")
            for name, content in files.items():
                if name.startswith(f"{part}/"):
                    archive.writestr(name, content)
        content = path.read_bytes()
        hashes[path.name] = len(content), hashlib.sha256(content).hexdigest()
    return hashes


def small(tmp_path, monkeypatch):
    """Fixture: put the small data set in the place of BBBC039, with a good mirror in a folder."""
    from segkit.files import registry

    files = contents()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(registry, "entries", lambda: hashes)
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SEGKIT_MIRROR", raising=False)
    mirror = tmp_path / "mirror"
    archives = pack(mirror, files)
    into = tmp_path / "BBBC039"
    return SimpleNamespace(
        files=files, hashes=hashes, mirror=mirror, archives=archives, into=into, tmp=tmp_path
    )


def official(monkeypatch, url, archives):
    """Put an address in the place of the official one."""
    from segkit.files import fetch

    monkeypatch.setattr(fetch, "OFFICIAL", url)
    monkeypatch.setattr(fetch, "ARCHIVES", {name: archives[name] for name in fetch.ARCHIVES})


def whole(small):
    """Return the sorted names of the small data set that are in place, each of them whole."""
    from segkit import data

    try:
        listed = [f"images/{path.name}" for path in data.images(small.into)]
    except data.DataError:
        listed = []
    names = [name for name in small.files if (small.into / name).is_file()]
    assert sorted(listed) == sorted(name for name in names if name.startswith("images/"))
    for name in names:
        assert (small.into / name).read_bytes() == small.files[name], f"{name} is not whole"
    return sorted(names)


def recovers(small):
    """After a fault: nothing half is taken for whole, and a good call brings everything."""
    from segkit import data

    whole(small)
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3 frames")
    assert whole(small) == sorted(small.files)
    assert data.verify(small.into) == {"missing": [], "damaged": [], "foreign": []}
    assert not [path for path in small.into.rglob("*") if path.name.endswith(".part")]
    assert not (small.into / ".loading").exists()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """Serve a folder; the next fault that the server holds for a path comes first."""

    def do_GET(self):
        self.server.got.append(("GET", self.path))
        faults = self.server.faults.get(self.path, [])
        fault = faults.pop(0) if faults else None
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault in ("cut", "hold"):
            content = (Path(self.directory) / self.path.lstrip("/")).read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if fault == "hold":  # the rest comes when the test allows it
                self.server.held.set()
                self.server.release.wait(60)
                with contextlib.suppress(OSError):
                    self.wfile.write(content[len(content) // 2 :])
            self.close_connection = True
        else:
            super().do_GET()

    def do_HEAD(self):
        self.server.got.append(("HEAD", self.path))
        super().do_HEAD()

    def log_message(self, *args):
        """Keep the tests' output clean."""


@contextlib.contextmanager
def serve(folder, **faults):
    """Serve a folder on loopback: yield the server, with url, got and faults."""

    def handler(*args):
        return _Handler(*args, directory=str(folder))

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.url = f"http://127.0.0.1:{server.server_port}/"
    server.got, server.held, server.release = [], threading.Event(), threading.Event()
    server.faults = {f"/{part}.zip": list(faults[part]) for part in faults}
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def answering(answer):
    """Answer requests on loopback with anything: yield the address.

    The function `answer` gets the path asked for, and another that sends bytes.
    """

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            request = self.rfile.readline().split()
            while self.rfile.readline().strip():
                pass
            with contextlib.suppress(OSError):  # the client left
                answer(request[1].decode(), self.wfile.write)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


CHILD = """
import json, os, sys
import pooch.core
from segkit import data
from segkit.files import fetch, registry
setting = json.loads(sys.argv[1])
registry.entries = lambda: setting["hashes"]
pooch.core.time.sleep = lambda seconds: None
if setting["official"]:
    fetch.OFFICIAL = setting["official"]
    fetch.ARCHIVES = {name: setting["archives"][name] for name in fetch.ARCHIVES}
def call(into=setting["into"], mirror=setting["mirror"], progress=setting["progress"]):
    try:
        print(data.fetch(into, mirror=mirror, progress=progress), flush=True)
    except data.DataError as error:
        print("DataError:", error, flush=True)
"""


def start(small, code="call()", *, official=None, mirror=None, into=None, progress=False, under=()):
    """Start a process of its own that fetches the small data set."""
    setting = {
        "hashes": small.hashes,
        "archives": small.archives,
        "official": official,
        "mirror": None if mirror is None else str(mirror),
        "into": str(into or small.into),
        "progress": progress,
    }
    command = [*under, sys.executable, "-c", CHILD + code, json.dumps(setting)]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, cwd=small.tmp, env=environment
    )


def finish(child):
    """Return the lines that a process printed, once it ended well."""
    out, err = child.communicate(timeout=60)
    assert child.returncode == 0, err
    return out.splitlines()


def zipped(*members):
    """Return the bytes of an archive of (name or ZipInfo, bytes) members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()
