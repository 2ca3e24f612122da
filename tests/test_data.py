import errno
import gzip
import json
import os
import pickle
import random
import re
import runpy
import socket
import stat
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path
from types import SimpleNamespace

import mirrors
import numpy as np
import pytest
import tifffile
from made import under_small_disk
from mirrors import (
    GOOD,
    OK,
    answering,
    complete,
    finish,
    official,
    pack,
    recovers,
    serve,
    start,
    zipped,
)
from PIL import Image

import segkit
from segkit import data, simulate

MIRROR = os.environ.get("SEGKIT_MIRROR", "")  # read here: within a test it is not set
SCRIPT = Path(__file__).resolve().parents[1] / "data_fetch.py"
METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
small = pytest.fixture(mirrors.small)
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Move the data sets to a folder of the test."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def simulator(monkeypatch):
    """Put a quick simulator in the place of the real one; it notes its calls."""
    stub = SimpleNamespace(VERSION=1, calls=0, frames=2)

    def write(into):
        stub.calls += 1
        folder_of(into, [f"S{number:02d}" for number in range(stub.frames)])
        manifest = {"seed": 39, "frames": stub.frames, "version": stub.VERSION}
        (into / data.SIMULATED).write_text(json.dumps(manifest))

    stub.write = write
    monkeypatch.setitem(sys.modules, "segkit.simulate", stub)
    monkeypatch.setattr(segkit, "simulate", stub)
    return stub


def folder_of(place, stems, *, listed=None):
    """Make a data set folder with empty files."""
    for part in ("images", "masks", "metadata"):
        (place / part).mkdir(parents=True)
    for stem in stems:
        (place / "images" / f"{stem}.tif").touch()
        (place / "masks" / f"{stem}.png").touch()
    for name, members in (listed or {}).items():
        (place / "metadata" / f"{name}.txt").write_text("".join(f"{m}.png\n" for m in members))
    return place


def fetch(small, mirror=None, into=None):
    """Fetch the small data set; return the closing line."""
    return data.fetch(into or small.into, mirror=mirror, progress=False)


def refused(small, mirror=None):
    """Return the message of a fetch that fails, after a look at its form."""
    with pytest.raises(data.DataError) as caught:
        fetch(small, mirror)
    message = str(caught.value)
    assert message.isprintable()
    assert ": " in message, "the message does not say what to do"
    assert len(message) < 700
    assert not (small.into / ".loading").exists()
    return message


def without(small, stem):
    return {name: content for name, content in small.files.items() if stem not in name}


# The record


def test_registry_and_record():
    """The registry has an image and a mask for each of 200 frames; the record agrees with it."""
    names = data.entries()
    stems = {name[7:-4] for name in names if name.startswith("images/") and name.endswith(".tif")}
    assert len(stems) == 200
    assert {name[6:-4] for name in names if name.startswith("masks/")} == stems
    assert len(names) == 406
    digests = [*names.values(), *(digest for _, digest in data.DATASET.archives.values())]
    assert {len(bytes.fromhex(digest)) for digest in digests} == {32}
    assert data.DATASET.address.startswith("https://")
    image, _ = simulate.frame(39, 0)
    assert (image.shape, image.dtype) == (data.DATASET.shape, data.DATASET.dtype)
    assert data.SIMULATED == simulate.NOTE


def test_error_is_printable():
    """Characters of names that would act on a terminal are escaped in a message."""
    error = data.DataError("\x1b[31m\n\u202e\udcff \u00e9: try again")
    assert isinstance(error, segkit.SegkitError)
    assert str(error) == r"\x1b[31m\n\u202e\udcff " + "\u00e9: try again"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


# Find


def test_root(tmp_path, monkeypatch):
    """SEGKIT_DATA comes first, then the checkout, then the current folder."""
    monkeypatch.setenv("SEGKIT_DATA", "~/frames")
    assert data.root() == Path.home() / "frames"
    monkeypatch.setenv("SEGKIT_DATA", "")
    assert data.root() == Path(data.__file__).resolve().parents[2] / "data"
    monkeypatch.delenv("SEGKIT_DATA")
    monkeypatch.setattr(data, "__file__", str(tmp_path / "lib" / "site" / "segkit" / "data.py"))
    monkeypatch.chdir(tmp_path)
    assert data.root() == tmp_path / "data"


