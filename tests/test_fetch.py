import errno
import gzip
import os
import socket
import sys
import threading
import time
import zipfile
from pathlib import Path

import mirrors
import pytest
from made import under_small_disk
from mirrors import answering, finish, official, pack, recovers, serve, start, whole

from segkit import data
from segkit.files import fetch, registry

MIRROR = os.environ.get("SEGKIT_MIRROR", "")  # read here: within a test it is not set
small = pytest.fixture(mirrors.small)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


def gets(server):
    return [path for method, path in server.got if method == "GET"]


def one_line(caught):
    """Return the message of an error, after a look at its form."""
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message, "the message does not say what to do"
    return message


# Where the frames come from


def test_official(small, monkeypatch):
    """The three archives are loaded, checked and unpacked, without what a Mac added."""
    with serve(small.mirror) as server:
        official(monkeypatch, server.url, small.archives)
        assert data.fetch(small.into, progress=False) == f"3 of 3 frames in {small.into}"
    assert whole(small) == sorted(small.files)
    assert sorted(gets(server)) == ["/images.zip", "/masks.zip", "/metadata.zip"]
    held = {path.name for path in small.into.iterdir()}
    assert held - {".fetch.lock"} == {"images", "masks", "metadata"}


def test_second_call_is_silent(small, monkeypatch):
    """With everything there, neither network nor mirror is asked and nothing is written."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    (small.into / ".fetch.lock").unlink(missing_ok=True)
    with serve(small.mirror) as server:
        official(monkeypatch, server.url, small.archives)
        for mirror in (None, server.url, small.tmp / "not there"):
            assert data.fetch(small.into, mirror=mirror, progress=False).startswith("3 of 3")
    assert server.got == []
    assert not (small.into / ".fetch.lock").exists()


def test_mirror_from_environment(small, monkeypatch):
    """SEGKIT_MIRROR and SEGKIT_DATA are the defaults."""
    monkeypatch.setenv("SEGKIT_MIRROR", str(small.mirror))
    into = small.tmp / "data" / "BBBC039"
    assert data.fetch(progress=False) == f"3 of 3 frames in {into}"
    assert (into / "images" / "A03.tif").read_bytes() == small.files["images/A03.tif"]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_mirror_packed_in_another_way(small, monkeypatch, method):
    """The archives of a mirror may differ from the official ones: their members count."""
    monkeypatch.setitem(fetch.ARCHIVES, "images.zip", (1, "0" * 64))
    pack(small.mirror, small.files, method=method)
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3")


def test_partial_folder(small):
    """A mirror may lack frames; the next mirror that has them completes the folder."""
    lacks = {name: content for name, content in small.files.items() if "A02" not in name}
    pack(small.tmp / "partial", lacks)
    for _ in range(2):
        text = data.fetch(small.into, mirror=small.tmp / "partial", progress=False)
        assert text == f"2 of 3 frames in {small.into}"
    assert whole(small) == sorted(lacks)
    assert data.verify(small.into)["missing"] == ["images/A02.tif", "masks/A02.png"]
    recovers(small)


def test_second_call_keeps_files(small):
    """What is there and whole is not written again, from a partial mirror either."""
    pack(small.mirror, {name: x for name, x in small.files.items() if "A02" not in name})
    data.fetch(small.into, mirror=small.mirror, progress=False)
    before = {path: path.stat() for path in small.into.rglob("*.*") if path.is_file()}
    data.fetch(small.into, mirror=small.mirror, progress=False)
    for path, was in before.items():
        assert (path.stat().st_ino, path.stat().st_mtime_ns) == (was.st_ino, was.st_mtime_ns)


def test_partial_address(small):
    """An address is asked again for what it lacked, and only for that."""
    pack(small.mirror, {name: x for name, x in small.files.items() if "images/A02" not in name})
    with serve(small.mirror) as server:
        assert data.fetch(small.into, mirror=server.url, progress=False).startswith("2 of 3")
        pack(small.mirror, small.files)
        assert data.fetch(small.into, mirror=server.url, progress=False).startswith("3 of 3")
    assert gets(server) == ["/metadata.zip", "/masks.zip", "/images.zip", "/images.zip"]
    assert {path.name for path in small.into.glob(".*")} <= {".fetch.lock"}


def test_progress(small, monkeypatch, capfd):
    """Bars go to standard error, and nothing does with progress=False."""
    with serve(small.mirror) as server:
        data.fetch(small.into, mirror=server.url, progress=False)
        assert capfd.readouterr() == ("", "")
        monkeypatch.setattr("segkit.files.unpack.DELAY", 0)
        data.fetch(small.tmp / "again", mirror=server.url, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    for archive in fetch.ARCHIVES:
        assert err.count(f"{archive}: 100%") >= 2, "one bar for loading and one for unpacking"


# What is in the folder


def test_repairs(small):
    """A missing and a damaged file are replaced; the size alone does not tell."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    (small.into / "images" / "A01.tif").unlink()
    path = small.into / "images" / "A02.tif"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert data.verify(small.into) == {
        "missing": ["images/A01.tif"],
        "damaged": ["images/A02.tif"],
        "foreign": [],
    }
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3")
    recovers(small)


