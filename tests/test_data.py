import errno
import gzip
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tracemalloc
import unicodedata
import zipfile
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from unittest.mock import Mock

import mirrors
import pytest
from cluster.lab import free_ports
from mirrors import GOOD, OK, answering, complete, pack, recovers, serve, zipped

import segkit
from segkit import cli, data, simulate

SCRIPT = Path(__file__).resolve().parents[1] / "data_fetch.py"
PACKED = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
small = pytest.fixture(mirrors.small)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Move the data sets to a folder of the test."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def drawn(monkeypatch):
    """Let the simulator draw the same frame each time; return the list of those it draws."""
    made, indices = simulate.frame(39, 0), []
    monkeypatch.setattr(simulate, "frame", lambda seed, index: indices.append(index) or made)
    return indices


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
    digests = [*names.values(), *data.DATASET.archives.values()]
    assert {len(bytes.fromhex(digest)) for digest in digests} == {32}
    assert data.DATASET.address.startswith("https://")
    assert data.SIMULATED == simulate.NOTE


def test_error_is_printable():
    """Characters of names that would act on a terminal are escaped in a message."""
    error = data.DataError("\x1b[31m\n\u202e\udcff \u00e9: try again")
    assert isinstance(error, segkit.SegkitError)
    assert str(error) == r"\x1b[31m\n\u202e\udcff " + "\u00e9: try again"


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
def test_locate_real(home, drawn, there, place):
    """Real frames are taken as soon as there is one complete file."""
    (home / "BBBC039" / there).parent.mkdir(parents=True)
    (home / "BBBC039" / there).touch()
    assert data.locate() == home / place


def test_locate_simulates_once(home, drawn):
    """Without real frames some are simulated; the next call finds them, whatever their seed."""
    assert data.locate() == data.locate() == home / "simulated"
    assert drawn == [*range(48)]
    simulate.write(home / "simulated", frames=4, seed=7)
    assert data.describe(data.locate()) == "simulated frames, 4, seed 7 (not real cells)"
    assert len(drawn) == 52
    assert len([*home.rglob("*.png")]) == 4
    assert [path.name for path in home.glob("[!.]*")] == ["simulated"]


@pytest.mark.parametrize("change", ["lost", "version", "note"])
def test_locate_simulates_again(home, drawn, monkeypatch, change):
    """Frames of which some were lost, or of an older simulator, are replaced."""
    place = data.locate()
    if change == "lost":
        data.images(place)[1].unlink()
    elif change == "version":
        monkeypatch.setattr(simulate, "VERSION", simulate.VERSION + 1)
    else:
        (place / data.SIMULATED).write_text('{"seed": 39, "frames": 40, "version": 1}')
    assert len(data.images(data.locate())) == 48
    assert len(drawn) == 96


def test_locate_at_once(home, drawn):
    """Of several calls at once, one simulates and all find complete frames."""
    with ThreadPoolExecutor() as pool:
        counts = pool.map(lambda _: len(data.images(data.locate())), range(3))
    assert (list(counts), len(drawn)) == ([48, 48, 48], 48)


def test_locate_spares_other_files(home):
    """A folder called simulated is not touched where its files are not our own."""
    own = folder_of(home / "simulated", ["mine"])
    with pytest.raises(data.DataError, match=r"holds \S+mine\.\w+, not a .* or move or delete"):
        data.locate()
    assert (own / "images" / "mine.tif").exists()


def test_locate_on_a_full_disk(tmp_path, monkeypatch):
    """The folder and the way out are named in one line."""
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "full"))
    monkeypatch.setattr(simulate.writing, "put", Mock(side_effect=full))
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
    assert data.passed_over(place) == "the folder x/A01, 1 .PNG, 1 .nd2, 1 .png, 1 .tif"


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
        monkeypatch.setattr(data.DATASET, "address", server.url)
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
        assert f"{archive}: 100%" in err


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


# Fetch: archives that are damaged or hostile


def changed(small, **members):
    """Return images.zip with other members, or more."""
    files = {name: x for name, x in small.files.items() if name.startswith("images/")}
    return zipped(*(files | members).items())


def packed(small):
    """Return an archive of one member that is packed by another method."""
    member = ("images/A01.tif", small.files["images/A01.tif"])
    return zipped(member, method=zipfile.ZIP_LZMA)


@pytest.mark.parametrize(
    ("archive", "says"),
    [
        (lambda small: changed(small, **{"images/A02.tif": b"x"}), "images/A02.tif in .* SHA-256"),
        (lambda small: b"<html>Please log in</html>", "cannot be unpacked"),
        (packed, "holds no file of BBBC039: .* packed like the official"),
        (lambda small: zipped(("B/images/A01.tif", b"x")), "holds no file of BBBC039"),
        (None, r"there is no \S+: a mirror has metadata.zip, masks.zip, images"),
    ],
    ids=range(5),
)
def test_bad_archive(small, archive, says):
    """An archive of a mirror that cannot be used is named; what came before it stays."""
    pack(small.tmp / "bad", small.files)
    bad = small.tmp / "bad" / "images.zip"
    bad.unlink()
    if archive:
        bad.write_bytes(archive(small))
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


