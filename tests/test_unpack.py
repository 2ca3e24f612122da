import random
import stat
import threading
import time
import zipfile

import mirrors
import pytest
from mirrors import recovers, whole, zipped

from segkit import data
from segkit.files import unpack

small = pytest.fixture(mirrors.small)


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
    assert message.startswith(f"There is no {bad / archive}") or str(bad / archive) in message
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
    assert "is not a whole zip archive" in message
    recovers(small)


@pytest.mark.parametrize("content", [b"<html>Please log in</html>", b"\0" * 5000])
def test_not_an_archive(small, content):
    """Another file under the name of an archive, such as a login page, is called so."""
    assert "masks.zip is not a whole zip archive" in fails(small, "masks.zip", content)
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
        "__MACOSX/../../out.txt",
        "/out.txt",
        "images\\..\\..\\out.txt",
        "C:out.txt",
        "C:\\out.txt",
        "\\\\server\\share\\out.txt",
    ],
)
def test_member_outside(small, name):
    """A member that would land outside is named, and nothing of its archive is unpacked."""
    good = ("images/A01.tif", small.files["images/A01.tif"])
    message = fails(small, "images.zip", zipped(good, (name, b"evil")))
    assert f"holds {name!r}, which would land outside the folder" in message
    assert not [found for found in whole(small) if found.startswith("images/")]
    assert not list(small.tmp.rglob("*out.txt*"))
    recovers(small)


def test_member_is_a_link(small):
    """A symbolic link is refused, even under a good name."""
    link = zipfile.ZipInfo("images/A01.tif")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    message = fails(small, "images.zip", zipped((link, b"/etc/hostname")))
    assert "holds 'images/A01.tif', which would land outside" in message
    recovers(small)


def test_foreign_member(small):
    """A member that the registry does not have is passed over."""
    mirrors.pack(small.mirror, small.files | {"images/extra.tif": b"x", "images/run.exe": b"x"})
    data.fetch(small.into, mirror=small.mirror, progress=False)
    assert sorted(path.name for path in (small.into / "images").iterdir()) == [
        "A01.tif",
        "A02.tif",
        "A03.tif",
    ]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
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


def test_lock_excludes(tmp_path):
    """While one holds the lock, another waits; then it goes on."""
    steps = []

    def second():
        with unpack.lock(tmp_path / ".lock"):
            steps.append("second in")

    with unpack.lock(tmp_path / ".lock"):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.3)
        steps.append("first out")
    thread.join(10)
    assert steps == ["first out", "second in"]


def test_lock_after_an_error(tmp_path):
    """An error inside frees the lock, and comes out as it is."""
    with pytest.raises(KeyError), unpack.lock(tmp_path / ".lock"):
        raise KeyError("x")
    with unpack.lock(tmp_path / ".lock"):
        pass