def test_damage_that_stays(small):
    """A damaged file that the mirror cannot replace is not counted as a frame."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    (small.into / "images" / "A02.tif").write_bytes(b"damaged")
    pack(small.tmp / "partial", {name: x for name, x in small.files.items() if "A02" not in name})
    with pytest.raises(data.DataError) as caught:
        data.fetch(small.into, mirror=small.tmp / "partial", progress=False)
    assert "A02.tif is damaged" in one_line(caught)
    (small.into / "images" / "A02.tif").unlink()
    recovers(small)


def test_simulated_folder(small):
    """Real frames are not mixed with simulated ones."""
    (small.into / "metadata").mkdir(parents=True)
    (small.into / "metadata" / "simulated.json").write_text("{}")
    with pytest.raises(data.DataError, match="holds simulated frames: choose another folder"):
        data.fetch(small.into, mirror=small.mirror, progress=False)


# Faults of the network


def test_no_network(small, monkeypatch):
    """With nobody listening, the message says so, and the frames that are there stay."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    official(monkeypatch, f"http://127.0.0.1:{port}/", small.archives)
    with pytest.raises(data.DataError) as caught:
        data.fetch(small.into, progress=False)
    message = one_line(caught)
    assert os.strerror(errno.ECONNREFUSED) in message
    assert "4 tries): check the network" in message
    assert caught.value.__cause__ is not None
    recovers(small)