@pytest.mark.parametrize(
    ("there", "place"),
    [
        ("images/A01.tif", "BBBC039"),
        ("images/.A01.tif.part", "simulated"),
        ("metadata/test.txt", "simulated"),
    ],
)
def test_locate_real(home, simulator, there, place):
    """Real frames are taken as soon as there is one complete file."""
    (home / "BBBC039" / there).parent.mkdir(parents=True)
    (home / "BBBC039" / there).touch()
    assert data.locate() == home / place


def test_locate_simulates_once(home, simulator):
    """Without real frames some are simulated; the next call finds them, whatever their seed."""
    assert data.locate() == data.locate() == home / "simulated"
    manifest = {"seed": 7, "frames": 2, "version": 1}
    (home / "simulated" / data.SIMULATED).write_text(json.dumps(manifest))
    data.locate()
    assert simulator.calls == 1
    assert data.describe(home / "simulated") == "simulated frames, 2, seed 7 (not real cells)"
    assert [path.name for path in home.glob("[!.]*")] == ["simulated"]


@pytest.mark.parametrize("change", ["version", "lost"])
def test_locate_simulates_again(home, simulator, change):
    """Frames of an older simulator, or some of which were lost, are replaced by new ones."""
    simulator.frames = 3
    data.locate()
    if change == "version":
        simulator.VERSION = simulator.frames = 2
    else:
        data.images(home / "simulated")[1].unlink()
    data.locate()
    data.locate()
    assert simulator.calls == 2
    assert len(data.images(home / "simulated")) == simulator.frames


def test_locate_after_a_cut(home, simulator):
    """Simulation that was cut off leaves nothing that counts, and the next call does it."""
    write = simulator.write

    def cut(into):
        write(into)
        raise KeyboardInterrupt

    simulator.write = cut
    with pytest.raises(KeyboardInterrupt):
        data.locate()
    assert not (home / "simulated").exists()
    simulator.write = write
    assert len(data.images(data.locate())) == 2


