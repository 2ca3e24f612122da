import io
import os
import random
import stat
import struct
import sys
import tracemalloc
import zipfile

import mirrors
import pytest
from mirrors import recovers, whole, zipped

from segkit import data
from segkit.files import unpack

small = pytest.fixture(mirrors.small)
METHODS = (zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)


def fails(small, archive, content):
    """Fetch from a mirror with one archive replaced; return the one-line message."""
    bad = small.tmp / "bad"
    mirrors.pack(bad, small.files)
    if content is None:
        (bad / archive).unlink()
    else:
        (bad / archive).write_bytes(content)
    with pytest.raises(data.DataError) as caught:
        data.fetch(small.into, mirror=bad, progress=False)
    message = str(caught.value)
    assert str(bad / archive) in message
    assert "\n" not in message
    assert ": " in message, "the message does not say what to do"
    return message


def test_wrong_hash(small):
    """A member with another SHA-256 is named and not kept; those before it stay."""
    files = small.files | {"images/A02.tif": b"x" * 40_000}
    content = mirrors.pack(small.tmp / "other", files) and (small.tmp / "other" / "images.zip")
    assert "images/A02.tif in " in fails(small, "images.zip", content.read_bytes())
    assert "images/A01.tif" in whole(small)
    assert not (small.into / "images" / "A02.tif").exists()
    recovers(small)


@pytest.mark.parametrize("share", [0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_archive(small, share):
    """An archive that was cut anywhere is called so."""
    content = (small.mirror / "images.zip").read_bytes()
    message = fails(small, "images.zip", content[: int(len(content) * share)])
    assert "cannot be unpacked" in message
    recovers(small)


@pytest.mark.parametrize("content", [b"<html>Please log in</html>", b"\0" * 5000])
def test_not_an_archive(small, content):
    """Another file under the name of an archive, such as a login page, is called so."""
    assert "masks.zip cannot be unpacked" in fails(small, "masks.zip", content)
    recovers(small)


def test_archive_missing(small):
    """A mirror without one of the archives is told which three it needs."""
    message = fails(small, "images.zip", None)
    assert "a mirror needs images.zip, masks.zip and metadata.zip" in message
    recovers(small)


def test_nothing_of_ours(small):
    """An archive with none of the files, or with one more folder level, is named."""
    name, content = "images/A01.tif", small.files["images/A01.tif"]
    for inside in ("x.tif", f"BBBC039/{name}"):
        message = fails(small, "images.zip", zipped((inside, content)))
        assert "images.zip holds no file of BBBC039" in message
    recovers(small)


@pytest.mark.parametrize(
    "name",
    [
        "../out.txt",
        "images/../../out.txt",
        "/out.txt",
        "images\\..\\..\\out.txt",
        "C:\\out.txt",
        "\\\\server\\share\\out.txt",
    ],
)
def test_member_outside(small, name):
    """A member that would land outside the folder is not unpacked."""
    images = [(entry, x) for entry, x in small.files.items() if entry.startswith("images/")]
    (small.mirror / "images.zip").write_bytes(zipped((name, b"evil"), *images))
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3")
    assert whole(small) == sorted(small.files)
    assert not list(small.tmp.rglob("*out.txt*"))


def test_member_is_a_link(small):
    """A symbolic link under the name of a frame is not made."""
    link = zipfile.ZipInfo("images/A01.tif")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    message = fails(small, "images.zip", zipped((link, b"/etc/hostname")))
    assert "images/A01.tif in " in message
    assert not (small.into / "images" / "A01.tif").is_symlink()
    recovers(small)


def zeros(method, *, claim):
    """Return an archive whose frame is 64 MiB of zeros; its headers claim another size."""
    stream, size = io.BytesIO(), 2**26
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("images/A01.tif", bytes(size))
    return stream.getvalue().replace(struct.pack("<I", size), struct.pack("<I", claim))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("claim", [2**26, 40_000, 0])
def test_bomb(small, method, claim):
    """A member that unpacks to far more than a frame is never in memory, whatever it claims."""
    (small.mirror / "images.zip").write_bytes(zeros(method, claim=claim))
    small.into.mkdir()
    tracemalloc.start()
    try:
        with pytest.raises(data.DataError, match=r"images/A01\.tif in .* has a wrong SHA-256"):
            unpack.unpack(small.mirror / "images.zip", "images.zip", {"images/A01.tif"}, small.into)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24  # the dictionary of LZMA has 2**23
    assert list(small.into.iterdir()) == []


def test_unreadable_member(small):
    """An encrypted member, or one packed in an unknown way, is an error that names the archive."""
    plain = zipped(("images/A01.tif", small.files["images/A01.tif"]))
    flags, method = plain.rindex(b"PK\1\2") + 8, plain.rindex(b"PK\1\2") + 10
    for place, value, says in ((flags, 1, "is encrypted"), (method, 93, "method 93 of")):
        bad = bytearray(plain)
        bad[place] = value
        assert says in fails(small, "images.zip", bytes(bad))
    recovers(small)


def test_zip64(small):
    """An archive with the sizes of the zip64 format is unpacked."""
    with zipfile.ZipFile(small.mirror / "images.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in small.files.items():
            if name.startswith("images/"):
                with archive.open(name, "w", force_zip64=True) as member:
                    member.write(content)
    assert data.fetch(small.into, mirror=small.mirror, progress=False).startswith("3 of 3")


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
def test_archive_is_a_pipe(small):
    """A pipe under the name of an archive is an error, and nobody waits for it."""
    (small.mirror / "masks.zip").unlink()
    os.mkfifo(small.mirror / "masks.zip")
    with pytest.raises(data.DataError, match=r"There is no file .*masks\.zip: a mirror needs"):
        data.fetch(small.into, mirror=small.mirror, progress=False)


def test_foreign_member(small):
    """A member that the registry does not have is passed over."""
    mirrors.pack(small.mirror, small.files | {"images/extra.tif": b"x", "images/run.exe": b"x"})
    data.fetch(small.into, mirror=small.mirror, progress=False)
    assert sorted(path.name for path in (small.into / "images").iterdir()) == [
        "A01.tif",
        "A02.tif",
        "A03.tif",
    ]


@pytest.mark.parametrize("method", METHODS)
def test_flipped_bytes(small, method):
    """Whatever byte of an archive is wrong: a one-line error, or whole files; never a half one."""
    noise = random.Random(39)
    mirrors.pack(small.mirror, small.files, method=method)
    good = (small.mirror / "masks.zip").read_bytes()
    messages = []
    for _ in range(150):
        bad = bytearray(good)
        for _ in range(noise.randint(1, 4)):
            bad[noise.randrange(len(bad))] ^= noise.randint(1, 255)
        (small.mirror / "masks.zip").write_bytes(bad)
        wanted = {name for name in small.files if name.startswith("masks/")}
        try:
            unpack.unpack(small.mirror / "masks.zip", "masks.zip", wanted, small.into)
        except data.DataError as error:
            messages.append(str(error))
        for name in whole(small):
            (small.into / name).unlink()
    assert len(messages) > 100
    assert not [message for message in messages if "\n" in message]
