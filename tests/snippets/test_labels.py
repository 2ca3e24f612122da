"""The snippets that label, measure and score find the nuclei that `own` and others were made of."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile
from PIL import Image
from scipy import ndimage
from skimage.segmentation import clear_border


def assert_labels(found, expected):
    """Compare labels: as many, in the same places, but for a rim one pixel wide."""
    np.testing.assert_array_equal(found.max(axis=(1, 2)), expected.max(axis=(1, 2)))
    rim = ndimage.grey_dilation(expected, (1, 3, 3)) != ndimage.grey_erosion(expected, (1, 3, 3))
    np.testing.assert_array_equal(found[~rim] > 0, expected[~rim] > 0)


def assert_table(table, own, mean):
    """Compare a table with the nuclei of each file: number, area, mean intensity."""
    counts = {f"images/{path.name}": n for path, n in zip(own.paths, own.counts, strict=True) if n}
    assert dict(table.groupby("file").size()) == counts
    areas = [np.bincount(labels.ravel())[1:] for labels in own.labels]
    np.testing.assert_allclose(table["area"], np.concatenate(areas), rtol=0.4)  # the rim
    pairs = zip(own.images, own.labels, strict=True)
    means = [ndimage.mean(*pair, np.arange(1, pair[1].max() + 1)) for pair in pairs]
    np.testing.assert_allclose(table[mean], np.concatenate(means), rtol=0.3)


def test_label_frames(play, own):
    """The labels of each frame begin at 1, and are those of its nuclei."""
    done = play("label_frames")
    assert_labels(done.labels.compute(), own.labels[:5])
    assert done.printed == f"objects in each frame: {own.counts[:5]}"


def test_clear_border(play, own):
    """What touches the edge goes, and nothing else."""
    done = play("clear_border")
    assert_labels(done.labels.compute(), own.labels[:5])
    left = np.stack([clear_border(labels) for labels in own.labels[:5]])
    assert_labels(done.inside.compute(), left)
    counts = [len(np.unique(labels)) - 1 for labels in left]
    assert done.printed == f"all:     {own.counts[:5]}\nnot cut: {counts}"


def test_label_large_image(play, own, tmp_path):
    """Each nucleus has one number, also at the borders of chunks."""
    image, labels = own.scene(5, (1060, 1070))
    tifffile.imwrite(tmp_path / "large.tif", image, tile=(256, 256))
    done = play("label_large_image")
    assert done.image.numblocks == (2, 2)
    assert done.alone > done.count == labels.max() > 200
    inside = (labels > 0) & (done.labels > 0)
    pairs = np.unique([labels[inside], done.labels[inside]], axis=1)
    assert pairs.shape[1] == done.count


def test_label_tiles(play, own, tmp_path):
    """Tiles give the labels and the table of the image in one piece, however large an object is."""
    image, _ = own.scene(5, (1100, 1150))
    row, column = np.indices(image.shape)
    for y, x, radius in [(500, 1012, 14), (500, 1034, 14), (1020, 990, 110)]:  # a pair, and a giant
        image[np.hypot(row - y, column - x) < radius] = 20_000
    tifffile.imwrite(tmp_path / "large.tif", image, tile=(256, 256))
    done = play("label_tiles")
    whole = done.segment(image)
    place = np.arange(image.size).reshape(image.shape) + 1
    names = ndimage.minimum(place, whole, np.arange(whole.max() + 1)).astype(int)
    names[0] = 0
    np.testing.assert_array_equal(done.labels[:], names[whole])
    table = pd.read_parquet("nuclei.parquet").sort_values("label")
    index = 1 + np.argsort(names[1:])
    assert table["label"].tolist() == names[index].tolist()
    assert table["area"].tolist() == np.bincount(whole.ravel())[index].tolist()
    centres = ndimage.center_of_mass(np.ones(image.shape), whole, index)
    np.testing.assert_allclose(table[["row", "column"]], centres)
    np.testing.assert_allclose(table["mean_intensity"], ndimage.mean(image, whole, index))
    assert whole[500, 1012] != whole[500, 1034] > 0
    assert done.printed == f"{len(table)} nuclei in 4 tiles; widest margin 256 pixels"
    with pytest.raises(FileExistsError, match=r"nuclei\.parquet"):
        play("label_tiles")
    tifffile.imwrite(tmp_path / "large.tif", image[:45, 200:])  # above the first nuclei
    with pytest.raises(AssertionError, match=r"large\.tif seems to hold noise alone"):
        play("label_tiles")


def test_label_volume(play, tmp_path):
    """Bodies across several chunks of planes have their volumes and means."""
    light = np.random.default_rng(0).normal(1500, 30, (40, 80, 120))
    light[5:20, 10:30, 10:30] += 8000
    light[10:30, 10:30, 50:70] += 10_000
    light[25:38, 50:75, 50:75] += 12_000
    tifffile.imwrite(tmp_path / "volume.tif", light.astype("uint16"))
    done = play("label_volume")
    assert done.volume.numblocks == (3, 1, 1)
    voxels = np.array([15 * 20 * 20, 20 * 20 * 20, 13 * 25 * 25])
    np.testing.assert_allclose(done.table["volume_um3"], voxels * 2 * 0.65**2, rtol=0.05)
    np.testing.assert_allclose(done.table["mean_intensity"], [9500, 11_500, 13_500], rtol=0.05)


def test_measure_properties(play, own):
    """All nuclei are measured, and are round."""
    done = play("measure_properties")
    assert_table(done.table, own, "intensity_mean")
    assert done.printed.startswith(f"{sum(own.counts)} nuclei in 6 frames")
    assert done.table["solidity"].min() > 0.9


def test_measure_second_channel(play, own, tmp_path):
    """In the nuclei of one channel, the other has its signal above the background."""
    signal = 700 + 100 * ndimage.grey_dilation(own.labels, (1, 9, 9))
    channels = np.stack([own.images, signal.astype("uint16")], axis=1)
    own.write(channels, imagej=True, metadata={"axes": "CYX"})
    table = play("measure_second_channel").table
    assert [len(part) for _, part in table.groupby("file")] == [8, 9, 10, 11, 13]
    np.testing.assert_allclose(table["intensity_mean"], 100 * table["label"])
    pd.testing.assert_frame_equal(pd.read_parquet("nuclei.parquet"), table)
    tifffile.imwrite(own.paths[2], own.images[:2], imagej=True, metadata={"axes": "TYX"})
    with pytest.raises(AssertionError, match=r"scan \[2\].*axes TYX, not channels"):
        play("measure_second_channel")


def test_own_folder(play, own, capsys):
    """It asks for the width of a nucleus; with that it finds all, and draws three frames."""
    with pytest.raises(ValueError, match="Set DIAMETER"):
        play("own_folder")
    code = Path(__file__).parents[2].joinpath("snippets", "own_folder.py").read_text("utf-8")
    exec(code.replace("DIAMETER = None", "DIAMETER = '22 px'"), {"__name__": "__main__"})
    counts = pd.read_csv("results/frames.csv").set_index("file")["nuclei"]
    assert [counts[path.name] for path in own.paths] == own.counts
    assert f"{sum(own.counts)} nuclei in 6 frames of 6 files, 0 skipped" in capsys.readouterr().out
    assert Path("results", "outlines.png").is_file()


def test_skip_bad_files(play, own):
    """Files that cannot be measured are listed with the reason, and all others are measured."""
    cut, several, colour = own.paths[1:4]
    cut.write_bytes(cut.read_bytes()[:60_000])
    tifffile.imwrite(several, own.images[2], append=True)
    tifffile.imwrite(colour, np.zeros((20, 30, 3), np.uint8), photometric="rgb")
    done = play("skip_bad_files")
    assert done.skipped["file"].tolist() == [f"images/{path.name}" for path in own.paths[1:4]]
    assert done.skipped["error"].iloc[1].endswith("its shape is (2, 230, 310)")
    assert done.skipped["error"].iloc[2].endswith("its shape is (20, 30, 3)")
    written = pd.read_parquet("nuclei.parquet")
    counts = written[written["error"].isna()].groupby("file").size().tolist()
    assert counts == [own.counts[number] for number in (0, 5)]
    assert done.printed.startswith(f"{sum(counts)} nuclei in 3 files\nskipped images/scan [1]")


def test_files_to_parquet_goes_on(play, own):
    """The table has all nuclei; a second run does what is left or has changed."""
    done = play("files_to_parquet")
    assert_table(table := pd.read_parquet("nuclei.parquet"), own, "mean_intensity")
    sums = table.groupby("file")["area"].agg(["count", "mean", "max"])
    found = play("summarise_parquet").files
    np.testing.assert_array_equal(found.loc[sums.index], sums)
    assert done.printed == f"2 of 2 batches were left to do; {sum(own.counts)} nuclei"
    assert play("files_to_parquet").printed.startswith("0 of 2 batches")
    done.parts[0].unlink()
    shutil.copyfile(own.paths[0], own.paths[5])  # of the same size
    own.counts[5] = own.counts[0]
    again = play("files_to_parquet")
    assert again.printed == f"2 of 2 batches were left to do; {sum(own.counts)} nuclei"
    own.paths[5].unlink()
    assert play("files_to_parquet").printed.endswith(f"; {sum(own.counts[:5])} nuclei")
    assert list(Path("parts").glob(".*.tmp")) == []


def test_corrected_labels(play, own):
    """Rows of a corrected frame are replaced by those of its new labels; all others stay."""
    play("files_to_parquet")
    labels, second = own.labels[3], own.paths[3].name
    labels[labels == 2] = 0  # removed
    labels[labels == 5] = 4  # two pieces of one number
    labels[:6, 290:] = 20  # new
    Path("corrected").mkdir()
    tifffile.imwrite(Path("corrected", second), labels.astype("uint16"))
    done = play("corrected_labels")
    assert done.printed.startswith(f"{second}: 11 nuclei before, 10 now\n")
    assert done.printed.endswith("pieces, each measured as one: [4]")
    table, before = map(pd.read_parquet, ("corrected.parquet", "nuclei.parquet"))
    rows = table[table["file"] == second]
    assert rows["label"].tolist() == [1, 3, 4, 6, 7, 8, 9, 10, 11, 20]
    assert rows["area"].tolist() == np.bincount(labels.ravel())[rows["label"]].tolist()
    assert rows["mean_intensity"].iloc[-1] == pytest.approx(own.images[3][:6, 290:].mean())
    others = before[~before["file"].str.endswith(second)]
    assert table[table["file"] != second]["area"].tolist() == others["area"].tolist()


def test_crop_nuclei(play, own):
    """Each crop holds its nucleus and nothing else, in its middle."""
    done = play("crop_nuclei")
    assert done.printed == f"{own.counts[0]} crops of 64 x 64 pixels; 0 nuclei are larger"
    sums = ndimage.sum_labels(own.images[0], done.labels, np.arange(1, own.counts[0] + 1))
    np.testing.assert_array_equal(done.crops.sum(axis=(1, 2)), sums)
    for crop in done.crops:
        np.testing.assert_allclose(ndimage.center_of_mass(crop > 0), 32, atol=0.5)


def test_score_labels(play, own, tmp_path, monkeypatch):
    """Perfect labels score 1; without two nuclei of one frame, that frame is the worst."""
    monkeypatch.chdir(tmp_path)
    Path("masks").mkdir()
    Path("labels").mkdir()
    for number, (path, labels) in enumerate(zip(own.paths, own.labels, strict=True)):
        Image.fromarray(labels.astype("uint16")).save(Path("masks", f"{path.stem}.png"))
        found = np.where(labels > 2, labels, 0) if number == 3 else labels
        tifffile.imwrite(Path("labels", path.name), found.astype("uint16"))
    done = play("score_labels")
    expected = [1, 1, 1, 2 * 9 / (9 + 11), np.nan, 1]
    np.testing.assert_allclose(done.table["averageF1"], expected)
    assert "true=51 found=49 missed=2 extra=0 split=0 merged=0" in done.printed
    assert done.frame.name == own.paths[3].name
    assert Path("errors.png").stat().st_size > 20_000
