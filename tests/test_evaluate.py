"""Tests of scoring folders of frames and other people's label images."""

import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from PIL import Image

from segkit import data, evaluate, labelfiles, score, simulate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder of eight simulated frames, the second of them rewritten without nuclei."""
    folder = simulate.write(tmp_path_factory.mktemp("frames"), frames=8, seed=5)
    mask = data.masks(folder)[1]
    picture = np.asarray(Image.open(mask)).copy()
    picture[..., 0] = 0
    Image.fromarray(picture).save(mask)
    return folder


@pytest.fixture(scope="module")
def truth(folder):
    """Return the true labels of all frames, sorted."""
    return [labelfiles.read_truth(mask) for mask in data.masks(folder)]


@pytest.fixture(scope="module")
def spoilt(truth):
    """Return labels with as many nuclei removed as the frame's number in the order says."""
    return [np.where(labels > i, labels, 0).astype(np.uint16) for i, labels in enumerate(truth)]


def wanted(truth, labels):
    """Average F1 of each frame, computed without files."""
    return [score.report(t, s)["averageF1"] for t, s in zip(truth, labels, strict=True)]


def check(table, folder, truth, spoilt):
    """Compare a table of all frames with what the arrays give."""
    assert table["file"].tolist() == data.split(folder, "all")
    assert np.allclose(table["averageF1"], wanted(truth, spoilt), equal_nan=True)
    assert table["cpu_ms"].isna().all()


def test_a_folder_of_label_images_is_matched_by_name(folder, truth, spoilt, tmp_path):
    """TIFF and PNG files side by side, Cellpose's ending included, are found by their stems."""
    for i, (stem, labels) in enumerate(zip(data.split(folder, "all"), spoilt, strict=True)):
        if i % 2:
            tifffile.imwrite(tmp_path / f"{stem}.tif", labels.astype(np.float32))
        else:
            Image.fromarray(labels).save(tmp_path / f"{stem}_cp_masks.png")
    table = evaluate.evaluate(folder, split="all", labels=tmp_path)
    check(table, folder, truth, spoilt)
    # One frame of the eight has no true nuclei, and nothing was found there: it has no F1.
    assert table["averageF1"].isna().sum() == 1


def test_a_stack_follows_the_sorted_order(folder, truth, spoilt, tmp_path):
    """A TIFF stack and a Zarr array, plain or inside an OME-Zarr, give the same table."""
    stack = np.stack(spoilt)
    tifffile.imwrite(tmp_path / "stack.tif", stack)
    zarr.create_array(tmp_path / "plain.zarr", data=stack)
    group = zarr.open_group(tmp_path / "ome.zarr", mode="w")
    group.create_array("labels/nuclei/0", data=stack)
    for name in ("stack.tif", "plain.zarr", "ome.zarr", "ome.zarr/labels/nuclei"):
        check(evaluate.evaluate(folder, split="all", labels=tmp_path / name), folder, truth, spoilt)


def test_a_stack_of_the_whole_folder_serves_any_split(folder, spoilt, tmp_path):
    """A split takes its own frames out of a stack of all, and a stack of its own as it is."""
    stems = data.split(folder, "all")
    part = data.split(folder, "training")
    assert 1 <= len(part) < len(stems)
    rows = [stems.index(stem) for stem in part]
    tifffile.imwrite(tmp_path / "all.tif", np.stack(spoilt), photometric="minisblack")
    own = np.stack([spoilt[i] for i in rows])
    tifffile.imwrite(tmp_path / "part.tif", own, photometric="minisblack")
    whole = evaluate.evaluate(folder, split="training", labels=tmp_path / "all.tif")
    alone = evaluate.evaluate(folder, split="training", labels=tmp_path / "part.tif")
    assert whole["file"].tolist() == part
    pd.testing.assert_frame_equal(whole, alone)


def test_the_masks_themselves_score_one(folder):
    """The data set's own colour masks, entered as labels, are decoded and score 1."""
    table = evaluate.evaluate(folder, split="all", labels=folder / "masks")
    assert table["averageF1"].dropna().eq(1).all()
    assert evaluate.summary(table).endswith(
        "frames=8 averageF1=1.0000 F1@0.5=1.0000 F1@0.7=1.0000 F1@0.9=1.0000"
    )


def test_a_method_is_run_and_timed(folder):
    """A function of one's own and a method by name are scored; the time is recorded."""

    def nothing(image):
        return np.zeros(image.shape, dtype=int)

    table = evaluate.evaluate(folder, split="all", method=nothing)
    assert table["averageF1"].dropna().eq(0).all()
    assert table["averageF1"].isna().sum() == 1
    otsu = evaluate.evaluate(folder, split="validation", method="otsu")
    assert otsu["averageF1"].mean() > 0.3
    assert (otsu["cpu_ms"] > 0).all()


