"""The snippets that label, measure and score count every nucleus, and count it once."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import tifffile
from scipy import ndimage
from skimage.measure import regionprops_table

from segkit import data, frame, reading, score


@pytest.fixture(scope="session")
def tables(files):
    """Return the table of each frame, made by a plain loop."""
    images = [tifffile.imread(path) for path in files]
    return [frame.measure(image, frame.segment(image)) for image in images]


def test_count_nuclei(play, folder, tables, tmp_path):
    """The objects of the first three images are counted, as a plain loop counts them."""
    shutil.copytree(folder / "images", tmp_path / "images")
    done = play("count_nuclei")
    assert done.printed == f"{[len(table) for table in tables[:3]]} objects"


def test_label_frames(play, files):
    """The labels of each frame begin at 1, and are those of SciPy."""
    labels = play("label_frames").labels.compute()
    for path, found in zip(files, labels, strict=False):
        mask = ndimage.gaussian_filter(tifffile.imread(path), 1) > 300
        np.testing.assert_array_equal(found, ndimage.label(mask)[0])


def test_label_large_image(play):
    """As many objects as SciPy finds in one piece, fewer than the chunks have apart."""
    done = play("label_large_image")
    expected, count = ndimage.label(done.mask.compute())
    assert done.count == count < done.alone
    pairs = np.unique(np.stack([expected.ravel(), done.labels.ravel()]), axis=1)
    assert pairs.shape[1] == count + 1  # each object has one number, and each number one object


def test_measure_properties(play, files):
    """The table is that of scikit-image, frame by frame."""
    table = play("measure_properties").table
    assert table["file"].unique().tolist() == [path.name for path in files[:10]]
    image = tifffile.imread(files[3])
    labels = frame.segment(image, method="watershed")
    expected = regionprops_table(labels, image, properties=("label", "eccentricity"))
    found = table[table["file"] == files[3].name]
    assert len(found) > 20
    np.testing.assert_allclose(found["eccentricity"], expected["eccentricity"])


def test_crop_nuclei(play):
    """Each crop holds the pixels of its nucleus, where it is not larger than the crop."""
    done = play("crop_nuclei")
    sums = ndimage.sum_labels(done.image, done.labels, done.index)
    boxes = ndimage.find_objects(done.labels)
    small = [all(side.stop - side.start < 32 for side in box) for box in boxes]
    assert sum(small) > 30
    np.testing.assert_array_equal(done.crops.sum(axis=(1, 2))[small], sums[small])


def test_table_per_file(play, tables):
    """Four files, and the nuclei of each."""
    done = play("table_per_file")
    assert done.printed == f"{sum(map(len, tables[:4]))} objects"
    assert done.table["area"].tolist() == pd.concat(tables[:4])["area"].tolist()


@pytest.mark.parametrize("snippet", ["table_per_file", "delayed_table", "files_to_parquet"])
def test_tables_keep_equal_names_apart(play, files, tmp_path, monkeypatch, snippet):
    """Plates with equal names give a name of its own to each file, by its sub-folder."""
    for well, path in zip("AB", files, strict=False):
        (tmp_path / well).mkdir()
        shutil.copy(path, tmp_path / well / "f0.tif")
    monkeypatch.setattr(data, "locate", lambda: tmp_path)
    monkeypatch.setattr(data, "images", lambda folder: sorted(folder.glob("[AB]/*.tif")))
    done = play(snippet)
    table = done.nuclei if snippet == "files_to_parquet" else done.table
    assert table["file"].unique().tolist() == ["A/f0.tif", "B/f0.tif"]


@pytest.mark.parametrize(
    "snippet",
    [
        "files_to_parquet",
        "frame_statistics",
        "label_large_image",
        "map_overlap_filter",
    ],
)
def test_files_of_several_pages_are_refused(play, own, stack, snippet):
    """A page is not taken for the file: the error has the file's name."""
    folder = own(stack[:5])
    several = data.images(folder)[0]
    tifffile.imwrite(several, stack[1], append=True)
    with pytest.raises(reading.FrameError, match=several.name):
        play(snippet, folder)


