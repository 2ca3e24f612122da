import errno
import json

import numpy as np
import pandas as pd
import pytest
import zarr

from segkit import stack, store

QUESTION = {"method": "tutorial", "batch": 2}


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
    store.begin(tmp_path, QUESTION)
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
    store.begin(tmp_path, QUESTION)
    path = store.part_path(tmp_path, 0)
    if how == "cut":
        store.write_part(tmp_path, 0, table(50), frames=2)
        path.write_bytes(path.read_bytes()[:-20])
    elif how == "empty":
        path.touch()
    elif how == "foreign":
        pd.DataFrame({"a": [1]}).to_parquet(path)
    assert store.read_note(path) is None


def test_another_question_is_refused(tmp_path):
    """The message says what the folder holds, and nothing in it changes."""
    store.begin(tmp_path, QUESTION)
    store.begin(tmp_path, QUESTION)
    before = (tmp_path / "run.json").read_bytes()
    with pytest.raises(store.RunError, match="method=tutorial; choose another --out"):
        store.begin(tmp_path, {**QUESTION, "method": "otsu"})
    assert (tmp_path / "run.json").read_bytes() == before


def test_a_question_with_one_word_more_or_less_is_another(tmp_path):
    """A run that says what the other leaves out is refused, whichever came first."""
    more = {**QUESTION, "device": "gpu"}
    for name, (first, second) in {"a": (QUESTION, more), "b": (more, QUESTION)}.items():
        store.begin(tmp_path / "new" / name, first)  # folders that are not there yet are made
        with pytest.raises(store.RunError, match=r"device=(None|gpu); choose another --out"):
            store.begin(tmp_path / "new" / name, second)


def test_folder_with_a_foreign_table_is_refused(tmp_path):
    """A table that this package did not begin is not mixed with ours."""
    (tmp_path / "nuclei.parquet").mkdir()
    with pytest.raises(store.RunError, match=r"without run\.json"):
        store.begin(tmp_path, QUESTION)


def test_damaged_run_json_is_named(tmp_path):
    """A run.json that cannot be read is an error with the file's name."""
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(store.RunError, match=r"run\.json"):
        store.begin(tmp_path, QUESTION)


def test_begin_clears_what_a_killed_run_left(tmp_path):
    """Half-written files go; whole parts stay."""
    store.begin(tmp_path, QUESTION)
    store.write_part(tmp_path, 0, table(1), frames=2)
    stale = tmp_path / "nuclei.parquet" / ".part-00001.parquet.host.123.part"
    stale.write_bytes(b"half")
    assert len(pd.read_parquet(tmp_path / "nuclei.parquet")) == 1
    store.begin(tmp_path, QUESTION)
    assert not stale.exists()
    assert store.part_path(tmp_path, 0).exists()


def test_failed_write_leaves_nothing(tmp_path, monkeypatch):
    """A disk that fills up in the middle of a part leaves neither a part nor a half one."""

    def full_disk(arrow, path):
        path.write_bytes(b"PAR1 half")
        raise OSError(errno.ENOSPC, "No space left on device")

    store.begin(tmp_path, QUESTION)
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


def test_labels_are_ome_zarr(tmp_path):
    """Axes, pixel size, one chunk a frame, one shard a batch; a second call keeps the pixels."""
    store.create_labels(tmp_path, (5, 8, 6), shard=2)
    store.write_labels(tmp_path, 2, np.full((2, 8, 6), 4, np.int32))
    store.create_labels(tmp_path, (5, 8, 6), shard=2)
    group = zarr.open_group(tmp_path / "labels.ome.zarr", mode="r")
    array = group["0"]
    assert (array.chunks, array.shards, array.dtype) == ((1, 8, 6), (2, 8, 6), np.int32)
    assert [int(plane.max()) for plane in array[:]] == [0, 0, 4, 4, 0]
    ome = json.loads((tmp_path / "labels.ome.zarr" / "zarr.json").read_text())["attributes"]["ome"]
    assert ome["version"] == "0.5"
    image = ome["multiscales"][0]
    assert [axis["name"] for axis in image["axes"]] == ["t", "y", "x"]
    scale = image["datasets"][0]["coordinateTransformations"][0]["scale"]
    assert scale == [1.0, 0.645, 0.645]


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