def test_locate_at_once(home, simulator):
    """Of several calls at once, one simulates and all find complete frames."""
    write, counts = simulator.write, []

    def slow(into):
        write(into)
        time.sleep(0.3)

    simulator.write = slow
    count = lambda: counts.append(len(data.images(data.locate())))  # noqa: E731
    threads = [threading.Thread(target=count) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (counts, simulator.calls) == ([2, 2, 2], 1)


def test_locate_spares_other_files(home, simulator):
    """A folder called simulated is not touched where its files are not, or may not be, our own."""
    own = folder_of(home / "simulated", ["mine"])
    with pytest.raises(data.DataError, match="not a complete set of simulated frames: move or"):
        data.locate()
    (own / data.SIMULATED).write_text("{")
    with pytest.raises(data.DataError, match=r"simulated\.json cannot be read: delete"):
        data.locate()
    assert (own / "images" / "mine.tif").exists()


def test_locate_in_no_folder(tmp_path, monkeypatch):
    """A place that can hold no folder, or whose disk is full, is named."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match="file cannot be written to"):
        data.locate()
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "full"))

    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(simulate.writing, "put", full)
    with pytest.raises(data.DataError, match=r"left in \S+/full \(No space .*\(--into, SEGKIT"):
        data.locate()


def test_images(tmp_path):
    """Frames come sorted, from the inner folder or the folder itself, hidden files not."""
    place = folder_of(tmp_path / "x [1]", ["b", "a", "._a", ".c.tif.part"])
    (place / "images" / "d.TIFF").touch()
    (place / "images" / "notes.txt").touch()
    assert [path.name for path in data.images(place)] == ["a.tif", "b.tif", "d.TIFF"]
    assert data.images(str(place / "images")) == data.images(place)
    with pytest.raises(data.DataError, match=r"there is no folder .*not there: give the folder"):
        data.images(tmp_path / "not there")


def test_no_images(tmp_path, monkeypatch):
    """The error lists what is there instead; only the data set itself can be fetched."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    place = tmp_path / "plate"
    inner = folder_of(place / "A", ["one"]) / "images" / "one.tif"
    for name in ("a.png", "b.png"):
        (place / name).touch()
    holds = r"no frames .* in .*plate, which holds the folder plate/A, 2 \.png: give the folder of"
    with pytest.raises(data.DataError, match=holds):
        data.images(place)
    with pytest.raises(data.DataError, match=r"one\.tif is a file: give the folder that holds it"):
        data.images(inner)
    with pytest.raises(data.DataError, match="run 'segkit fetch'"):
        data.images(tmp_path / "BBBC039")


def test_passed_over(tmp_path):
    """Other images and folders with frames are listed; masks and notes are not."""
    place = folder_of(tmp_path / "x", ["a"])
    assert data.passed_over(place) == ""
    for name in ("a.csv", "b.png", "c.nd2", "d.PNG", "e.tif"):
        (place / name).touch()
    (place / "empty").mkdir()
    folder_of(place / "A01", ["a"])
    assert data.passed_over(place) == "the folder x/A01, 1 .png, 1 .nd2, 1 .PNG, 1 .tif"


def test_masks(small, tmp_path):
    """Masks come in the order of the frames; a missing one is named and counted, with the cure."""
    place = folder_of(tmp_path / "x", ["b", "A01", "A03"], listed={"validation": ["A03"]})
    (place / "masks" / "z.png").touch()
    assert [path.name for path in data.masks(place)] == ["A01.png", "A03.png", "b.png"]
    (place / "masks" / "A01.png").unlink()
    with pytest.raises(
        data.DataError, match=r"A01\.png is missing \(masks missing: 1 of 3\): save"
    ):
        data.masks(place)
    (place / "images" / "b.tif").unlink()
    with pytest.raises(data.DataError, match=r"A01\.png is missing .*: run 'segkit fetch'"):
        data.masks(place)
    assert [path.name for path in data.masks(place, "validation")] == ["A03.png"]


def test_names_in_either_form(tmp_path):
    """An umlaut in one character or in two is the same name, in lists and in masks."""
    one, two = (unicodedata.normalize(form, "Zähl") for form in ("NFC", "NFD"))
    for number, (frame, other) in enumerate([(one, two), (two, one)]):
        place = folder_of(tmp_path / str(number), [frame], listed={"test": [other]})
        (place / "masks" / f"{frame}.png").rename(place / "masks" / f"{other}.PNG")
        assert data.split(place, "test") == [frame]
        assert [path.name for path in data.masks(place)] == [f"{other}.PNG"]


@pytest.mark.parametrize(
    "text",
    ["\ufeffa.png\r\nb.png\r\n", " a.png  \n\nb.png\t", "a.tif\nb.TIFF", "images/a.tif\nb\ngone"],
)
def test_split(tmp_path, text):
    """A split holds the listed frames that are present, sorted, whatever program wrote the list."""
    place = folder_of(tmp_path / "x", ["b", "a", "c", "a.1"], listed={"training": ["a.1"]})
    (place / "metadata" / "test.txt").write_bytes(text.encode())
    assert data.split(place, "test") == ["a", "b"]
    assert data.split(place, "training") == ["a.1"]
    assert set(data.split(place)) == {"a", "a.1", "b", "c"}


def test_split_mistakes(tmp_path):
    """An unknown split, and a list that is missing or not UTF-8, are named with what to do."""
    place = folder_of(tmp_path / "x", "ab")
    with pytest.raises(ValueError, match="unknown split 'train': choose training, validation"):
        data.split(place, "train")
    with pytest.raises(data.DataError, match=r"test\.txt cannot be read \(No .*: use split 'all'"):
        data.split(place, "test")
    for encoding in ("utf-16", "latin-1"):
        (place / "metadata" / "test.txt").write_bytes("Zähl.png\n".encode(encoding))
        with pytest.raises(data.DataError, match=r"test\.txt cannot be read \(not UTF-8 text\)"):
            data.split(place, "test")


# Describe


def test_name_and_describe(small, tmp_path):
    """The files tell which data set a folder holds, not its name; one line says what is there."""
    place = folder_of(tmp_path / "x", ["A01", "A03"])
    assert data.name(place) == "BBBC039"
    assert data.describe(place) == "BBBC039, 2 of 3 frames (real)"
    own = folder_of(tmp_path / "BBBC", ["A01", "mine"])
    assert data.name(own) == "other"
    assert data.describe(own) == f"frames of your own, 2, in {own}"
    assert data.name(tmp_path / "not there") == "other"
    (place / data.SIMULATED).write_text("{}")
    assert data.name(place) == "simulated"


# Fetch: where the frames come from


def test_official(small, monkeypatch):
    """The three archives are loaded, checked and unpacked, without what a Mac added."""
    with serve(small.mirror) as server:
        official(monkeypatch, server.url, small.archives)
        assert fetch(small) == f"3 of 3 frames in {small.into}"
    assert server.got == ["/metadata.zip", "/masks.zip", "/images.zip"]
    held = {path.name for path in small.into.iterdir()}
    assert held - {".fetch.lock"} == {"images", "masks", "metadata"}
    recovers(small)


def test_second_call_is_silent(small):
    """With everything there, neither network nor mirror is asked and nothing is written."""
    fetch(small, small.mirror)
    (small.into / ".fetch.lock").unlink(missing_ok=True)
    with serve(small.mirror) as server:
        for mirror in (server.url, small.tmp / "not there"):
            assert fetch(small, mirror).startswith("3 of 3")
    assert server.got == []
    assert not (small.into / ".fetch.lock").exists()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, *METHODS])
