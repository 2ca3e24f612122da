"""Tests of scoring label images: the measures, the labels of others, and the files."""

import re
import shutil
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from made import damaged
from PIL import Image

from segkit import SegkitError, run, score

# ---- Measures on one frame

SQUARES = np.kron(np.arange(1, 13).reshape(3, 4), np.pad(np.ones((10, 10), int), 5))


def brute_force(truth, labels):
    """IoU of every pair, one pair at a time."""
    rows, columns = ([n for n in np.unique(image) if n] for image in (truth, labels))
    pairs = [(truth == t, labels == c) for t in rows for c in columns]
    iou = [(one & other).sum() / (one | other).sum() for one, other in pairs]
    return np.reshape(iou, (len(rows), len(columns)))


def brute_f1(iou, threshold):
    """F1 from its definition, with true positives counted pair by pair."""
    hits = sum(1 for row in iou if any(value > threshold for value in row))
    return 2 * hits / (2 * hits + (iou.shape[0] - hits) + (iou.shape[1] - hits))


small = arrays(int, (5, 6), elements=st.sampled_from([0, 0, 2, 3, 9, 40]))


@given(small, st.one_of(small, st.integers(0, 3)))
def test_match_and_f1_agree_with_loops(truth, other):
    """One histogram gives the IoU of a loop over all pairs, and F1 is what its formula says."""
    labels = np.roll(truth, 1 + other, axis=0) * 7 if np.isscalar(other) else other
    iou = brute_force(truth, labels)
    np.testing.assert_allclose(score.match(truth, labels), iou)
    if iou.shape != (0, 0):
        wanted = [brute_f1(iou, t) for t in score.THRESHOLDS]
        np.testing.assert_allclose(score.f1(truth, labels), wanted)


upper = np.arange(SQUARES.shape[0])[:, None] % 20 < 10


@pytest.mark.parametrize(
    ("labels", "errors", "average"),
    [
        (np.where(SQUARES, 5000 - 13 * SQUARES, 0), (0, 0, 0, 0, 0), 1),
        (np.where(SQUARES > 9, 0, SQUARES), (-3, 3, 0, 0, 0), 18 / 21),
        (np.where(np.isin(SQUARES, [2, 4]), SQUARES - 1, SQUARES), (-2, 4, 2, 0, 2), 16 / 22),
        (np.where(upper & (SQUARES < 3), 20 * SQUARES, SQUARES), (2, 2, 4, 2, 0), 20 / 26),
        (np.roll(SQUARES, 1, axis=1), (0, 0, 0, 0, 0), 7 / 9),  # an IoU of 90 / 110
        (np.roll(SQUARES, 4, axis=1), (0, 12, 12, 0, 0), 0),
    ],
    ids=["renumbered", "removed", "merged", "split", "shifted", "shifted far"],
)
def test_planted_errors_are_counted(labels, errors, average):
    """The report counts what was done to twelve squares, and F1 is what follows from it."""
    measures = score.report(SQUARES, labels)
    names = ("count_error", "missed", "extra", "split", "merged")
    assert tuple(measures[name] for name in names) == errors
    assert measures["averageF1"] == pytest.approx(average)
    assert np.isnan(measures["mean_iou"]) == (average == 0)  # no pair


@given(st.sets(st.integers(2**53, 2**64 - 1), min_size=2, max_size=12))
def test_large_labels_stay_apart(numbers):
    """Each 64-bit label is an object of its own, also where floats cannot tell them apart."""
    labels = np.array([[*numbers, 0, *numbers]], dtype=np.uint64)
    truth = np.array([[*range(1, len(numbers) + 1), 0, *range(1, len(numbers) + 1)]])
    assert score.report(truth, labels)["found"] == len(numbers)
    assert score.f1(truth, labels)[0] == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.zeros((4, 5), dtype=int), r"shape \(4, 5\), .* at its full size$"),
        (np.ones((3, 4, 4), dtype=int), r"shape \(3, 4, 4\), .* one label image"),
        (np.ones((4, 4), dtype=bool), "number its objects"),
        (np.full((4, 4), 0.5), "give integers"),
        (np.full((4, 4), np.inf), "give integers"),
        (np.full((4, 4), -1), "negative"),
        (np.full((4, 4), "1"), "<U1"),
        (np.full((4, 4), 2**24 + 2, dtype=np.float32), "float32 values"),
    ],
)
def test_other_arrays_than_labels_are_refused(labels, message):
    """Other shapes, masks, fractions and negative labels are refused in one line."""
    with pytest.raises(score.ScoreError, match=message) as caught:
        score.match(np.ones((4, 4), dtype=int), labels)
    assert "\n" not in str(caught.value)


