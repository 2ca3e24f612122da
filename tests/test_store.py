import errno
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import zarr

from segkit import stack, store

SETTINGS = {"folder": "/frames", "method": "tutorial", "batch": 2}
NAMES = ["a.tif", "b.tif", "c.tif"]


def state(names=NAMES, **changed):
    """Make a list of frames as store.state does; `changed` gives the size of some."""
    sizes = [changed.get(name.removesuffix(".tif"), 9) for name in names]
    return pa.table({"file": names, "size": sizes, "changed": [1700] * len(names)})


FRAMES = state()


def table(rows):
    """Make a table as stack.batch does."""
    return {
        "file": np.array([f"f{i}.tif" for i in range(rows)], object),
        "frame": np.arange(rows, dtype=np.int32),
        "label": np.ones(rows, np.int32),
        "area": np.full(rows, 9),
        "mean_intensity": np.full(rows, 5.5),
        "centroid_row": np.zeros(rows),
        "centroid_col": np.zeros(rows),
    }


def test_parts_are_one_table(tmp_path):
    """Pandas reads the folder of parts as one table, in order."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    store.write_part(tmp_path, 1, table(3), frames=2)
    store.write_part(tmp_path, 0, table(2), frames=2, skipped=[("bad.tif", "why")])
    result = pd.read_parquet(tmp_path / "nuclei.parquet")
    assert list(result) == store.SCHEMA.names
    assert list(result["frame"]) == [0, 1, 0, 1, 2]
    note = store.read_note(store.part_path(tmp_path, 0))
    assert note == {"frames": 2, "skipped": [["bad.tif", "why"]], "nuclei": 2}


@pytest.mark.parametrize("how", ["missing", "cut", "empty", "foreign"])
def test_part_that_is_not_whole_does_not_count(tmp_path, how):
    """A missing, damaged or foreign part has no note, so its batch is done again."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    path = store.part_path(tmp_path, 0)
    if how == "cut":
        store.write_part(tmp_path, 0, table(50), frames=2)
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "empty":
        path.touch()
    elif how == "foreign":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    assert store.read_note(path) is None


def test_other_settings_are_refused(tmp_path):
    """The message says what the folder holds and what was wanted, and nothing in it changes."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    store.begin(tmp_path, SETTINGS, FRAMES)
    before = [path.read_bytes() for path in sorted(tmp_path.glob("*.*")) if path.is_file()]
    said = r"method=tutorial \(not otsu\): choose another --out, or delete"
    with pytest.raises(store.RunError, match=said):
        store.begin(tmp_path, {**SETTINGS, "method": "otsu"}, FRAMES)
    with pytest.raises(store.RunError, match="frames in /frames, not in /elsewhere: choose"):
        store.begin(tmp_path, {**SETTINGS, "folder": "/elsewhere"}, FRAMES)
    assert before == [p.read_bytes() for p in sorted(tmp_path.glob("*.*")) if p.is_file()]


def test_a_setting_more_or_less_is_refused(tmp_path):
    """A run with a setting that the other lacks is refused, whichever came first."""
    more = {**SETTINGS, "pixel_size": 0.5}
    for name, (first, second) in {"a": (SETTINGS, more), "b": (more, SETTINGS)}.items():
        store.begin(tmp_path / "new" / name, first, FRAMES)  # missing folders are made
        with pytest.raises(store.RunError, match=r"pixel_size=(None|0\.5) "):
            store.begin(tmp_path / "new" / name, second, FRAMES)


@pytest.mark.parametrize(
    ("here", "said"),
    [
        (state([*NAMES, "d.tif", "e.tif"]), r"\(files added: 2, such as d.tif\)"),
        (state(NAMES[1:]), r"\(files missing: 1, such as a.tif\)"),
        (
            state(["a.tif", "b.tif", "z.tif"]),
            r"added: 1, such as z.tif; files missing: 1, .* c.tif",
        ),
        (state(NAMES[::-1]), "the same files in another order"),
        (state([*NAMES, "a.tif"]), "the same files in another order"),
        (state(b=8, c=8), r"^b.tif has changed since .*\(size; files like it: 2 of 3\)"),
    ],
)
def test_other_frames_are_refused(tmp_path, here, said):
    """The message says which files differ, how many, and what to do."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    with pytest.raises(store.RunError, match=said) as caught:
        store.begin(tmp_path, SETTINGS, here)
    assert "choose another --out, or delete" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_frames_may_change_until_their_batch_is_done(tmp_path):
    """A frame of a pending batch may change, and counts as it is now from then on."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    store.begin(tmp_path, SETTINGS, state(c=8), pending={1})
    store.begin(tmp_path, SETTINGS, state(c=8))
    said = r"c.tif has changed .* delete part-00001.parquet in its nuclei.parquet"
    with pytest.raises(store.RunError, match=said):
        store.begin(tmp_path, SETTINGS, FRAMES, pending={0})


def test_equal_names_in_subfolders_stay_apart(tmp_path):
    """Names are paths below the deepest folder that holds all frames, however these are given."""
    files = [tmp_path / "A" / "f.tif", tmp_path / "x" / ".." / "B" / "C" / "f.tif"]
    assert store.relative(files) == (str(tmp_path), ["A/f.tif", "B/C/f.tif"])
    assert store.relative(files[:1]) == (str(tmp_path / "A"), ["f.tif"])


def test_a_missing_file_is_a_state(tmp_path):
    """A file that is not there is listed as such, so that it may come later."""
    (tmp_path / "b.tif").write_bytes(b"12345")
    found = store.state(tmp_path, ["a.tif", "b.tif"])
    assert found["size"].to_pylist() == [-1, 5]
    assert found["changed"].to_pylist() == [-1, (tmp_path / "b.tif").stat().st_mtime_ns]


def test_one_run_at_a_time(tmp_path):
    """A folder that is held is refused in one line, and free as soon as its holder is done."""
    said = r"another run is filling .*new: wait"
    with store.lock(tmp_path / "new"), pytest.raises(store.RunError, match=said):
        store.lock(tmp_path / "new")
    with store.lock(tmp_path / "new"):
        pass


def test_folder_with_a_foreign_table_is_refused(tmp_path):
    """A table that this package did not begin is not mixed with ours."""
    (tmp_path / "nuclei.parquet").mkdir()
    with pytest.raises(store.RunError, match=r"without run\.json"):
        store.begin(tmp_path, SETTINGS, FRAMES)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"run"', "\x00"])
def test_damaged_run_json_is_named(tmp_path, text):
    """A run.json that cannot be read is one line with the file's name and the cure."""
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(store.RunError, match=r"run\.json is damaged: choose another") as caught:
        store.begin(tmp_path, SETTINGS, FRAMES)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("how", ["missing", "cut", "other columns"])