def test_mirror_packed_in_another_way(small, method):
    """The archives of a mirror may differ from the official ones: their members count."""
    pack(small.mirror, small.files | {"images/extra.tif": b"x"}, method=method)
    recovers(small)


def test_partial_mirror(small):
    """A mirror may lack frames; what is there stays untouched, and only the rest is asked for."""
    pack(small.mirror, without(small, "images/A02"))
    with serve(small.mirror) as server:
        for _ in range(2):
            assert fetch(small, server.url) == f"2 of 3 frames in {small.into}"
        assert data.verify(small.into) == GOOD | {"missing": ["images/A02.tif"]}
        before = {path: path.stat().st_mtime_ns for path in small.into.rglob("*.tif")}
        pack(small.mirror, small.files)
        assert fetch(small, server.url).startswith("3 of 3")
    assert server.got == ["/metadata.zip", "/masks.zip", *["/images.zip"] * 3]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_progress(small, monkeypatch, capfd):
    """Bars go to standard error, and nothing does with progress=False."""
    with serve(small.mirror) as server:
        fetch(small, server.url)
        assert capfd.readouterr() == ("", "")
        monkeypatch.setattr(data, "DELAY", 0)
        data.fetch(small.tmp / "again", mirror=server.url, progress=True)
    out, err = capfd.readouterr()
    assert out == ""
    for archive in data.DATASET.archives:
        assert err.count(f"{archive}: 100%") >= 2, "one bar for loading and one for unpacking"


def test_repairs(small):
    """Missing and damaged files are replaced, by their hashes; what cannot be is not a frame."""
    fetch(small, small.mirror)
    path = small.into / "images" / "A02.tif"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    pack(small.tmp / "partial", without(small, "A02"))
    assert "A02.tif is damaged (files like it: 1)" in refused(small, small.tmp / "partial")
    (small.into / "images" / "A01.tif").unlink()
    found = data.verify(small.into)
    assert found == GOOD | {"missing": ["images/A01.tif"], "damaged": ["images/A02.tif"]}
    fetch(small, small.mirror)
    recovers(small)


def test_simulated_folder(small):
    """Real frames are not mixed with simulated ones."""
    (small.into / "metadata").mkdir(parents=True)
    (small.into / data.SIMULATED).write_text("{}")
    assert "holds simulated frames: choose another folder" in refused(small, small.mirror)


@pytest.mark.parametrize("mirror", ["ftp://127.0.0.1/", "s3://bucket"])
def test_unknown_kind_of_mirror(small, mirror):
    """An address that is not http(s) is refused by name."""
    assert f"{mirror} is neither a folder nor an http(s) address" in refused(small, mirror)


# Fetch: archives that are damaged or hostile


def changed(small, **members):
    """Return images.zip with other members, or more."""
    files = {name: x for name, x in small.files.items() if name.startswith("images/")}
    return zipped(*(files | members).items())