def test_low_thresholds_are_refused():
    """Below 0.5 a nucleus could match twice."""
    with pytest.raises(score.ScoreError, match=r"0\.5 or more"):
        score.f1(SQUARES, SQUARES, [0.3])


# ---- Frames of a folder


def make(folder, stems, *, listed=()):
    """Make a data set of small frames with labels as their 16-bit masks; return it and them."""
    truths = {}
    for part in ("images", "masks", "metadata", "labels"):
        (folder / part).mkdir()
    for number, stem in enumerate(stems, start=1):
        truths[stem] = np.zeros((20, 60), np.uint16)
        for label in range(1, number + 2):
            truths[stem][2 : 4 + number, 4 * label : 4 * label + 3] = label
        tifffile.imwrite(folder / "images" / f"{stem}.tif", truths[stem] * 100 + 7)
        Image.fromarray(truths[stem]).save(folder / "masks" / f"{stem}.png")
    if listed:
        (folder / "metadata" / "validation.txt").write_text("\n".join(listed))
    return folder, truths


def most(image):
    """Label all objects of such a frame but the first."""
    return np.where(image > 200, image // 100, 0)


def save_files(path):
    """Write TIFF and PNG files side by side, half of them with Cellpose's ending."""
    path.mkdir()
    for file in (path.parent / "images").iterdir():
        labels = most(tifffile.imread(file))
        if file.stem in "AC":
            tifffile.imwrite(path / file.name, labels.astype(np.float32))
        else:
            Image.fromarray(labels).save(path / f"{file.stem}_cp_masks.png")


def save_run(path):
    """Let a run write the labels, with the frames in another order than that of their names."""
    files = [path.parent / "images" / f"{stem}.tif" for stem in "DBAC"]
    run.segment(files, path, method=most, labels=True, batch=3, progress=False)


@pytest.mark.parametrize(("save", "inside"), [(save_files, ""), (save_run, "labels.ome.zarr")])
def test_each_form_of_label_images_gives_the_same_table(tmp_path, save, inside):
    """Files by their stems, and the store of a run by its frames, score as the arrays do."""
    folder, truths = make(tmp_path, "ABCD")
    tifffile.imwrite(folder / "images" / "B.tif", (truths["B"] == 1) * np.uint16(100) + 7)
    truths["B"][:] = 0
    Image.fromarray(truths["B"]).save(folder / "masks" / "B.png")
    save(folder / "other")
    table = score.evaluate(folder, split="all", labels=folder / "other" / inside)
    assert table["file"].tolist() == list("ABCD")
    assert table["cpu_ms"].isna().all()
    wanted = [score.f1(one, np.where(one > 1, one, 0)).mean() for one in truths.values()]
    np.testing.assert_allclose(table["averageF1"], wanted)
    assert np.isnan(wanted[1])  # no nucleus there, and no label: no F1
    lines = score.summary(table).splitlines()
    assert lines[-1].startswith(f"frames=4 averageF1={np.nanmean(wanted):.4f} F1@0.5=")
    assert f"worst frame: averageF1={np.nanmin(wanted):.4f} A" in lines


def test_store_without_a_frame_or_a_run_is_refused(tmp_path):
    """Labels of other frames, a Zarr of which nobody knows the order, a damaged store: one line."""
    folder, _ = make(tmp_path, "ABCD")
    save_run(folder / "other")
    store = folder / "other" / "labels.ome.zarr"
    (folder / "images" / "C.tif").rename(folder / "images" / "E.tif")
    (folder / "masks" / "C.png").rename(folder / "masks" / "E.png")
    with pytest.raises(score.ScoreError, match=r"zarr holds no labels of E\.tif: segment all"):
        score.evaluate(folder, split="all", labels=store)
    (store / "0" / "c" / "0" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(score.ScoreError, match=r"zarr cannot be read \(.*\): copy it or save it"):
        score.evaluate(folder, split="all", labels=store)
    (folder / "other" / "files.parquet").unlink()
    with pytest.raises(score.ScoreError, match=r"zarr is not of a segkit run: save one TIFF"):
        score.evaluate(folder, split="all", labels=store)


def test_methods_are_run_and_timed(tmp_path, simulated_frames):
    """A method by name, a function, and the true masks are scored; empty fields count too."""
    masks = score.evaluate(simulated_frames, labels=simulated_frames / "masks")
    closing = "frames=12 averageF1=1.0000 F1@0.5=1.0000 F1@0.7=1.0000 F1@0.9=1.0000"
    assert score.summary(masks).splitlines()[-1] == closing
    otsu = score.evaluate(simulated_frames, method="otsu")
    assert 0.3 < otsu["averageF1"].mean() < 0.9
    assert (otsu["cpu_ms"] > 0).all()
    folder, truths = make(tmp_path, "AB")
    Image.fromarray(truths["B"] * 0).save(folder / "masks" / "B.png")
    table = score.evaluate(folder, split="all", method=lambda image: image // 100)
    assert table["averageF1"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("B01.tif", Path.touch, "no label image for A01: save it as A01.tif or"),
        ("A01_2_cp_masks.tif", Path.touch, "no label image for A01: save it as A01.tif or"),
        ("A01.tif", lambda p: shutil.copy(p.parents[1] / "masks/A01.png", p), "read as TIFF"),
        ("A01.tif", lambda p: Image.new("L", (6, 2)).save(p), r"A01: .* shape \(2, 6\)"),
    ],
)
def test_label_files_that_do_not_fit_are_refused(tmp_path, name, write, message):
    """Missing, damaged or other files end in one line."""
    folder, _ = make(tmp_path, ["A01"])
    write(folder / "labels" / name)
    with pytest.raises(SegkitError, match=message) as caught:
        score.evaluate(folder, split="all", labels=folder / "labels")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "unknown method 'magic': choose "),
        ({}, "give either a method .* or label images"),
        ({"method": "otsu", "labels": "masks"}, "give either a method .* or label images"),
        ({"labels": "stack.tif"}, r"stack\.tif is not a folder: give one with a TIFF or PNG"),
    ],
)
def test_options_that_do_not_fit_are_refused(simulated_frames, options, message):
    """An unknown method, neither of method and labels, or both, are refused."""
    with pytest.raises(score.ScoreError, match=message):
        score.evaluate(simulated_frames, **options)