def test_name_not_resolved(small, monkeypatch):
    """Without a name server, as on a machine that is offline, the message says that."""

    def offline(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    with pytest.raises(data.DataError) as caught:
        data.fetch(small.into, progress=False)
    assert "BBBC039/metadata.zip could not be loaded (Name or service" in one_line(caught)
    recovers(small)


@pytest.mark.parametrize(
    ("status", "tries", "says"),
    [
        (404, 1, "masks.zip is not there (HTTP 404): check the address"),
        (403, 1, "masks.zip was refused (HTTP 403): try again later"),
        (500, 4, "masks.zip was refused (HTTP 500): try again later"),
    ],
)
def test_refused(small, monkeypatch, status, tries, says):
    """An answer that will not change is asked for once; a failing server, four times."""
    with serve(small.mirror, masks=[status] * 9) as server:
        official(monkeypatch, server.url, small.archives)
        with pytest.raises(data.DataError) as caught:
            data.fetch(small.into, progress=False)
    assert says in one_line(caught)
    assert gets(server) == ["/metadata.zip"] + ["/masks.zip"] * tries
    recovers(small)


@pytest.mark.parametrize("fault", [500, 503, 429, "cut"])
@pytest.mark.parametrize("known", [True, False])
def test_passing_fault(small, monkeypatch, fault, known):
    """A fault that passes is overcome by trying again, at the official address and a mirror."""
    with serve(small.mirror, images=[fault, fault]) as server:
        official(monkeypatch, server.url, small.archives)
        text = data.fetch(small.into, mirror=None if known else server.url, progress=False)
    assert text.startswith("3 of 3")
    assert gets(server).count("/images.zip") == 3
    assert whole(small) == sorted(small.files)


@pytest.mark.parametrize("known", [True, False])
def test_cut_each_time(small, monkeypatch, known):
    """A connection that is always cut gives up, and leaves no half archive."""
    with serve(small.mirror, images=["cut"] * 9) as server:
        official(monkeypatch, server.url, small.archives)
        with pytest.raises(data.DataError) as caught:
            data.fetch(small.into, mirror=None if known else server.url, progress=False)
        assert gets(server).count("/images.zip") == 4
        assert "images.zip could not be loaded" in one_line(caught)
        assert not (small.into / ".loading").exists()
        assert data.fetch(small.tmp / "later", mirror=small.mirror, progress=False)
    recovers(small)


def test_wrong_archive(small, monkeypatch):
    """An archive with another SHA-256 than the official one is deleted unopened."""
    with serve(small.mirror) as server:
        official(monkeypatch, server.url, small.archives | {"masks.zip": (10_000, "0" * 64)})
        with pytest.raises(data.DataError) as caught:
            data.fetch(small.into, progress=False)
    assert "masks.zip has a wrong SHA-256 and was deleted: try again" in one_line(caught)
    assert not [name for name in whole(small) if name.startswith("masks")]
    assert not (small.into / ".loading").exists()
    recovers(small)


@pytest.mark.parametrize("mirror", ["ftp://127.0.0.1/", "s3://bucket"])
def test_unknown_kind_of_mirror(small, mirror):
    """An address that is not http(s) is refused by name."""
    with pytest.raises(data.DataError) as caught:
        data.fetch(small.into, mirror=mirror, progress=False)
    assert f"{mirror} is neither a folder nor an http(s) address" in one_line(caught)


def test_address_without_archives(small):
    """An http mirror that lacks an archive is named, with the archive."""
    (small.mirror / "images.zip").unlink()
    with serve(small.mirror) as server, pytest.raises(data.DataError) as caught:
        data.fetch(small.into, mirror=server.url, progress=False)
    assert f"{server.url}images.zip is not there (HTTP 404)" in one_line(caught)


# Servers that are slow, endless or odd

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


def fetches(small, monkeypatch, answer, *, known=False):
    """Fetch where a function sends the answer for images.zip; return the message of the error."""

    def any_answer(path, send):
        if path == "/images.zip":
            answer(send)
        else:
            send(OK + b"\r\n" + (small.mirror / path.lstrip("/")).read_bytes())

    with answering(any_answer) as url:
        official(monkeypatch, url, small.archives)
        with pytest.raises(data.DataError) as caught:
            data.fetch(small.into, mirror=None if known else url, progress=False)
    assert f"{url}images.zip" in one_line(caught)
    assert not [name for name in whole(small) if name.startswith("images/")]
    assert not (small.into / ".loading").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("head", "piece"),
    [
        (OK + b"X-Slow: ", b"x"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (OK + b"Content-Length: 90000\r\n\r\n", b"x"),
        (CHUNKED, b"1\r\nx\r\n"),
    ],
    ids=["header", "continue", "body", "chunks"],
)
def test_slow_server(small, monkeypatch, head, piece):
    """A server that sends a byte now and then is given up, wherever it does so."""
    monkeypatch.setattr(fetch, "WINDOW", 0.3)
    monkeypatch.setattr(fetch, "RETRIES", 1)

    done = threading.Event()

    def drip(send):
        send(head)
        while not done.wait(0.05):
            send(piece)

    try:
        message = fetches(small, monkeypatch, drip)
    finally:
        done.set()
    assert "(less than 65,536 bytes in 0.3 seconds; 2 tries): check the network" in message
    recovers(small)


def test_slow_enough(small, monkeypatch):
    """A slow download that keeps to the least rate arrives, however long it takes."""
    monkeypatch.setattr(fetch, "WINDOW", 0.2)
    monkeypatch.setattr(fetch, "SLOWEST", 10)
    monkeypatch.setattr(fetch, "RETRIES", 0)

    def slow(path, send):
        content = (small.mirror / path.lstrip("/")).read_bytes()
        send(OK + b"Content-Length: %d\r\n\r\n" % len(content))
        pause = 0.08 if path == "/images.zip" else 0
        for begin in range(0, len(content), 16_384):
            time.sleep(pause)
            send(content[begin : begin + 16_384])

    with answering(slow) as url:
        assert data.fetch(small.into, mirror=url, progress=False).startswith("3 of 3 frames")


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("kind", ["plain", "chunks", "gzip"])
def test_endless_server(small, monkeypatch, kind, known):
    """A download ends when more comes than the archive can have, compressed on the way or not."""
    megabyte, sent = bytes(2**20), []
    head, piece = {
        "plain": (OK + b"\r\n", megabyte),
        "chunks": (CHUNKED, b"100000\r\n" + megabyte + b"\r\n"),
        "gzip": (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(megabyte * 64)),
    }[kind]

    def endless(send):
        send(head)
        for _ in range(200):
            send(piece)
            sent.append(piece)

    message = fetches(small, monkeypatch, endless, known=known)
    limit = small.archives["images.zip"][0] if known else 3 * 2**20
    assert f"images.zip sends more than the {limit:,} bytes" in message
    assert len(sent) < 100
    recovers(small)


@pytest.mark.parametrize("length", ["abc", "-5", "9" * 5000, "\u00b2", "1 000"], ids=range(5))
def test_odd_length(small, length):
    """A length that is not a number does not matter where the archive is right."""

    def answer(path, send):
        head = f"Content-Length: {length}\r\n\r\n".encode("latin-1")
        send(OK + head + (small.mirror / path.lstrip("/")).read_bytes())

    with answering(answer) as url:
        assert data.fetch(small.into, mirror=url, progress=False).startswith("3 of 3 frames")


REDIRECT = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\x1b[31m\x1b]0;title\x07garbage\x9b\r\n\r\n", r"\x1b[31m\x1b]0;title\x07garbage\x9b"),
        (b"HTTP/1.1 403 \x1b[31mred\r\nContent-Length: 0\r\n\r\n", "was refused (HTTP 403)"),
        (b"G" * 60_000 + b"\r\n\r\n", "GGG"),
        (b"", "4 tries"),
        (OK + b"Content-Length: abc\r\n\r\nx", "cannot be unpacked (File is not a zip file)"),
        (OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\nx", "Content-Length contained"),
        (OK + b"Content-Encoding: gzip\r\n\r\nxxxxxxxxxxxxxxxxxxxx", "incorrect header"),
        (CHUNKED + b"zz\x1b\r\n", "could not be loaded"),
        (REDIRECT + b"/images.zip\r\n\r\n", "Exceeded 30 redirects"),
        (REDIRECT + b"file:///etc/hostname\r\n\r\n", "No connection adapters were found"),
        (REDIRECT + b"http://\x1b\xff.example/\r\n\r\n", "could not be loaded"),
        (REDIRECT + b"http://127.0.0.1:99999/\r\n\r\n", "could not be loaded"),
    ],
    ids=[
        "not HTTP",
        "reason",
        "long",
        "nothing",
        "length",
        "two lengths",
        "not gzip",
        "not a chunk",
        "loop",
        "file",
        "not UTF-8",
        "port",
    ],
)
def test_odd_server(small, monkeypatch, answer, says):
    """An odd answer is one line of moderate length, with no character that acts on a terminal."""
    message = fetches(small, monkeypatch, lambda send: send(answer))
    assert says in message
    assert message.isprintable()
    assert len(message) < 700
    recovers(small)