def patched(small, offset, value):
    """Return an archive of one member with another byte in its directory."""
    content = bytearray(zipped(("images/A01.tif", small.files["images/A01.tif"])))
    content[content.rindex(b"PK\1\2") + offset] = value
    return bytes(content)


def link():
    """Return an archive in which a frame is a symbolic link."""
    member = zipfile.ZipInfo("images/A01.tif")
    member.create_system, member.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return zipped((member, b"/etc/hostname"))


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (lambda small: changed(small, **{"images/A02.tif": b"x"}), "images/A02.tif in .* SHA-256"),
        (lambda small: link(), "images/A01.tif in .* wrong SHA-256"),
        (lambda small: changed(small)[:0], "cannot be unpacked"),
        (lambda small: changed(small)[:60_000], "cannot be unpacked"),
        (lambda small: changed(small)[:-9], "cannot be unpacked"),
        (lambda small: b"<html>Please log in</html>", "cannot be unpacked"),
        (lambda small: bytes(5000), "cannot be unpacked"),
        (lambda small: patched(small, 8, 1), "is encrypted"),
        (lambda small: patched(small, 10, 93), "unknown compression method 93"),
        (lambda small: zipped(("x.tif", b"x")), "holds no file of BBBC039"),
        (lambda small: zipped(("B/images/A01.tif", b"x")), "holds no file of BBBC039"),
        (lambda small: None, "there is no file .* a mirror needs metadata.zip, masks.zip, images"),
        pytest.param(lambda small: os.mkfifo, "there is no file", marks=posix),
    ],
    ids=range(13),
)
def test_bad_archive(small, archive, says):
    """An archive of a mirror that cannot be used is named; what came before it stays."""
    pack(small.tmp / "bad", small.files)
    bad, content = small.tmp / "bad" / "images.zip", archive(small)
    bad.unlink()
    if isinstance(content, bytes):
        bad.write_bytes(content)
    elif content:
        content(bad)
    message = refused(small, bad.parent)
    assert str(bad) in message
    assert re.search(says, message)
    assert len([name for name in complete(small) if not name.startswith("images/")]) == 6
    recovers(small)