@pytest.mark.parametrize("snippet", ["label_frames", "label_large_image", "frame_statistics"])
def test_brackets_in_the_path_are_no_wildcard(play, own, stack, snippet):
    """A folder with [ ] in its name is read, which a pattern would not find."""
    folder = own(stack[5:10], parent="plate [1]")
    np.testing.assert_array_equal(play(snippet, folder).images, stack[5:10])


def test_files_to_parquet_goes_on(play, own, stack, tables):
    """A second run does what is left or has changed; a file that has gone is in no table."""
    folder, counts = own(stack), [len(table) for table in tables]
    files, done = data.images(folder), play("files_to_parquet", folder)
    assert done.printed == f"3 of 3 batches were left to do; {sum(counts)} nuclei"
    kept = done.parts[0].stat().st_mtime_ns
    done.parts[1].unlink()
    shutil.copyfile(files[0], files[11])  # of the same size
    counts[11] = counts[0]
    again = play("files_to_parquet", folder)
    assert again.printed == f"2 of 3 batches were left to do; {sum(counts)} nuclei"
    assert done.parts[0].stat().st_mtime_ns == kept
    files[7].unlink()
    assert play("files_to_parquet", folder).printed.startswith("2 of 3 batches were left to do")
    written = pd.read_parquet("build/snippets/nuclei.parquet")
    assert len(written) == sum(counts) - counts[7]
    assert f"images/{files[7].name}" not in set(written["file"])


def test_summarise_parquet(play, files):
    """The count of each frame is that of its nuclei."""
    frames = play("summarise_parquet").frames
    image = tifffile.imread(files[0])
    table = frame.measure(image, frame.segment(image, method="otsu"))
    row = frames.loc[files[0].name]
    assert (row["area_count"], row["area_max"]) == (len(table), table["area"].max())
    assert row["area_mean"] == pytest.approx(table["area"].mean())
    note = json.loads((files[0].parents[1] / "metadata" / "simulated.json").read_text())
    assert len(frames) <= note["frames"] == 12


def test_split_touching(play, folder, files, tmp_path):
    """Touching nuclei are counted apart, and nothing is found in a frame of noise."""
    images = tmp_path / "images"
    shutil.copytree(folder / "images", images)
    noise = np.random.default_rng(0).normal(155, 5, tifffile.imread(files[0]).shape)
    tifffile.imwrite(images / "zz.tif", noise.astype(np.uint16))
    done = play("split_touching")
    truth = [score.read_truth(path).max() for path in data.masks(folder)]
    otsu = [frame.segment(tifffile.imread(path), method="otsu").max() for path in files]
    *counts, empty = done.counts
    assert empty == 0
    assert np.abs(np.subtract(counts, truth)).sum() < np.abs(np.subtract(otsu, truth)).sum() / 2
    assert done.printed == f"{done.counts} objects per frame"


def test_split_touching_names_the_pattern(play):
    """Where there is no image, the error says what was looked for."""
    with pytest.raises(ValueError, match=r"No files found under name images/\*\.tif"):
        play("split_touching")


def test_score_labels(play, folder):
    """The closing line has the score of the labels in the folder."""
    done = play("score_labels")
    truths = [score.read_truth(folder / "masks" / f"{stem}.png") for stem in done.table["file"]]
    labels = [tifffile.imread(done.results / f"{stem}.tif") for stem in done.table["file"]]
    scores = [score.f1(*pair).mean() for pair in zip(truths, labels, strict=True)]
    np.testing.assert_allclose(done.table["averageF1"], scores)
    assert f"averageF1={np.mean(scores):.4f}" in done.printed.splitlines()[-1]


def test_show_errors(play):
    """Each nucleus and each object has one fate; the picture is written."""
    done = play("show_errors")
    rows = [row.split() for row in done.printed.splitlines()]
    assert sum(int(row[1]) for row in rows) == done.truth.max()
    assert sum(int(row[3]) for row in rows) == done.labels.max()
    assert done.path.stat().st_size > 50_000