def test_errors_of_a_method_name_the_frame(tmp_path):
    """So does a result that is not a label image, where the frame is called 1."""
    folder, truths = make(tmp_path, ["1", "B01"])

    def fails(image):
        if image.max() > 300:
            raise ValueError("too bright")
        return np.zeros(image.shape, int)

    with pytest.raises(score.ScoreError, match="B01: too bright"):
        score.evaluate(folder, split="all", method=fails)
    with pytest.raises(score.ScoreError, match=r"^1: <lambda> returned labels from -2 to 0"):
        score.evaluate(folder, split="all", method=lambda image: -truths["1"].astype(int))


@settings(deadline=None, max_examples=40)
@given(
    stems=st.sets(st.from_regex(r"[ABä]1?([_.-][A12])?(_s)?", fullmatch=True), max_size=6),
    ending=st.sampled_from(["", "_cp_masks", "_mask", ".labels", "-seg", " label"]),
    form=st.sampled_from(["NFC", "NFD"]),
)
def test_each_frame_finds_its_own_label_file(stems, ending, form):
    """However names begin alike, each frame is scored with the file of its own name."""
    with tempfile.TemporaryDirectory() as place:
        folder, truths = make(Path(place), {"A", *stems})
        for stem, labels in truths.items():
            name = unicodedata.normalize(form, f"{stem}{ending}.tif")
            tifffile.imwrite(folder / "labels" / name, labels)
        table = score.evaluate(folder, split="all", labels=folder / "labels")
        assert table["averageF1"].eq(1).all()
        next((folder / "labels").iterdir()).unlink()
        with pytest.raises(score.ScoreError, match="no label image for"):
            score.evaluate(folder, split="all", labels=folder / "labels")


def test_the_frames_themselves_are_not_label_images(tmp_path):
    """Cellpose writes its masks beside the images: those are scored, not the images."""
    folder, truths = make(tmp_path, ["A01", "B01"])
    for stem, labels in truths.items():
        Image.fromarray(labels).save(folder / "images" / f"{stem}_cp_masks.png")
    table = score.evaluate(folder, split="all", labels=folder / "images")
    assert table["averageF1"].tolist() == [1, 1]
    shutil.copytree(folder / "images", folder / "copies")
    with pytest.raises(score.ScoreError, match=r"images for A01: keep one of A01\.tif, A01_cp"):
        score.evaluate(folder, split="all", labels=folder / "copies")


