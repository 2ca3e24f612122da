"""Tests of scoring folders of frames and other people's label images."""

import random
import shutil
import struct
import tempfile
import zlib
from pathlib import Path

import made
import numpy as np
import pandas as pd
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st
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
        "deep.tif": r"give \(frames, rows, columns\)",
        "two.zarr": "holds a, b",
        "absent": "does not exist",
    }.items():
        with pytest.raises(ValueError, match=message):
            evaluate.evaluate(folder, split="all", labels=tmp_path / name)
    with pytest.raises(ValueError, match="unknown method 'magic'"):
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
    with pytest.raises(data.DataError, match=lost.name):
        evaluate.evaluate(folder, split="all", method="otsu")


# Scored against the right thing, or not at all


@pytest.fixture
def own(tmp_path):
    """Return a function that makes a data set of frames with labels as their 16-bit masks."""

    def make(stems, *, listed=None):
        truths = {}
        for part in ("images", "masks", "metadata", "labels"):
            (tmp_path / part).mkdir()
        for number, stem in enumerate(stems, start=1):
            truths[stem] = np.zeros((20, 60), np.uint16)
            for label in range(1, number + 2):
                truths[stem][2 : 4 + number, 4 * label : 4 * label + 3] = label
            tifffile.imwrite(tmp_path / "images" / f"{stem}.tif", truths[stem] * 100 + 7)
            Image.fromarray(truths[stem]).save(tmp_path / "masks" / f"{stem}.png")
        if listed:
            (tmp_path / "metadata" / "validation.txt").write_text("\n".join(listed))
        return tmp_path, truths

    return make


def test_a_label_file_is_not_taken_for_a_shorter_name(own):
    """A01_2's labels are not A01's; with both there, each frame finds its own."""
    folder, truths = own(["A01", "A01_2"])
    tifffile.imwrite(folder / "labels" / "A01_2_cp_masks.tif", truths["A01_2"])
    with pytest.raises(ValueError, match="no label image for A01: save it as"):
        evaluate.evaluate(folder, split="all", labels=folder / "labels")
    tifffile.imwrite(folder / "labels" / "A01_cp_masks.tif", truths["A01"])
    table = evaluate.evaluate(folder, split="all", labels=folder / "labels")
    assert table["averageF1"].tolist() == [1, 1]


def test_a_label_file_of_an_absent_frame_is_not_taken(own):
    """Without the frame A01_2 its labels are still not those of A01."""
    folder, truths = own(["A01"])
    tifffile.imwrite(folder / "labels" / "A01_2_cp_masks.tif", truths["A01"])
    with pytest.raises(ValueError, match="no label image for A01: save it as"):
        evaluate.evaluate(folder, split="all", labels=folder / "labels")