def test_damaged_list_of_frames_is_named(tmp_path, how):
    """A list that cannot be read is one line with the file's name and the cure."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    path = tmp_path / "files.parquet"
    if how == "missing":
        path.unlink()
    elif how == "cut":
        path.write_bytes(path.read_bytes()[:-20])
    else:
        pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(store.RunError, match=r"files\.parquet is missing or damaged: choose"):
        store.begin(tmp_path, SETTINGS, FRAMES)


def test_begin_clears_what_a_killed_run_left(tmp_path):
    """Half-written files go; whole parts stay."""
    store.begin(tmp_path, SETTINGS, FRAMES)
    store.write_part(tmp_path, 0, table(1), frames=2)
    stale = tmp_path / "nuclei.parquet" / ".part-00001.parquet.123.part"
    stale.write_bytes(b"half")
    assert len(pd.read_parquet(tmp_path / "nuclei.parquet")) == 1
    store.begin(tmp_path, SETTINGS, FRAMES)
    assert not stale.exists()
    assert store.part_path(tmp_path, 0).exists()


def test_failed_write_leaves_nothing(tmp_path, monkeypatch):
    """A disk that fills up in the middle of a part leaves neither a part nor a half one."""

    def full_disk(arrow, path):
        path.write_bytes(b"PAR1 half")
        raise OSError(errno.ENOSPC, "No space left on device")

    store.begin(tmp_path, SETTINGS, FRAMES)
    monkeypatch.setattr(store.pq, "write_table", full_disk)
    with pytest.raises(store.RunError, match=r"^There is no room left in .*No space left.*--out"):
        store.write_part(tmp_path, 0, table(2), frames=2)
    assert list((tmp_path / "nuclei.parquet").iterdir()) == []


def test_skipped_csv_comes_and_goes(tmp_path):
    """The list is written where frames were skipped, and removed where none was."""
    store.write_skipped(tmp_path, [("a, b.tif", 'says "no"'), ("ä.tif", "why")])
    result = pd.read_csv(tmp_path / "skipped.csv")
    assert list(result["file"]) == ["a, b.tif", "ä.tif"]
    assert list(result["reason"]) == ['says "no"', "why"]
    store.write_skipped(tmp_path, [])
    assert not (tmp_path / "skipped.csv").exists()


@pytest.mark.parametrize("size", [0.1625, None])
def test_labels_are_ome_zarr(tmp_path, size):
    """Axes, pixel size, one chunk per frame, one shard per batch; a second call keeps pixels."""
    store.create_labels(tmp_path, (5, 8, 6), shard=2, pixel_size=size)
    store.write_labels(tmp_path, 2, np.full((2, 8, 6), 4, np.int32))
    store.create_labels(tmp_path, (5, 8, 6), shard=2, pixel_size=size)
    group = zarr.open_group(tmp_path / "labels.ome.zarr", mode="r")
    array = group["0"]
    assert (array.chunks, array.shards, array.dtype) == ((1, 8, 6), (2, 8, 6), np.int32)
    assert [int(plane.max()) for plane in array[:]] == [0, 0, 4, 4, 0]
    ome = json.loads((tmp_path / "labels.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert ome["version"] == "0.5"
    image = ome["multiscales"][0]
    assert [axis["name"] for axis in image["axes"]] == ["t", "y", "x"]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [1.0, size or 1, size or 1]  # no size: pixels, and so no unit
    assert [axis.get("unit") for axis in image["axes"]] == [None, *2 * [size and "micrometer"]]


@pytest.mark.napari
def test_labels_open_with_ome_zarr_py(tmp_path):
    """ome-zarr-py finds the image."""
    reader = pytest.importorskip(
        "ome_zarr.reader", reason="ome-zarr-py is not installed: make napari"
    )
    from ome_zarr.io import parse_url

    store.create_labels(tmp_path, (3, 8, 6), shard=2)
    store.write_labels(tmp_path, 0, np.full((2, 8, 6), 7, np.int32))
    nodes = list(reader.Reader(parse_url(tmp_path / "labels.ome.zarr"))())
    assert nodes[0].data[0].shape == (3, 8, 6)
    assert int(nodes[0].data[0][1].max()) == 7


def test_schema_is_that_of_the_batch(tmp_path):
    """The columns of stack.batch are those of the store."""
    assert list(stack._empty()) == store.SCHEMA.names