@pytest.mark.parametrize("method", PACKED)
@pytest.mark.parametrize("claim", [2**25, 40_000, 0])
def test_bomb(small, method, claim):
    """A member that unpacks to far more than a frame is never in memory, whatever it claims."""
    bomb = zipped(("images/A01.tif", bytes(2**25)), method=method)
    bomb = bomb.replace(struct.pack("<I", 2**25), struct.pack("<I", claim))
    (small.mirror / "images.zip").write_bytes(bomb)
    tracemalloc.start()
    try:
        assert "images.zip" in refused(small, small.mirror)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**23


@pytest.mark.parametrize("method", PACKED)
def test_flipped_bytes(small, method):
    """Whatever byte of an archive is wrong: a one-line error, or intact files."""
    noise = random.Random(39)
    pack(small.mirror, small.files, method=method)
    fetch(small, small.mirror)
    good = (small.mirror / "masks.zip").read_bytes()
    failures = []
    for _ in range(100):
        bad = bytearray(good)
        bad[noise.randrange(len(bad))] ^= noise.randint(1, 255)
        (small.mirror / "masks.zip").write_bytes(bad)
        shutil.rmtree(small.into / "masks", ignore_errors=True)
        try:
            fetch(small, small.mirror)
        except data.DataError as error:
            failures.append(str(error))
        complete(small)
    assert len(failures) > 50
    assert all(map(str.isprintable, failures))


# Fetch: networks and servers that fail


def test_no_network(small):
    """With nobody listening the message says so."""
    (port,) = free_ports(1)
    message = refused(small, f"http://127.0.0.1:{port}/")
    assert f"({os.strerror(errno.ECONNREFUSED)}; 4 tries): check the address" in message
    recovers(small)


@pytest.mark.parametrize(
    ("failures", "tries", "says"),
    [
        ([404] * 9, 4, "masks.zip could not be loaded (404 Client Error"),
        (["cut"] * 9, 4, "masks.zip could not be loaded (IncompleteRead"),
        (["hold"] * 9, 4, "masks.zip could not be loaded (timed out; 4 tries)"),
        ([500, 429, "cut", None], 4, ""),
    ],
    ids=range(4),
)
def test_server_fails(small, monkeypatch, failures, tries, says):
    """A server that fails, or sends no more, is asked four times."""
    monkeypatch.setattr(data, "TIMEOUT", (10, 0.5))
    with serve(small.mirror, masks=[*failures]) as server:
        if says:
            assert says in refused(small, server.url)
        else:
            assert fetch(small, server.url).startswith("3 of 3")
    assert server.got.count("/masks.zip") == tries
    recovers(small)


def test_wrong_archive(small, monkeypatch):
    """An archive with another SHA-256 than the official one is deleted unopened."""
    with serve(small.mirror) as server:
        monkeypatch.setattr(data.DATASET, "address", server.url)
        monkeypatch.setitem(data.DATASET.archives, "masks.zip", "0" * 64)
        assert "masks.zip has a wrong SHA-256 and was deleted: try again" in refused(small)
    assert not [name for name in complete(small) if name.startswith("masks")]
    recovers(small)


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
REDIRECT = b"HTTP/1.1 302 Found\r\nConnection: close\r\nContent-Length: 0\r\nLocation: "
MEGABYTE = bytes(2**20)
TOO_MUCH = f"images.zip sends more than the {3 * 2**20:,} bytes"


@pytest.mark.parametrize(
    ("head", "piece", "says"),
    [
        (OK + b"\r\n", MEGABYTE, TOO_MUCH),
        (CHUNKED, b"100000\r\n" + MEGABYTE + b"\r\n", TOO_MUCH),
        (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(MEGABYTE * 64), TOO_MUCH),
        (b"\x1b[31m\x1b]0;title\x07\x9b\r\n\r\n", b"", r"\x1b[31m\x1b]0;title\x07\x9b"),
        (b"G" * 60_000 + b"\r\n\r\n", b"", "GGG"),
        (b"", b"", "4 tries"),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + b"x" * 20, b"", "incorrect header"),
        (CHUNKED + b"zz\x1b\r\n", b"", "could not be loaded"),
        (REDIRECT + b"/images.zip\r\n\r\n", b"", "Exceeded 30 redirects"),
        (REDIRECT + b"file:///etc/hostname\r\n\r\n", b"", "No connection adapters were found"),
        (REDIRECT + b"http://\x1b\xff.example/\r\n\r\n", b"", "could not be loaded"),
    ],
    ids=range(11),
)
def test_odd_server(small, head, piece, says):
    """An endless or odd answer ends in one line of moderate length that can be printed."""
    sent = []

    def answer(path, send):
        if path != "/images.zip":
            return send(OK + b"\r\n" + (small.mirror / path[1:]).read_bytes())
        send(head)
        for _ in range(200 if piece else 0):
            send(piece)
            sent.append(piece)

    with answering(answer) as url:
        message = refused(small, url)
    assert f"{url}images.zip" in message
    assert says in message
    assert len(sent) < 100
    assert complete(small) == sorted(without(small, "images/"))
    recovers(small)


