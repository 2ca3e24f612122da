import pickle
import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import standin
import tifffile
from made import folder, scene

from segkit import device, frame, stack
from segkit.methods import gpu, measuring


def damage(path, how):
    """Put a bad frame in the place of a good one."""
    good = tifffile.imread(path)
    if how == "truncated":
        path.write_bytes(path.read_bytes()[:5000])
    elif how == "directory cut off":  # MetaMorph writes the list of pages behind the pixels
        pixels = good.tobytes()
        header = b"II*\0" + (8 + len(pixels)).to_bytes(4, "little")
        path.write_bytes(header + pixels)
    elif how == "text":
        path.write_text("not a picture\n")
    elif how == "empty file":
        path.write_bytes(b"")
    elif how == "other shape":
        tifffile.imwrite(path, good[:-1])
    elif how == "other dtype":
        tifffile.imwrite(path, good.astype(np.uint8))
    elif how == "RGB":
        tifffile.imwrite(path, np.stack([good] * 3, axis=-1), photometric="rgb")
    elif how == "multi-page":
        tifffile.imwrite(path, np.stack([good, good]), photometric="minisblack")
    elif how in ("NaN", "infinite"):
        values = good.astype(np.float32)
        values[3, 4] = np.nan if how == "NaN" else np.inf
        tifffile.imwrite(path, values)
    elif how == "zero":
        tifffile.imwrite(path, np.zeros_like(good))
    elif how == "saturated":
        tifffile.imwrite(path, np.full_like(good, 4095))
    elif how == "unreadable":  # a folder: root may read any file, whatever its mode
        path.unlink()
        path.mkdir()
    elif how == "missing":
        path.unlink()


BAD = {
    "truncated": "cannot be read",
    "directory cut off": "cut off",
    "text": "cannot be read as TIFF",
    "empty file": "is empty",
    "other shape": r"shape \(89, 120\)",
    "other dtype": "dtype uint8",
    "RGB": r"shape \(90, 120, 3\)",
    "multi-page": "2 pages",
    "zero": "every pixel is 0",
    "saturated": "every pixel is 4095",
    "unreadable": "is a folder",
    "missing": "does not exist",
}


@pytest.mark.parametrize("how", BAD)
def test_bad_frame_is_named_with_its_reason(tmp_path, how):
    """The error names the file and what is wrong with it."""
    files = folder(tmp_path, 3)
    like = stack.common_format(files)
    damage(files[1], how)
    with pytest.raises(stack.FrameError, match=f"frame_001.tif: .*{BAD[how]}") as caught:
        stack.batch(files, 0, like=like)
    copy = pickle.loads(pickle.dumps(caught.value))  # as it comes back from another process
    assert str(copy) == str(caught.value)


@pytest.mark.parametrize("how", ["NaN", "infinite"])
def test_floating_point_frames_must_be_finite(tmp_path, how):
    """NaN and infinite values are found."""
    path = folder(tmp_path, 1)[0]
    damage(path, how)
    with pytest.raises(stack.FrameError, match="NaN or infinite"):
        stack.read_frame(path)


@pytest.mark.parametrize("how", BAD)
def test_skipped_frame_changes_no_other_result(tmp_path, how):
    """With skip, the rows of the good frames are what they are without the bad one."""
    files = folder(tmp_path, 4)
    like = stack.common_format(files)
    before, _, _ = stack.batch(files, 7, like=like)
    damage(files[2], how)
    table, skipped, labels = stack.batch(files, 7, like=like, skip=True, labels=True)
    assert [name for name, _ in skipped] == ["frame_002.tif"]
    good = before["frame"] != 9
    assert good.sum() > 10
    for name in before:
        np.testing.assert_array_equal(table[name], before[name][good])
    assert labels[2].max() == 0
    assert labels[3].max() > 0


@pytest.mark.parametrize("name", ["a name with spaces.tif", "kärne_核.tif"])
def test_any_file_name(tmp_path, name):
    """Spaces and letters beyond ASCII are kept in the table."""
    path = tmp_path / name
    tifffile.imwrite(path, scene(1))
    table, _, _ = stack.batch([path], 0, like=stack.common_format([path]))
    assert set(table["file"]) == {name}


@pytest.mark.parametrize("kind", ["strips", "tiles", "deflate", "big-endian", "one strip"])
def test_read_frame_reads_what_tifffile_reads(tmp_path, kind):
    """Fast reading gives the same pixels for every layout."""
    image = scene(2, (64, 96))
    options = {
        "strips": {"rowsperstrip": 5},
        "tiles": {"tile": (32, 32)},
        "deflate": {"compression": "zlib"},
        "big-endian": {"byteorder": ">", "rowsperstrip": 5},
        "one strip": {},
    }[kind]
    path = tmp_path / "frame.tif"
    tifffile.imwrite(path, image, **options)
    result = stack.read_frame(path)
    np.testing.assert_array_equal(result, image)
    assert result.dtype == np.uint16