def test_listed_frames_that_are_not_there_are_counted(tmp_path):
    """The summary says how many of the listed frames were scored; with none it is an error."""
    folder, _ = make(tmp_path, ["A01", "B01"], listed=["A01.png", "B01.png", "C01.png"])
    table = score.evaluate(folder, method=lambda image: (image > 7).astype(int))
    assert "2 of 3 listed frames are here" in score.summary(table).splitlines()
    (folder / "metadata" / "validation.txt").write_text("C01.png")
    with pytest.raises(score.ScoreError, match=r"no frame of .*validation\.txt: add them, or"):
        score.evaluate(folder, method="otsu")


def test_frames_without_nuclei_have_no_score(tmp_path):
    """Where nothing is to be found and nothing is found, the summary comes all the same."""
    folder, truths = make(tmp_path, ["A"])
    Image.fromarray(truths["A"] * 0).save(folder / "masks" / "A.png")
    table = score.evaluate(folder, split="all", method=lambda image: image // 10_000)
    assert score.summary(table).splitlines()[-1].startswith("frames=1 averageF1=nan F1@0.5=nan")


def test_masks_in_place_of_labels_are_pointed_out(tmp_path):
    """Label images with a single label each get a line in the summary."""
    folder, truths = make(tmp_path, ["A01", "B01"])
    for stem, labels in truths.items():
        Image.fromarray((labels > 0).astype(np.uint8) * 255).save(folder / "labels" / f"{stem}.png")
    table = score.evaluate(folder, split="all", labels=folder / "labels")
    assert "if these are masks, number their objects" in score.summary(table)


# ---- Files


def blocks(*levels, dtype=np.uint8):
    """Return a small image with one square of each grey level."""
    image = np.zeros((12, 8 * len(levels) + 8), dtype)
    for number, level in enumerate(levels):
        image[3:8, 8 * number + 4 : 8 * number + 9] = level
    return image


def colours(red, green=0, blue=0):
    """Return a small colour image with one square."""
    return blocks(1)[..., None] * np.array([red, green, blue], np.uint8)


@pytest.mark.parametrize(
    ("mask", "wanted"),
    [
        (blocks(1, 2, 3, 4, 700, dtype=np.uint16), 5),
        (blocks(255, 255, 255), 3),
        (blocks(1, 1, 1) > 0, 3),
        (colours(3), 1),
        (np.pad(np.eye(3, dtype=np.uint8), 2), 1),  # pieces that meet at corners
        (blocks(0, 0), 0),
        (colours(0, 0, 2), "other colours"),
        (colours(9), "other colours"),
        (blocks(1, 2, 2), "2 grey levels in 3 pieces"),
        (255 - blocks(255, 255), "background is not 0"),
        (1 + blocks(1, 2, 3), "background is not 0"),
        (np.kron(np.eye(3), np.ones((4, 4))) == 0, "background is not 0"),
        (np.tile([0, 255, 255, 255], (8, 4)).astype(np.uint8), "background is not 0"),
    ],
)
def test_true_masks_are_read_in_one_way_or_refused(tmp_path, mask, wanted):
    """Labels as grey levels, one level for all, or the data set's colours, on a background of 0."""
    path = tmp_path / "a.png"
    Image.fromarray(mask).save(path)
    if isinstance(wanted, int):
        truth = score.read_truth(path)
        assert truth.max() == wanted
        assert np.array_equal(truth > 0, mask.reshape(*mask.shape[:2], -1)[..., 0] > 0)
        return
    with pytest.raises(score.ScoreError, match=wanted) as caught:
        score.read_truth(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_damaged_png_is_refused_or_read_right(tmp_path):
    """Of 300 damaged files each is refused by name, or gives the labels of the good one."""
    rng, path, truth = np.random.default_rng(39), tmp_path / "a.png", blocks(*range(1, 30))
    Image.fromarray(truth).save(path)
    content, refused = path.read_bytes(), 0
    for _ in range(300):
        path.write_bytes(damaged(content, rng))
        try:
            np.testing.assert_array_equal(score.read_labels(path), truth)
        except score.ScoreError as error:
            assert re.match(rf"{path} cannot be read \(.*\): copy", str(error))  # noqa: PT017
            refused += 1
    assert refused > 250
