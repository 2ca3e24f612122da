import os
import pickle
import sys
import tracemalloc

import mirrors
import numpy as np
import pytest
import tifffile
from mirrors import zipped

from segkit import data
from segkit.files import registry

small = pytest.fixture(mirrors.small)


def test_entries():
    """The registry has an image and a mask for each of 200 frames, and the metadata."""
    names = registry.entries()
    stems = {name[7:-4] for name in names if name.startswith("images/") and name.endswith(".tif")}
    assert len(stems) == registry.total() == 200
    assert {name[6:-4] for name in names if name.startswith("masks/")} == stems
    assert len(names) == 406
    assert {len(bytes.fromhex(digest)) for digest in names.values()} == {32}
    assert all(stem.startswith("IXMtest_") for stem in stems)


def test_faults(small):
    """A file is missing or damaged, and never both; whole files are not listed."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    assert registry.faults(small.into) == {}
    (small.into / "masks" / "A01.png").unlink()
    (small.into / "masks" / "A02.png").write_bytes(b"")
    (small.into / "images" / "A02.tif").unlink()
    (small.into / "images" / "A02.tif").mkdir()
    assert registry.faults(small.into) == {
        "masks/A01.png": "missing",
        "masks/A02.png": "damaged",
        "images/A02.tif": "damaged",
    }


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX system")
def test_faults_of_odd_files(small):
    """A pipe and a link to nothing are not read, and fetch replaces them."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    for name in ("A01", "A02"):
        (small.into / "masks" / f"{name}.png").unlink()
    os.mkfifo(small.into / "masks" / "A01.png")
    (small.into / "masks" / "A02.png").symlink_to("nothing")
    assert registry.faults(small.into) == {
        "masks/A01.png": "damaged",
        "masks/A02.png": "missing",
    }
    mirrors.recovers(small)


@pytest.mark.skipif(sys.platform == "win32", reason="needs sparse files")
def test_faults_of_a_large_file(small):
    """A file that is larger than any of the data set is damaged, and not read."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    with (small.into / "images" / "A01.tif").open("ab") as file:
        file.truncate(2**40)
    assert registry.faults(small.into) == {"images/A01.tif": "damaged"}


@pytest.mark.parametrize("file", [False, True])
def test_faults_without_folder(small, file):
    """Where there is no folder, everything is missing."""
    if file:
        small.into.write_text("not a folder")
    assert registry.faults(small.into) == dict.fromkeys(small.files, "missing")


def test_verify_foreign(small):
    """Files that are not of the data set are listed, hidden ones are not."""
    data.fetch(small.into, mirror=small.mirror, progress=False)
    for name in ("images/B01.tif", "notes.txt", "masks/deep/x.png", ".DS_Store", ".git/x"):
        (small.into / name).parent.mkdir(exist_ok=True)
        (small.into / name).write_bytes(b"x")
    found = data.verify(small.into)
    assert found["foreign"] == ["images/B01.tif", "masks/deep/x.png", "notes.txt"]
    assert found["missing"] == found["damaged"] == []


def test_verify_empty_folder(small):
    """In an empty folder everything is missing; a folder that is not there is an error."""
    small.into.mkdir()
    assert data.verify(small.into)["missing"] == sorted(small.files)
    with pytest.raises(data.DataError, match=r"There is no folder .*: give the folder"):
        data.verify(small.into / "no")


def test_error_is_printable():
    """Characters of names that would act on a terminal are escaped in a message."""
    error = data.DataError("\x1b[31m\n\u202e\udcff \u00e9: try again")
    assert str(error) == r"\x1b[31m\n\u202e\udcff " + "\u00e9: try again"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_opens_reads_the_header_first(tmp_path):
    """A frame that is too large is found so without its pixels in memory."""
    path = tmp_path / "x.tif"
    tifffile.imwrite(path, np.zeros((5200, 6960), np.uint16), compression="zlib")
    tracemalloc.start()
    try:
        assert not registry._opens(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2**24


def test_opens_needs_all_bytes(tmp_path):
    """A file that is no TIFF, or another format under that name, is damaged."""
    for content in (b"", b"II*\0", zipped(("x", b"x"))):
        path = tmp_path / "x.tif"
        path.write_bytes(content)
        assert not registry._opens(path)