def test_an_object_in_an_empty_field_counts_zero(folder, truth):
    """In the field without true nuclei one wrong object brings 0, and the mean falls."""
    frames = iter([truth[0], *truth])  # the first call only warms up

    def wrong(image):
        labels = next(frames).copy()
        labels[:5, :5] = labels.max() + 1
        return labels

    table = evaluate.evaluate(folder, split="all", method=wrong)
    assert table["averageF1"].iloc[1] == 0
    assert table["averageF1"].notna().all()
    assert evaluate.aggregate(table)["worst"].eq(0).all()


def test_the_summary_is_the_mean_over_frames(folder, truth, spoilt, tmp_path):
    """The closing line holds the mean of the frames' F1, and the worst frame is named."""
    tifffile.imwrite(tmp_path / "stack.tif", np.stack(spoilt))
    table = evaluate.evaluate(folder, split="all", labels=tmp_path / "stack.tif")
    text = evaluate.summary(table)
    last = dict(pair.split("=") for pair in text.splitlines()[-1].split())
    assert list(last) == ["frames", "averageF1", "F1@0.5", "F1@0.7", "F1@0.9"]
    assert last["frames"] == "8"
    assert float(last["averageF1"]) == pytest.approx(np.nanmean(wanted(truth, spoilt)), abs=5.1e-5)
    assert table.loc[table["averageF1"].idxmin(), "file"] in text
    assert len(evaluate.aggregate(table)) == 9


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda p, s: None, "has no label image for"),
        (
            lambda p, s: [
                tifffile.imwrite(p / f"{s}{e}.tif", np.ones((3, 3))) for e in ["_a", "_b"]
            ],
            "holds 2 label images for",
        ),
        (lambda p, s: tifffile.imwrite(p / f"{s}.tif", np.ones((3, 3), int)), r"shape \(3, 3\)"),
        (lambda p, s: (p / f"{s}.tif").write_bytes(b"no TIFF"), "cannot be read"),
        (lambda p, s: (p / f"{s}.png").write_bytes(b"no PNG"), "cannot be read"),
        (
            lambda p, s: Image.fromarray(np.full((520, 696, 3), 9, np.uint8)).save(p / f"{s}.png"),
            "colour picture",
        ),
    ],
)
def test_label_folders_that_do_not_fit_are_refused(folder, tmp_path, write, message):
    """Missing, doubled, foreign or damaged files end in one line that names the frame."""
    stem = data.split(folder, "all")[0]
    for path in (folder / "masks").iterdir():
        if path.stem != stem:
            (tmp_path / path.name).write_bytes(path.read_bytes())
    write(tmp_path, stem)
    with pytest.raises(ValueError, match=message) as caught:
        evaluate.evaluate(folder, split="all", labels=tmp_path)
    assert stem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_stacks_and_names_that_do_not_fit_are_refused(folder, tmp_path):
    """A stack of the wrong length, an unclear Zarr, no such path or method: one line each."""
    tifffile.imwrite(
        tmp_path / "three.tif", np.zeros((3, 520, 696), np.uint8), photometric="minisblack"
    )
    tifffile.imwrite(
        tmp_path / "deep.tif", np.zeros((2, 3, 5, 6), np.uint8), photometric="minisblack"
    )
    group = zarr.open_group(tmp_path / "two.zarr", mode="w")
    group.create_array("a", data=np.zeros(3))
    group.create_array("b", data=np.zeros(3))
    for name, message in {
        "three.tif": "holds 3 label images",
        "deep.tif": "3 axes",
        "two.zarr": "holds a, b",
        "absent": "does not exist",
    }.items():
        with pytest.raises(ValueError, match=message):
            evaluate.evaluate(folder, split="all", labels=tmp_path / name)
    with pytest.raises(ValueError, match="no method 'magic'"):
        evaluate.evaluate(folder, split="all", method="magic")
    with pytest.raises(ValueError, match="either a method or"):
        evaluate.evaluate(folder, split="all")
    with pytest.raises(ValueError, match="either a method or"):
        evaluate.evaluate(folder, split="all", method="otsu", labels=tmp_path)


def test_a_missing_mask_is_named(tmp_path):
    """Without its mask a frame cannot be scored."""
    folder = simulate.write(tmp_path, frames=4, seed=5)
    lost = data.masks(folder)[0]
    lost.unlink()
    with pytest.raises(ValueError, match=lost.name):
        evaluate.evaluate(folder, split="all", method="otsu")