# Faults of the disk


@posix
@pytest.mark.parametrize("loads", [False, True], ids=["unpacking", "loading"])
def test_file_too_large(small, loads):
    """A limit of the system on written bytes, met in mid-file, leaves no half file."""
    code = """
import resource, signal
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
call()
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
call()
"""
    with serve(small.mirror) as server:
        source = {"official": server.url} if loads else {"mirror": small.mirror}
        first, second = finish(start(small, code, **source))
    assert first.startswith(f"DataError: There is no room left in {small.into}")
    assert first.endswith("choose another folder (--into, SEGKIT_DATA).")
    assert second.startswith("3 of 3 frames")
    recovers(small)


@pytest.mark.parametrize("loads", [False, True], ids=["unpacking", "loading"])
def test_full_disk(small, loads):
    """On a disk that is really full, what had room is whole, and with room the rest comes."""
    under, mount, enlarge = under_small_disk(small.into, 96)
    code = f"""
import glob, hashlib, subprocess
subprocess.run({mount}, check=True)
call()
for name, digest in setting["hashes"].items():
    for path in glob.glob("BBBC039/" + name):
        print(name, hashlib.sha256(open(path, "rb").read()).hexdigest() == digest)
print(sorted(glob.glob("BBBC039/**/.*.part", recursive=True)), os.path.exists("BBBC039/.loading"))
subprocess.run({enlarge}, check=True)
call()
print(data.verify("BBBC039"))
"""
    with serve(small.mirror) as server:
        source = {"official": server.url} if loads else {"mirror": small.mirror}
        first, *kept, rest, second, faults = finish(start(small, code, under=under, **source))
    assert first.startswith("DataError: There is no room left in ")
    assert os.strerror(errno.ENOSPC) in first
    assert "masks/A01.png True" in kept
    assert not [line for line in kept if line.endswith("False")]
    assert rest == "[] False"
    assert second.startswith("3 of 3 frames")
    assert faults == "{'missing': [], 'damaged': [], 'foreign': []}"


