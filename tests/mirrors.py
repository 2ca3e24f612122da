"""A small data set of three frames, its archives, and a server that can fail: for the tests."""

import contextlib
import hashlib
import io
import random
import socketserver
import threading
import zipfile
from types import SimpleNamespace

from segkit import data

STEMS = ("A01", "A02", "A03")
GOOD = {"missing": [], "damaged": [], "unexpected": []}
OK = b"HTTP/1.1 200 OK\r\n"


def contents():
    """Return the members of the small data set as {name: bytes}; the bytes are noise."""
    noise = random.Random(39)
    files = {f"images/{stem}.tif": noise.randbytes(40_000) for stem in STEMS}
    files |= {f"masks/{stem}.png": noise.randbytes(2_000) for stem in STEMS}
    splits = zip(data.SPLITS, STEMS, strict=True)
    return files | {f"metadata/{split}.txt": f"{stem}.png\n".encode() for split, stem in splits}


def zipped(*members, method=zipfile.ZIP_STORED):
    """Return the bytes of an archive of (name or ZipInfo, bytes) members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return stream.getvalue()


def pack(folder, files, *, method=zipfile.ZIP_DEFLATED):
    """Write images.zip, masks.zip and metadata.zip; return their SHA-256 by name."""
    folder.mkdir(parents=True, exist_ok=True)
    hashes = {}
    for part in ("metadata", "masks", "images"):
        members = [(f"__MACOSX/{part}/._x", b"what a Mac adds")]
        members += [member for member in files.items() if member[0].startswith(f"{part}/")]
        content = zipped(*members, method=method)
        (folder / f"{part}.zip").write_bytes(content)
        hashes[f"{part}.zip"] = hashlib.sha256(content).hexdigest()
    return hashes


def small(tmp_path, monkeypatch):
    """Fixture: put the small data set in the place of BBBC039, with a good mirror in a folder."""
    files = contents()
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(data, "entries", lambda: hashes)
    monkeypatch.setattr("pooch.core.time", SimpleNamespace(sleep=lambda seconds: None))
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("SEGKIT_MIRROR", raising=False)
    monkeypatch.setattr(data.DATASET, "archives", pack(tmp_path / "mirror", files))
    places = {"mirror": tmp_path / "mirror", "into": tmp_path / "BBBC039", "tmp": tmp_path}
    return SimpleNamespace(files=files, hashes=hashes, **places)


def complete(small):
    """Return the sorted names of the small data set that are there, all of them intact."""
    names = [name for name in small.files if (small.into / name).is_file()]
    for name in names:
        assert (small.into / name).read_bytes() == small.files[name], f"{name} is damaged"
    listed = {f"images/{path.name}" for path in small.into.glob("images/[!.]*")}
    assert listed == {name for name in names if name.startswith("images/")}
    return sorted(names)


def recovers(small):
    """After a failure: nothing is damaged, and a good call brings everything."""
    complete(small)
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3 frames")
    assert complete(small) == sorted(small.files)
    assert data.verify(small.into) == GOOD
    assert {path.name for path in small.into.rglob(".*")} <= {".fetch.lock"}


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


@contextlib.contextmanager
def serve(folder, **failures):
    """Serve a folder on loopback: yield the server, with url and got, the paths asked for.

    Each archive may fail a few times first: with an HTTP status, by a "cut" in its middle, or by
    "hold", where the rest comes when the test sets `release`.
    """
    server = SimpleNamespace(got=[], held=threading.Event(), release=threading.Event())

    def answer(path, send):
        server.got.append(path)
        queue = failures.get(path[1:].removesuffix(".zip"), [])
        failure = queue.pop(0) if queue else None
        if not (folder / path[1:]).is_file():
            failure = 404
        if isinstance(failure, int):
            return send(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % failure)
        content = (folder / path[1:]).read_bytes()
        send(OK + b"Content-Length: %d\r\n\r\n" % len(content) + content[: len(content) // 2])
        if failure == "hold":
            server.held.set()
            server.release.wait(60)
        if failure != "cut":
            send(content[len(content) // 2 :])

    with answering(answer) as server.url:
        try:
            yield server
        finally:
            server.release.set()