# Fetch: disks and processes


@pytest.mark.parametrize("loads", [False, True], ids=["unpacking", "loading"])
def test_full_disk(small, loads):
    """At a limit in mid-file no half file stays; with space the rest comes."""
    resource = pytest.importorskip("resource")  # limits of POSIX
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with serve(small.mirror) as server:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most))
        try:
            message = refused(small, server.url if loads else small.mirror)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert message.startswith(f"There is no room left in {small.into}")
    assert "choose another folder (--into, SEGKIT_DATA)" in message
    assert complete(small) == sorted(without(small, "images/"))
    recovers(small)


def test_folder_below_a_file(small):
    """A path that can never be a folder is named."""
    (small.tmp / "file").write_text("not a folder")
    for into in (small.tmp / "file", small.tmp / "file" / "BBBC039"):
        with pytest.raises(data.DataError, match=f"{into} or a part of its path is a file"):
            fetch(small, small.mirror, into)


def test_two_at_once(small):
    """The second call waits, and finds everything there: nothing is loaded twice."""
    with serve(small.mirror, metadata=["hold"]) as server, ThreadPoolExecutor() as pool:
        first = pool.submit(fetch, small, server.url)
        assert server.held.wait(30)
        second = pool.submit(fetch, small, server.url)
        assert not wait([second], timeout=0.5).done
        server.release.set()
        assert first.result() == second.result() == f"3 of 3 frames in {small.into}"
    assert sorted(server.got) == ["/images.zip", "/masks.zip", "/metadata.zip"]
    recovers(small)


def test_killed(small):
    """What a killed process left is removed, and the next call goes on."""
    fetch(small, small.mirror)
    shutil.rmtree(small.into / "images")
    for name in (".loading/images.zip", "images/.A01.tif.part"):
        (small.into / name).parent.mkdir()
        (small.into / name).write_bytes(b"half of it")
    with serve(small.mirror) as server:
        assert fetch(small, server.url).startswith("3 of 3")
    recovers(small)


# Verify


def test_verify(small):
    """Missing, damaged and unexpected files are listed; hidden ones are not."""
    with pytest.raises(data.DataError, match=r"there is no folder .*: run 'segkit fetch', or give"):
        data.verify(small.into)
    small.into.mkdir()
    with pytest.raises(data.DataError, match=r"holds no file of BBBC039: give its own folder"):
        data.verify(small.into)
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


def test_a_part_of_the_data_set_is_no_defect(small, capsys):
    """What is missing is counted in one line, with success; what is damaged is named."""
    fetch(small, small.mirror)
    (small.into / "images" / "A02.tif").unlink()
    assert cli.main(["verify", str(small.into)]) == 0
    assert capsys.readouterr().out == f"1 missing, 0 damaged, 0 unexpected in {small.into}\n"
    (small.into / "masks" / "A01.png").write_bytes(b"x")
    assert cli.main(["verify", str(small.into)]) == 1
    assert "damaged: masks/A01.png\n1 missing, 1 damaged" in capsys.readouterr().out


# The script data_fetch.py


def test_script(small, load, monkeypatch, capsys):
    """The script fills a folder; without arguments SEGKIT_DATA and SEGKIT_MIRROR say where."""
    script = load("data_fetch")
    assert script.main(["--into", str(small.into), "--mirror", str(small.mirror)]) == 0
    monkeypatch.setenv("SEGKIT_MIRROR", str(small.mirror))
    assert script.main([]) == 0
    places = (small.into, small.tmp / "data" / "BBBC039")
    assert capsys.readouterr().out == "".join(f"3 of 3 frames in {place}\n" for place in places)


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (data.DataError("a: b"), 1, "a: b\n"),
        (KeyboardInterrupt(), 130, "Stopped: the same command goes on from here.\n"),
    ],
)
def test_script_fails(load, monkeypatch, capsys, error, status, says):
    """An expected failure, and Ctrl-C, are one line on standard error."""
    monkeypatch.setattr(data, "fetch", Mock(side_effect=error))
    assert load("data_fetch").main([]) == status
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
def test_real_frames(real_frames):
    """Real frames are known by what they hold, and state the pixel size of the record."""
    assert data.verify(real_frames)["damaged"] == []
    assert data.name(real_frames) == data.DATASET.name
    assert data.pixel_size(real_frames) == data.DATASET.pixel_size
    assert len(data.masks(real_frames)) == len(data.images(real_frames))
