import errno
import os

import pytest

from segkit import writing


def test_put_replaces_in_one_go(tmp_path):
    """A file is replaced as a whole, and a failed writing leaves the old one as it was."""
    path = tmp_path / "x.bin"
    writing.put(path, b"old")
    with pytest.raises(TypeError):
        writing.put(path, "text is not bytes")
    assert path.read_bytes() == b"old"
    writing.put(path, b"new")
    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.bin"]


def test_what_is_not_whole_is_hidden(tmp_path):
    """While it is written, a file has a name that the pattern finds and a listing passes over."""
    seen = []

    def write(aside):
        aside.write_bytes(b"half")
        seen.extend(tmp_path.glob(writing.ASIDE))
        assert list(tmp_path.glob("[!.]*")) == []

    writing.whole(tmp_path / "x.parquet", write)
    assert len(seen) == 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.parquet"]


def test_missing_rights_have_a_sentence_of_their_own():
    """The line names folder, cause and cure; that of a full disk is the example of the function."""
    message = writing.unwritable(OSError(errno.EACCES, "the cause"), "out", choose="--out")
    assert message.startswith("out cannot be written to (the cause): choose another folder (--out)")
    assert "\n" not in message


def test_a_file_may_be_written_twice_at_once(tmp_path):
    """Each call writes under a name of its own, also in one process, and the last one counts."""
    path = tmp_path / "x.bin"

    def write(aside):
        aside.write_bytes(b"first")
        writing.put(path, b"second")

    writing.whole(path, write)
    assert path.read_bytes() == b"first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.bin"]


def test_content_is_on_disk_before_the_name(tmp_path, monkeypatch):
    """A power cut leaves no empty file: its content is synchronised before it gets its name."""
    synchronised = []

    def fsync(number):
        synchronised.append((os.fstat(number).st_size, (tmp_path / "x.bin").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    writing.put(tmp_path / "x.bin", b"1234567")
    assert synchronised == [(7, False)]