@posix
def test_read_only_folder(small):
    """A folder that this user may not write to is named, and stays as it was."""
    small.into.mkdir()
    code = "call()"
    if os.geteuid() == 0:  # to whom the bits mean nothing
        code = "os.setgroups([]); os.setgid(65534); os.setuid(65534); call()"
    else:
        small.into.chmod(0o555)
    try:
        # relative names: the other user has no right to look into the folders above
        (line,) = finish(start(small, code, into="BBBC039", mirror="mirror"))
    finally:
        small.into.chmod(0o755)
    assert line == (
        "DataError: BBBC039 cannot be written to (Permission denied): choose another folder "
        "(--into, SEGKIT_DATA), or get the right to write there."
    )
    assert list(small.into.iterdir()) == []
    recovers(small)


def test_folder_below_a_file(small):
    """A path that can never be a folder is named."""
    (small.tmp / "file").write_text("not a folder")
    for into in (small.tmp / "file", small.tmp / "file" / "BBBC039"):
        with pytest.raises(data.DataError) as caught:
            data.fetch(into, mirror=small.mirror, progress=False)
        assert f"{into} cannot be written to" in one_line(caught)


# Several processes, and killed ones


def test_two_at_once(small):
    """The second process waits, says so, and finds everything there: nothing is loaded twice."""
    with serve(small.mirror, metadata=["hold"]) as server:
        first = start(small, official=server.url)
        assert server.held.wait(30)
        second = start(small, official=server.url, progress=True)
        assert second.stderr.readline() == f"Another call is filling {small.into}: waiting.\n"
        assert first.poll() is None
        server.release.set()
        for child in (first, second):
            assert finish(child) == [f"3 of 3 frames in {small.into}"]
    assert sorted(gets(server)) == ["/images.zip", "/masks.zip", "/metadata.zip"]
    recovers(small)


def test_many_at_once(small):
    """Processes that start together all end well."""
    children = [start(small, mirror=small.mirror) for _ in range(3)]
    for child in children:
        assert finish(child) == [f"3 of 3 frames in {small.into}"]
    recovers(small)


def test_killed(small):
    """Kill -9 in mid-file frees the lock; the next call removes what was left and goes on."""
    with serve(small.mirror, images=["hold"]) as server:
        child = start(small, official=server.url)
        assert server.held.wait(30)
        child.kill()
        child.communicate()
        left = list((small.into / ".loading").iterdir())
        assert left, "the test should have left half an archive"
        assert whole(small) == sorted(name for name in small.files if "images" not in name)
        recovers(small)


def test_stale_half_file(small):
    """What a killed writing left is never listed as a frame, and goes at the next call."""
    half = small.into / "images" / ".A01.tif.part"
    half.parent.mkdir(parents=True)
    half.write_bytes(small.files["images/A01.tif"][:1000])
    (small.into / "images" / ".gone.tif.part").write_bytes(b"of a file that nobody writes again")
    with pytest.raises(data.DataError, match="There are no frames"):
        data.images(small.into)
    assert data.verify(small.into)["foreign"] == []
    recovers(small)


# The real archives


def test_official_values():
    """The address is https, and the hashes have the form of SHA-256."""
    assert fetch.OFFICIAL.startswith("https://data.broadinstitute.org/")
    assert fetch.OFFICIAL.endswith("/")
    digests = {digest for _, digest in fetch.ARCHIVES.values()}
    assert [len(bytes.fromhex(digest)) for digest in digests] == [32] * 3


@pytest.mark.real
def test_real_mirror(tmp_path):
    """The frames of a mirror arrive whole; what it lacks, and nothing else, is missing."""
    if not MIRROR or "://" in MIRROR:
        pytest.skip("SEGKIT_MIRROR names no folder with the archives of BBBC039")
    held = set()
    for archive in fetch.ARCHIVES:
        with zipfile.ZipFile(Path(MIRROR).expanduser() / archive) as file:
            held |= set(file.namelist()) & registry.entries().keys()
    frames = sum(name.startswith("images/") for name in held)
    assert frames > 0
    for _ in range(2):
        text = data.fetch(tmp_path / "x", mirror=MIRROR, progress=False)
        assert text == f"{frames} of 200 frames in {tmp_path / 'x'}"
    assert data.describe(tmp_path / "x") == f"BBBC039, {frames} of 200 frames (real)"
    found = data.verify(tmp_path / "x")
    assert set(found["missing"]) == registry.entries().keys() - held
    assert found["damaged"] == found["foreign"] == []
    assert len(data.masks(tmp_path / "x")) == frames
    start_time = time.perf_counter()
    data.fetch(tmp_path / "x", mirror=MIRROR, progress=False)
    assert time.perf_counter() - start_time < 5