def test_batch_is_frame_by_frame(tmp_path):
    """The table of a batch is the tables of its frames below each other."""
    files = folder(tmp_path, 3)
    table, skipped, labels = stack.batch(files, 5, like=stack.common_format(files), labels=True)
    assert skipped == []
    parts = []
    for number, path in enumerate(files):
        image = tifffile.imread(path)
        found = frame.segment(image)
        np.testing.assert_array_equal(labels[number], found)
        part = frame.measure(image, found)
        part.insert(0, "frame", np.int32(5 + number))
        part.insert(0, "file", path.name)
        parts.append(part)
    expected = pd.concat(parts, ignore_index=True)
    pd.testing.assert_frame_equal(
        pd.DataFrame(table).astype({"file": expected["file"].dtype}), expected
    )


def test_batch_of_empty_frames_has_all_columns(tmp_path):
    """Frames without a nucleus give a table without rows."""
    image = np.full((30, 40), 7, np.uint16)
    image[10, 10] = 9  # one pixel: opened away
    tifffile.imwrite(tmp_path / "dark.tif", image)
    table, _, _ = stack.batch([tmp_path / "dark.tif"], 0, like=(image.shape, image.dtype))
    assert {len(column) for column in table.values()} == {0}
    assert len(table) == 7


def test_read_is_lazy_and_names_the_bad_file(tmp_path):
    """Only headers are read to build the stack; a bad file is named when it is read."""
    files = folder(tmp_path, 4)
    expected = np.stack([tifffile.imread(path) for path in files])
    spare = tmp_path / "spare"
    spare.mkdir()
    shutil.move(files[2], spare)
    images = stack.read(files)
    assert images.chunks == ((1,) * 4, (90,), (120,))
    np.testing.assert_array_equal(images[:2].compute(), expected[:2])
    with pytest.raises(stack.FrameError, match="frame_002"):
        images.compute()


@pytest.fixture
def cupy(monkeypatch):
    """Put the stand-in in CuPy's place."""
    gpu._matrix.cache_clear()
    yield standin.install(monkeypatch)
    gpu._matrix.cache_clear()


@pytest.mark.parametrize("labels", [True, False])
def test_gpu_gives_the_table_of_the_cpu(tmp_path, cupy, labels):
    """Table and label images are the same; the frames go there once, each result back once."""
    files = folder(tmp_path, 4)
    like = stack.common_format(files)
    constants = 2  # a matrix for each axis, the first time
    for _ in range(2):
        cupy.transfers.clear()
        table, skipped, found = stack.batch(files, 5, like=like, labels=labels, device="gpu")
        assert dict(cupy.transfers) == {"to device": 1 + constants, "to host": 1 + labels}
        constants = 0
    expected, _, images = stack.batch(files, 5, like=like, labels=labels)
    assert skipped == []
    assert list(table) == list(expected)
    assert len(table["label"]) > 20
    for name, column in expected.items():
        assert table[name].dtype == column.dtype
        np.testing.assert_array_equal(table[name], column)
    np.testing.assert_array_equal(found, images)


@pytest.mark.parametrize("bad", [[2], [0, 3], [0, 1, 2, 3]])
def test_gpu_skips_as_the_cpu_does(tmp_path, cupy, bad):
    """Bad frames leave a gap in the numbers; without a good one the table is empty."""
    files = folder(tmp_path, 4)
    like = stack.common_format(files)
    for number in bad:
        damage(files[number], "text")
    with pytest.raises(stack.FrameError, match=files[bad[0]].name):
        stack.batch(files, 7, like=like, device="gpu")
    results = [
        stack.batch(files, 7, like=like, skip=True, labels=True, device=where)
        for where in ("cpu", "gpu")
    ]
    (table, skipped, labels), (there, also, found) = results
    assert skipped == also
    assert [name for name, _ in also] == [files[number].name for number in bad]
    np.testing.assert_array_equal(found, labels)
    for name in table:
        np.testing.assert_array_equal(there[name], table[name])
        assert there[name].dtype == table[name].dtype


def test_gpu_without_memory_says_what_to_do(tmp_path, cupy, monkeypatch):
    """Too many frames for the GPU's memory: the number, and smaller batches as the cure."""

    def full(*_):
        raise MemoryError("out of memory allocating 9 bytes")

    monkeypatch.setattr(measuring, "columns", full)
    files = folder(tmp_path, 3)
    with pytest.raises(device.DeviceError, match=r"3 frames at once .* take smaller batches"):
        stack.batch(files, 0, like=stack.common_format(files), device="gpu")


def test_gpu_that_is_not_there_is_named(tmp_path, monkeypatch):
    """Without CuPy, or with another method, nothing is read before the error."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    monkeypatch.setattr(stack, "read_frame", lambda *_, **__: pytest.fail("a frame was read"))
    like = ((90, 120), np.uint16)
    with pytest.raises(device.DeviceError, match="CuPy is not installed"):
        stack.batch([tmp_path / "a.tif"], 0, like=like, device="gpu")
    with pytest.raises(device.DeviceError, match="'best' runs on the CPU only"):
        stack.batch([tmp_path / "a.tif"], 0, like=like, device="gpu", method="best")