@given(
    stems=st.sets(
        st.from_regex(r"[AB]1?([_.-][A12])?(_s)?", fullmatch=True), min_size=2, max_size=7
    ),
    ending=st.sampled_from(["", "_cp_masks", "_mask", ".labels", "-seg", " label"]),
)
def test_each_frame_finds_its_own_label_file(stems, ending):
    """However names begin alike, each frame is scored with the file of its own name, or refused."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "labels").mkdir()
        for stem in stems:
            tifffile.imwrite(folder / f"{stem}.tif", np.zeros((2, 2), np.uint8))
            tifffile.imwrite(folder / "labels" / f"{stem}{ending}.tif", np.zeros((2, 2), np.uint8))
        order = data.split(folder)
        read, _ = labelfiles.label_reader(folder / "labels", folder, order)
        for number, stem in enumerate(order):
            (folder / "labels" / f"{stem}{ending}.tif").unlink()
            with pytest.raises(ValueError, match="cannot be read"):
                read(number)


def test_the_frames_themselves_are_not_label_images(own):
    """Cellpose writes its masks beside the images: those are scored, not the images."""
    folder, truths = own(["A01", "B01"])
    for stem, labels in truths.items():
        Image.fromarray(labels).save(folder / "images" / f"{stem}_cp_masks.png")
    table = evaluate.evaluate(folder, split="all", labels=folder / "images")
    assert table["averageF1"].tolist() == [1, 1]
    shutil.copytree(folder / "images", folder / "copies")
    with pytest.raises(ValueError, match=r"2 label images for A01: leave one of A01\.tif, A01_cp"):
        evaluate.evaluate(folder, split="all", labels=folder / "copies")


def test_the_order_of_a_stack_is_stated(own):
    """The summary names the frames of the first and the last image of a stack."""
    folder, truths = own(["img09", "img10", "img11"])
    stack = np.stack(list(truths.values()))
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    table = evaluate.evaluate(folder, split="all", labels=folder / "stack.tif")
    assert table["averageF1"].eq(1).all()
    lines = evaluate.summary(table).splitlines()
    assert lines[-2] == "stack read in name order: first img09, last img11"


def test_a_stack_in_number_order_is_refused(own):
    """Where img10 may come before or after img2 nobody knows whose labels are whose."""
    folder, truths = own([f"img{number}" for number in range(1, 11)])
    tifffile.imwrite(folder / "stack.tif", np.stack(list(truths.values())))
    with pytest.raises(ValueError, match=r"stack\.tif: image 2 may belong to img10 .* or to img2 "):
        evaluate.evaluate(folder, split="all", labels=folder / "stack.tif")


def test_a_stack_that_segkit_wrote_is_in_name_order(own):
    """The labels of a run are scored, whatever the frames are called."""
    folder, truths = own([f"img{number}" for number in range(1, 11)])
    files = data.images(folder)
    (folder / "out").mkdir()
    (folder / "out" / "run.json").write_text("{}")
    stack = np.stack([truths[path.stem] for path in files])
    zarr.create_array(folder / "out" / "labels.ome.zarr", data=stack)
    table = evaluate.evaluate(folder, split="all", labels=folder / "out" / "labels.ome.zarr")
    assert table["averageF1"].eq(1).all()


def test_only_frames_in_doubt_are_refused(own):
    """A stack of all frames serves a split whose frames have the same place in either order."""
    stems = ["a1", "b10", "b2"]
    folder, truths = own(stems, listed=["a1"])
    stack = np.stack(list(truths.values()))
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    assert evaluate.evaluate(folder, labels=folder / "stack.tif")["averageF1"].tolist() == [1]
    with pytest.raises(ValueError, match="image 2 may belong to b10 "):
        evaluate.evaluate(folder, split="all", labels=folder / "stack.tif")


def test_a_stack_of_bbbc039_serves_training_and_validation():
    """Two real frames share well and site; number order swaps them, and no others."""
    stems = sorted(name[7:-4] for name in data.entries() if name.startswith("images/"))
    swapped = [
        a for a, b in zip(stems, sorted(stems, key=labelfiles._natural), strict=True) if a != b
    ]
    assert [stem[:14] for stem in swapped] == ["IXMtest_P07_s8"] * 2


def test_listed_frames_that_are_not_there_are_counted(own):
    """The summary says how many of the listed frames were scored; with none it is an error."""
    folder, _ = own(["A01", "B01"], listed=["A01.png", "B01.png", "C01.png"])
    table = evaluate.evaluate(folder, method=lambda image: (image > 7).astype(int))
    assert "2 of 3 listed frames are here" in evaluate.summary(table).splitlines()
    (folder / "metadata" / "validation.txt").write_text("C01.png")
    with pytest.raises(ValueError, match=r"validation\.txt lists is in .*: take another split"):
        evaluate.evaluate(folder, method="otsu")


def test_masks_in_place_of_labels_are_pointed_out(own):
    """Label images with a single label each get a line in the summary."""
    folder, truths = own(["A01", "B01"])
    for stem, labels in truths.items():
        Image.fromarray((labels > 0).astype(np.uint8) * 255).save(folder / "labels" / f"{stem}.png")
    table = evaluate.evaluate(folder, split="all", labels=folder / "labels")
    assert "if these are masks, number their objects" in evaluate.summary(table)


def test_ome_zarr_labels_with_five_axes(own):
    """Axes of length 1, as of channels and planes, are passed over."""
    folder, truths = own(["A01", "B01", "C01"])
    stack = np.stack(list(truths.values()))[:, None, None]
    group = zarr.open_group(folder / "ome.zarr", mode="w")
    group.create_array("labels/cells/0", data=stack)
    group.create_array("labels/cells/1", data=stack[..., ::2, ::2])
    table = evaluate.evaluate(folder, split="all", labels=folder / "ome.zarr")
    assert table["averageF1"].eq(1).all()


def blocks(*levels, dtype=np.uint8):
    """Return a small picture with one square of each grey level."""
    picture = np.zeros((12, 8 * len(levels) + 8), dtype)
    for number, level in enumerate(levels):
        picture[3:8, 8 * number + 4 : 8 * number + 9] = level
    return picture


def colours(red, green=0, blue=0, dtype=np.uint8):
    """Return a small colour picture with one square."""
    return blocks(1, dtype=dtype)[..., None] * np.array([red, green, blue], dtype)


@pytest.mark.parametrize(
    ("mask", "count"),
    [
        (blocks(1, 2, 3, 4, 700, dtype=np.uint16), 5),
        (blocks(255, 255, 255), 3),
        (blocks(1, 1, 1) > 0, 3),
        (colours(3), 1),
        (blocks(0, 0), 0),
    ],
)
def test_true_masks_that_read_one_way_are_read(tmp_path, mask, count):
    """Labels as grey levels, one level for all objects, and the data set's own colours."""
    Image.fromarray(mask).save(tmp_path / "a.png")
    truth = labelfiles.read_truth(tmp_path / "a.png")
    assert truth.max() == count
    assert np.array_equal(truth > 0, mask.reshape(*mask.shape[:2], -1)[..., 0] > 0)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (colours(0, 255), "colour picture"),
        (colours(0, 0, 2), "colour picture"),
        (colours(9), "colour picture"),
        (colours(255, 255, 255), "colour picture"),
        (blocks(1, 2, 2), "2 grey levels in 3 pieces"),
        (255 - blocks(255, 255), "background is not 0"),
        (1 + blocks(1, 2, 3), "background is not 0"),
        (np.kron(np.eye(3), np.ones((4, 4))) == 0, "background is not 0"),
        (np.tile([0, 255, 255, 255], (8, 4)).astype(np.uint8), "background is not 0"),
    ],
)
def test_true_masks_of_other_kinds_are_refused(tmp_path, mask, message):
    """Other colours, levels in pieces, and black on white are refused with the file's name."""
    Image.fromarray(mask).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=message) as caught:
        labelfiles.read_truth(tmp_path / "a.png")
    assert str(tmp_path / "a.png") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_colours_of_16_bits_are_refused(tmp_path):
    """Pillow would read them as 8 bits, and small labels as background."""
    rows = b"".join(b"\0" + row.tobytes() for row in colours(2, dtype=np.dtype(">u2")))
    header = struct.pack(">IIBBBBB", 16, 12, 16, 2, 0, 0, 0)
    with (tmp_path / "a.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for kind, body in ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
            file.write(struct.pack(">I", len(body)) + kind + body)
            file.write(struct.pack(">I", zlib.crc32(kind + body)))
    with pytest.raises(ValueError, match="16 bits per colour"):
        labelfiles.read_truth(tmp_path / "a.png")


def damaged(content, rng):
    """Return bytes with one damage: a bit, a cut, an insertion, a loss, zeros, or a header byte."""
    where, length = rng.randrange(len(content)), rng.randint(1, 40)
    head, tail = content[:where], content[where:]
    kind = rng.randrange(6)
    if kind == 5:
        where = rng.randrange(64)
        return content[:where] + rng.randbytes(1) + content[where + 1 :]
    flipped = bytes([tail[0] ^ 1 << rng.randrange(8)]) + tail[1:]
    lost = tail[length:]
    return head + (flipped, b"", rng.randbytes(length) + tail, lost, bytes(length) + lost)[kind]


def test_damaged_masks_are_never_read_as_others(folder, truth, tmp_path):
    """Of 600 damaged masks each is refused by name, or gives the labels of the good one."""
    rng, path = random.Random(39), tmp_path / "mask.png"
    content = data.masks(folder)[0].read_bytes()
    refused = 0
    for _ in range(600):
        path.write_bytes(damaged(content, rng))
        try:
            labels = labelfiles.read_truth(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} cannot be read (")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            refused += 1
        else:
            np.testing.assert_array_equal(labels, truth[0])
    assert refused > 500


@pytest.mark.parametrize("compression", ["zlib", None])
def test_damaged_label_tiffs_end_in_one_line(tmp_path, compression):
    """Whatever the TIFF reader trips over, the message is one line with the file's name."""
    rng, path = random.Random(39), tmp_path / "a.tif"
    tifffile.imwrite(path, blocks(*range(1, 30)), compression=compression)
    content, refused = path.read_bytes(), 0
    for _ in range(150):
        path.write_bytes(damaged(content, rng))
        try:
            labelfiles.read_labels(path)
        except ValueError as error:
            assert str(error).startswith(f"{path} cannot be read (")  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017
            refused += 1
    assert refused > 30


def cut_chunk(path):
    """Write a Zarr with a chunk that was cut off."""
    zarr.create_array(path, data=np.random.default_rng(0).integers(0, 99, (1, 20, 60)))
    chunk = next(file for file in (path / "c").rglob("*") if file.is_file())
    chunk.write_bytes(chunk.read_bytes()[:50])


def no_object(path):
    """Write a Zarr with a list for its metadata."""
    path.mkdir()
    (path / "zarr.json").write_text("[]")


def absurd(path):
    """Write a Zarr with a frame that fits no memory."""
    zarr.create_array(path, shape=(1, 10**7, 10**7), chunks=(1, 100, 100), dtype="i8")


def bomb(path):
    """Write a folder with a small PNG of 900 million pixels."""
    path.mkdir()
    Image.new("1", (30_000, 30_000)).save(path / "A01.png")


def sparse(path):
    """Write a folder with a TIFF whose second half was never written."""
    path.mkdir()
    file = path / "A01.tif"
    tifffile.imwrite(file, np.ones((20, 60), np.uint8), rowsperstrip=10, metadata=None)
    with tifffile.TiffFile(file, mode="r+") as tif:
        tif.pages[0].tags["StripByteCounts"].overwrite((600, 0))


def appended(path):
    """Write a folder with a TIFF of two separate images."""
    path.mkdir()
    for _ in range(2):
        tifffile.imwrite(path / "A01.tif", np.ones((20, 60), np.uint8), append=True)


@pytest.mark.parametrize("write", [cut_chunk, no_object, absurd, bomb, sparse, appended])
def test_damaged_and_absurd_labels_end_in_one_line(own, write):
    """The message names the file and says what to do."""
    folder, _ = own(["A01"])
    write(folder / "odd.zarr")
    with pytest.raises(
        ValueError, match=r"odd\.zarr.* cannot be read \(.*\): copy it or"
    ) as caught:
        evaluate.evaluate(folder, split="all", labels=folder / "odd.zarr")
    assert "\n" not in str(caught.value)


def test_a_method_that_fails_names_the_frame(own):
    """An error of a method carries the name of the frame."""
    folder, _ = own(["A01", "B01"])

    def fails(image):
        if image.max() > 300:
            raise ValueError("too bright")
        return np.zeros(image.shape, int)

    with pytest.raises(ValueError, match="B01: too bright"):
        evaluate.evaluate(folder, split="all", method=fails)


def test_two_frames_of_one_name_are_refused(tmp_path):
    """a.tif beside a.tiff cannot be told apart by a label file or a mask."""
    made.folder(tmp_path / "images", 1)
    shutil.copy(tmp_path / "images" / "frame_000.tif", tmp_path / "images" / "frame_000.tiff")
    with pytest.raises(ValueError, match="two frames named frame_000: keep one"):
        evaluate.frames(tmp_path)