def test_member_outside(small):
    """A member that would land outside the folder is not unpacked."""
    names = ["../out.txt", "images/../../out.txt", "/out.txt", "images\\..\\..\\out.txt"]
    names += ["C:\\out.txt", "\\\\server\\share\\out.txt"]
    (small.mirror / "images.zip").write_bytes(changed(small, **dict.fromkeys(names, b"evil")))
    recovers(small)
    assert not list(small.tmp.rglob("*out.txt*"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("claim", [2**25, 40_000, 0])
def test_bomb(small, method, claim):
    """A member that unpacks to far more than a frame is never in memory, whatever it claims."""
    bomb = zipped(("images/A01.tif", bytes(2**25)), method=method)
    bomb = bomb.replace(struct.pack("<I", 2**25), struct.pack("<I", claim))
    (small.mirror / "images.zip").write_bytes(bomb)
    tracemalloc.start()
    try:
        assert "images/A01.tif in " in refused(small, small.mirror)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # the dictionary of LZMA has 2**23


@pytest.mark.parametrize("method", METHODS)
def test_flipped_bytes(small, method):
    """Whatever byte of an archive is wrong: a one-line error, or intact files."""
    noise = random.Random(39)
    pack(small.mirror, small.files, method=method)
    fetch(small, small.mirror)
    good = (small.mirror / "masks.zip").read_bytes()
    failures = []
    for _ in range(100):
        bad = bytearray(good)
        for _ in range(noise.randint(1, 4)):
            bad[noise.randrange(len(bad))] ^= noise.randint(1, 255)
        (small.mirror / "masks.zip").write_bytes(bad)
        for name in complete(small):
            if name.startswith("masks/"):
                (small.into / name).unlink()
        try:
            fetch(small, small.mirror)
        except data.DataError as error:
            failures.append(str(error))
    assert len(failures) > 60
    assert all(map(str.isprintable, failures))


# Fetch: networks and servers that fail


def test_no_network(small, monkeypatch):
    """With nobody listening, or no name server, the message says so."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = refused(small, f"http://127.0.0.1:{port}/")
    assert f"({os.strerror(errno.ECONNREFUSED)}; 4 tries): check the network" in message

    def offline(*args, **options):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", offline)
    assert "BBBC039/metadata.zip could not be loaded (Name or service" in refused(small)
    recovers(small)


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize(
    ("failures", "tries", "says"),
    [
        ([404] * 9, 1, "masks.zip was refused (HTTP 404): check the address"),
        ([403] * 9, 1, "masks.zip was refused (HTTP 403): check the address"),
        ([500] * 9, 4, "masks.zip could not be loaded (500 Server Error"),
        (["cut"] * 9, 4, "masks.zip could not be loaded (IncompleteRead"),
        ([500, 503, 429, None], 4, ""),
        (["cut", "cut", None], 3, ""),
    ],
    ids=range(6),
)
def test_server_fails(small, monkeypatch, failures, tries, says, known):
    """A failing server is asked four times; for an answer that will not change, once."""
    with serve(small.mirror, masks=[*failures]) as server:
        official(monkeypatch, server.url, small.archives)
        source = None if known else server.url
        if says:
            assert says in refused(small, source)
        else:
            assert fetch(small, source).startswith("3 of 3")
    assert server.got.count("/masks.zip") == tries
    recovers(small)


def test_wrong_archive(small, monkeypatch):
    """An archive with another SHA-256 than the official one is deleted unopened."""
    with serve(small.mirror) as server:
        official(monkeypatch, server.url, small.archives | {"masks.zip": (10_000, "0" * 64)})
        assert "masks.zip has a wrong SHA-256 and was deleted: try again" in refused(small)
    assert not [name for name in complete(small) if name.startswith("masks")]
    recovers(small)


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "


def refused_images(small, monkeypatch, answer, *, known=False):
    """Fetch where a function sends the answer for images.zip; return the message of the error."""

    def any_answer(path, send):
        if path == "/images.zip":
            answer(send)
        else:
            send(OK + b"\r\n" + (small.mirror / path[1:]).read_bytes())

    with answering(any_answer) as url:
        official(monkeypatch, url, small.archives)
        message = refused(small, None if known else url)
    assert f"{url}images.zip" in message
    assert not [name for name in complete(small) if name.startswith("images/")]
    recovers(small)
    return message


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
    monkeypatch.setattr(data, "WINDOW", 0.3)
    monkeypatch.setattr(data, "RETRIES", 1)
    done = threading.Event()

    def drip(send):
        send(head)
        while not done.wait(0.05):
            send(piece)

    try:
        message = refused_images(small, monkeypatch, drip)
    finally:
        done.set()
    assert "(less than 65,536 bytes in 0.3 seconds; 2 tries): check the network" in message


def test_slow_enough(small, monkeypatch):
    """A slow download that keeps to the least rate arrives, however long it takes."""
    for name, value in {"WINDOW": 0.2, "SLOWEST": 10, "RETRIES": 0}.items():
        monkeypatch.setattr(data, name, value)

    def slow(path, send):
        content = (small.mirror / path[1:]).read_bytes()
        send(OK + b"Content-Length: %d\r\n\r\n" % len(content))
        for begin in range(0, len(content), 16_384):
            time.sleep(0.08 if path == "/images.zip" else 0)
            send(content[begin : begin + 16_384])

    with answering(slow) as url:
        assert fetch(small, url).startswith("3 of 3 frames")


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

    message = refused_images(small, monkeypatch, endless, known=known)
    limit = small.archives["images.zip"][0] if known else 3 * 2**20
    assert f"images.zip sends more than the {limit:,} bytes" in message
    assert len(sent) < 100


@pytest.mark.parametrize("length", ["abc", "-5", "9" * 5000, "\u00b2", "1 000"], ids=range(5))
def test_odd_length(small, length):
    """A length that is not a number does not matter where the archive is right."""
    head = OK + f"Content-Length: {length}\r\n\r\n".encode("latin-1")
    with answering(lambda path, send: send(head + (small.mirror / path[1:]).read_bytes())) as url:
        assert fetch(small, url).startswith("3 of 3 frames")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"\x1b[31m\x1b]0;title\x07garbage\x9b\r\n\r\n", r"\x1b[31m\x1b]0;title\x07garbage\x9b"),
        (
            b"HTTP/1.1 500 \x1b[31mred\r\nContent-Length: 0\r\n\r\n",
            r"500 Server Error: \x1b[31mred",
        ),
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
    ids=range(12),
)
def test_odd_server(small, monkeypatch, answer, says):
    """An odd answer is one line of moderate length, with no character that acts on a terminal."""
    assert says in refused_images(small, monkeypatch, lambda send: send(answer))


# Fetch: disks and processes


LIMIT = "__import__('resource').setrlimit(__import__('resource').RLIMIT_FSIZE, ({}, -1))"


@posix
@pytest.mark.parametrize("limit", ["disk", "file size"])
@pytest.mark.parametrize("loads", [False, True], ids=["unpacking", "loading"])
def test_full_disk(small, limit, loads):
    """On a full disk, and at a limit in mid-file, no half file stays; with space the rest comes."""
    under, narrow, widen = (), LIMIT.format(20_000), LIMIT.format(-1)
    if limit == "disk":
        under, *mounts = under_small_disk(small.into, 96)
        narrow, widen = (f"__import__('subprocess').run({mount}, check=True)" for mount in mounts)
    code = f"""
{narrow}
call()
print(data.verify("BBBC039"))
print([path for path in data.Path("BBBC039").rglob(".*") if path.name != ".fetch.lock"])
{widen}
call()
print(data.verify("BBBC039"))
"""
    with serve(small.mirror) as server:
        source = {"official": server.url} if loads else {"mirror": small.mirror}
        first, kept, rest, second, end = finish(start(small, code, under=under, **source))
    assert first.startswith(f"DataError: There is no room left in {small.into}")
    assert "choose another folder (--into, SEGKIT_DATA)" in first
    assert "masks" not in kept
    assert "'damaged': []" in kept
    assert (rest, end) == ("[]", str(GOOD))
    assert second.startswith("3 of 3 frames")


def test_folder_below_a_file(small):
    """A path that can never be a folder is named."""
    (small.tmp / "file").write_text("not a folder")
    for into in (small.tmp / "file", small.tmp / "file" / "BBBC039"):
        with pytest.raises(data.DataError, match=f"{into} cannot be written to"):
            fetch(small, small.mirror, into)


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
    assert sorted(server.got) == ["/images.zip", "/masks.zip", "/metadata.zip"]
    recovers(small)


def test_killed(small):
    """Kill -9 in mid-file frees the lock; the next call removes what was left and goes on."""
    with serve(small.mirror, images=["hold"]) as server:
        child = start(small, official=server.url)
        assert server.held.wait(30)
        child.kill()
        child.communicate()
        assert list((small.into / ".loading").iterdir()), "there should be half an archive"
        half = small.into / "images" / ".A01.tif.part"
        half.parent.mkdir(exist_ok=True)
        half.write_bytes(small.files["images/A01.tif"][:1000])
        assert complete(small) == sorted(without(small, "images/"))
        recovers(small)


# Verify


def test_verify(small):
    """Missing, damaged and unexpected files are listed; hidden ones are not."""
    with pytest.raises(data.DataError, match=r"there is no folder .*: give the folder"):
        data.verify(small.into)
    small.into.mkdir()
    assert data.verify(small.into) == GOOD | {"missing": sorted(small.files)}
    fetch(small, small.mirror)
    for name in ("images/B01.tif", "notes.txt", "masks/deep/x.png", ".DS_Store", ".git/x"):
        (small.into / name).parent.mkdir(exist_ok=True)
        (small.into / name).write_bytes(b"x")
    (small.into / "masks" / "A01.png").unlink()
    (small.into / "images" / "A02.tif").unlink()
    (small.into / "images" / "A02.tif").mkdir()
    assert data.verify(small.into) == {
        "missing": ["masks/A01.png"],
        "damaged": ["images/A02.tif"],
        "unexpected": ["images/B01.tif", "masks/deep/x.png", "notes.txt"],
    }


@posix
def test_verify_odd_files(small):
    """A pipe, a link to nothing and a file of a terabyte are not read, and fetch replaces them."""
    fetch(small, small.mirror)
    for name in ("A01", "A02"):
        (small.into / "masks" / f"{name}.png").unlink()
    os.mkfifo(small.into / "masks" / "A01.png")
    (small.into / "masks" / "A02.png").symlink_to("nothing")
    with (small.into / "images" / "A01.tif").open("ab") as file:
        file.truncate(2**40)
    found = data.verify(small.into)
    assert found["damaged"] == ["images/A01.tif", "masks/A01.png"]
    assert found["missing"] == ["masks/A02.png"]
    fetch(small, small.mirror)
    recovers(small)


def test_verify_simulated(home):
    """Simulated frames must be there with their masks, and open with the right shape and dtype."""
    place = simulate.write(home / "simulated", frames=8)
    assert data.locate() == place
    assert data.verify(place) == GOOD
    stems = data.split(place)
    images = [place / "images" / f"{stem}.tif" for stem in stems]
    masks = [place / "masks" / f"{stem}.png" for stem in stems]
    images[0].write_bytes(images[0].read_bytes()[:5000])
    tifffile.imwrite(images[1], np.zeros((520, 696), np.uint8))
    tifffile.imwrite(images[2], np.zeros((9000, 9000), np.uint16), compression="zlib")
    images[3].unlink()
    masks[4].write_bytes(b"not a mask")
    Image.new("L", (696, 520)).save(masks[5])
    masks[6].unlink()
    (place / "masks" / "other.png").write_bytes(b"x")
    tracemalloc.start()
    found = data.verify(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [place / name for name in found["damaged"]] == [*images[:3], *masks[4:6]]
    assert [place / name for name in found["missing"]] == [images[3], masks[6]]
    assert found["unexpected"] == ["masks/other.png"]
    assert peak < 2**24  # the pixels of the large frame were not read


# The script data_fetch.py


def script(monkeypatch, *arguments):
    """Run the script as `python data_fetch.py` does, and return its exit status."""
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return caught.value.code


def test_script(small, monkeypatch, capsys):
    """The script fills a folder; without arguments SEGKIT_DATA and SEGKIT_MIRROR say where."""
    assert script(monkeypatch, "--into", small.into, "--mirror", small.mirror) == 0
    assert capsys.readouterr().out == f"3 of 3 frames in {small.into}\n"
    monkeypatch.setenv("SEGKIT_MIRROR", str(small.mirror))
    assert script(monkeypatch) == 0
    assert capsys.readouterr().out == f"3 of 3 frames in {small.tmp / 'data' / 'BBBC039'}\n"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (data.DataError("a: b"), 1, "a: b\n"),
        (KeyboardInterrupt(), 130, "Stopped: the same command goes on from here.\n"),
    ],
)
def test_script_fails(monkeypatch, capsys, error, status, says):
    """An expected failure, and Ctrl-C, are one line on standard error."""

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(data, "fetch", fail)
    assert script(monkeypatch) == status
    assert capsys.readouterr() == ("", says)


def test_script_without_the_package(tmp_path):
    """A Python that lacks segkit is named, with what to do; there is no traceback."""
    command = [sys.executable, "-I", "-S", str(SCRIPT), "--into", str(tmp_path / "x")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith(f"segkit is not installed for {sys.executable}: run 'make ")
    assert result.stderr.count("\n") == 1
    assert not (tmp_path / "x").exists()


@pytest.mark.real
def test_real_mirror(tmp_path):
    """The frames of a mirror arrive complete; what it lacks, and nothing else, is missing."""
    if not MIRROR or "://" in MIRROR:
        pytest.skip("SEGKIT_MIRROR names no folder with the archives of BBBC039")
    held = set()
    for archive in data.DATASET.archives:
        with zipfile.ZipFile(Path(MIRROR).expanduser() / archive) as file:
            held |= data.entries().keys() & file.namelist()
    frames = sum(name.startswith("images/") for name in held)
    text = data.fetch(tmp_path / "x", mirror=MIRROR, progress=False)
    assert text == f"{frames} of 200 frames in {tmp_path / 'x'}"
    assert data.describe(tmp_path / "x") == f"BBBC039, {frames} of 200 frames (real)"
    assert data.verify(tmp_path / "x") == GOOD | {"missing": sorted(data.entries().keys() - held)}
    assert data.pixel_size(tmp_path / "x") == data.DATASET.pixel_size
    assert len(data.masks(tmp_path / "x")) == frames
