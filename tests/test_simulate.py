import hashlib
import itertools
import re
import textwrap
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from skimage.measure import label

from segkit import data, score, simulate
from segkit.frame import measure

ROOT = Path(__file__).parents[1]
# Percentiles 5, 50 and 95 over the training split of BBBC039; shares are means.
FACTS = {
    "background": (143, 154, 169),
    "noise": (4.2, 4.6, 5.2),
    "count": (46, 125, 170),
    "area": (217, 645, 1009),
    "mean": (262, 473, 821),
    "touching": 0.27,
}
# Mean 0 and unit gain for white noise; blind to slopes, so uneven light does not count.
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
NAME = re.compile(r"IXMtest_[A-P]\d\d_s[1-9]_w1[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def statistics(frames):
    """Measure (image, labels) pairs as the figures of `FACTS` were measured."""
    fields, tables = {"background": [], "noise": [], "count": []}, []
    for image, labels in frames:
        grey = image.astype(float)
        far = ndimage.distance_transform_cdt(labels == 0, "taxicab") > 15 if labels.any() else ...
        fields["background"].append(np.median(grey[far]))
        fields["noise"].append(ndimage.convolve(grey, LAPLACIAN)[far].std())
        table = measure(image, labels)
        fields["count"].append(np.sum(table["area"] >= 25))
        table["mean"] = table["mean_intensity"] - fields["background"][-1]
        table["touching"] = table["label"].isin(simulate.touching(labels))
        tables.append(table[table["area"] >= 100])
    nuclei = pd.concat(tables)
    measured = fields | {"area": nuclei["area"], "mean": nuclei["mean"]}
    result = {name: np.percentile(values, (5, 50, 95)) for name, values in measured.items()}
    return result | {"touching": nuclei["touching"].mean()}


def is_hit(seed, index):
    """Tell whether a frame is that of a hit."""
    return simulate.position(index)[1] in simulate.hits(seed)


def same_objects(one, other):
    """Tell whether two label images hold the same objects under any numbers."""
    pairs = np.unique(one.astype(np.int64) * (other.max() + 1) + other)
    return len(pairs) == one.max() + 1 == other.max() + 1


def hashes(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(Path(folder).rglob("*.*"))
    }


@pytest.fixture(scope="module")
def frames():
    return [simulate.frame(39, index) for index in range(48)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate.write(tmp_path_factory.mktemp("simulated") / "set", frames=8, seed=5)


# Frames


def test_frames_measure_like_real_ones(frames):
    """The frames of the course without hits meet each figure of BBBC039 within 15 %."""
    usual = [frame for index, frame in enumerate(frames) if not is_hit(39, index)]
    measured = statistics(usual)
    off = {name: np.round(measured[name] / np.array(FACTS[name]) - 1, 3) for name in FACTS}
    assert not {name: by for name, by in off.items() if np.abs(by).max() > 0.15}


def test_hits_differ_from_all_other_fields(frames):
    """Each seed has them in its own wells, on both plates: few large nuclei, or many small ones."""
    wells = [simulate.position(index)[:2] for index in range(48) if is_hit(39, index)]
    assert wells == [(plate, well) for well in ("B03", "C05") for plate in ("00001", "00002")]
    assert simulate.hits(3) == {"C02": "few and large", "A03": "many and small"}
    fields = [np.bincount(labels.ravel())[1:] for _, labels in frames]  # areas
    usual = [len(areas) for index, areas in enumerate(fields) if not is_hit(39, index)]
    usual.remove(0)  # the empty field
    few, many = (
        [np.bincount(simulate.frame(3, n)[1].ravel())[1:] for n in (i, i + 1)] for i in (26, 4)
    )
    for less, more in zip((*fields[16:18], *few), (*fields[32:34], *many), strict=True):
        assert len(less) < 0.5 * min(usual) < 2 * max(usual) < 3 * len(more)
        assert np.median(more) < 450 < 800 < np.median(less)


@given(st.integers(0, 2**64 - 1))
def test_hits_of_any_seed(seed):
    """A plate has at most one hit of a kind, never in the well of a damaged frame; seeds differ."""
    found = simulate.hits(seed)
    damaged = {simulate.position(index)[1] for index in (simulate.EMPTY, simulate.SATURATED)}
    assert len(set(found.values())) == len(found)
    assert not damaged & found.keys()
    assert found == simulate.hits(seed)


def test_image_and_labels_have_the_form_of_the_real_ones(frames):
    """Images are uint16 in 12 bits; labels count from 1 without a gap; one is empty, one bright."""
    for index, (image, labels) in enumerate(frames):
        assert image.shape == labels.shape == (520, 696)
        assert (image.dtype, labels.dtype) == (np.uint16, np.int32)
        assert image.min() >= 110
        assert image.max() <= 4095
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
        assert labels.max() == 0 or np.bincount(labels.ravel())[1:].min() >= 25
        assert (labels.max() == 0) == (index == simulate.EMPTY)
        assert (np.mean(image == 4095) > 0.005) == (index == simulate.SATURATED)
    assert frames[simulate.EMPTY][0].max() < 230  # not even a faint nucleus in an empty field


def test_seeds_give_other_frames(frames):
    """Another seed or another index gives other pixels, other nuclei and other noise."""
    image, labels = frames[0]
    for seed, index in ((39, 1), (1, 0), (2**63, 0)):
        other, others = simulate.frame(seed, index)
        assert not np.array_equal(image, other)
        assert not np.array_equal(labels, others)
    empty = [simulate.frame(*which)[0] for which in ((39, 12), (39, 60), (1, 12))]
    noise = np.corrcoef([np.diff(image.astype(int)).ravel() for image in empty])
    assert abs(noise - np.eye(3)).max() < 0.02
    with pytest.raises(ValueError, match="non-negative"):
        simulate.frame(0, -1)


def test_crowded_frame_leaves_out_what_finds_no_place():
    """Far too many nuclei for one frame end the drawing, and none of them is broken."""
    labels, signal = simulate.draw(np.random.default_rng(0), 600, 0, 500.0)
    assert 200 < labels.max() < 600
    assert label(labels, connectivity=1).max() == labels.max()
    assert (signal[labels > 0] > 0).mean() > 0.99
    graph = simulate.touching(labels)
    earlier = [sum(other < one for other in graph[one]) for one in graph]
    assert max(earlier) == 2  # so three colours are enough
    assert same_objects(score.decode_mask(simulate.encode_mask(labels)), labels)


# Masks


def test_masks_decode_to_the_objects(frames):
    """Labelling equal red values that touch gives back every object, apart from the others."""
    merged = 0
    for _, labels in frames:
        mask = simulate.encode_mask(labels)
        assert mask.dtype == np.uint8
        assert (mask[..., 3] == 255).all()
        assert same_objects(score.decode_mask(mask), labels)
        merged += labels.max() - label(labels > 0, connectivity=2).max()
    assert merged > 400  # without the colours, touching nuclei would count as one


def test_mask_of_objects_that_meet():
    """Three objects that all touch, one pair at a corner only, get three colours; four do not."""
    labels = np.array([[1, 1, 0], [2, 2, 3], [2, 2, 3]])
    assert len(np.unique(simulate.encode_mask(labels)[..., 0])) == 4
    with pytest.raises(ValueError, match=r"^object \d and those it touches need more than three"):
        simulate.encode_mask(np.array([[1, 2], [3, 4]]))


# Files


def test_files_are_laid_out_as_the_real_ones(folder):
    """Names, TIFF and PNG layout are those of BBBC039, without a date or a program's name."""
    images = sorted((folder / "images").iterdir())
    masks = sorted((folder / "masks").iterdir())
    assert [path.stem for path in images] == [simulate.stem(5, index) for index in range(8)]
    assert [path.stem for path in masks] == [path.stem for path in images]
    for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
        pixels, labels = simulate.frame(5, index)
        with tifffile.TiffFile(image) as tiff:
            (page,) = tiff.pages
            assert (page.compression, page.rowsperstrip, page.is_contiguous) == (1, 5, True)
            assert page.description.startswith("Simulated, not real cells")
            assert not {"DateTime", "Software"} & {tag.name for tag in page.tags}
            assert np.array_equal(page.asarray(), pixels)
        with Image.open(mask) as picture:
            assert picture.mode == "RGBA"
            assert same_objects(score.decode_mask(picture), labels)


def test_names_of_two_plates_sort_as_frames_do():
    """All names match the official pattern and differ; those of full plates sort by index."""
    names = [simulate.stem(39, index) for index in range(1000)]
    assert len(set(names)) == 1000
    assert all(NAME.fullmatch(name) for name in names)
    assert names[:48] == sorted(names[:48])
    assert len({simulate.position(index)[:2] for index in range(48)}) == 48


def test_lists_split_the_frames(folder):
    """Half the names go to training, a quarter each to validation and test, none to two."""
    parts = [data.split(folder, name) for name in data.SPLITS]
    assert [len(part) for part in parts] == [4, 2, 2]
    everything = data.split(folder)
    assert sorted(itertools.chain(*parts)) == everything
    plates = (folder / "metadata" / "filenames_and_plates.csv").read_bytes()
    assert b"\n" not in plates
    rows = [line.split(".png,") for line in plates.decode().split("\r")]
    assert [name for name, _ in rows] == everything
    assert [plate for _, plate in rows] == ["00001", "00002"] * 4


def test_special_frames_stay_out_of_the_test_split(tmp_path, monkeypatch):
    """In the official scoring an empty frame counts as 0; as in BBBC039, no test frame is empty."""
    monkeypatch.setattr(simulate, "frame", lambda seed, index: (np.zeros((5, 5), "u2"),) * 2)
    test = dict(simulate.files(39, 200))["metadata/test.txt"].decode().split()
    kinds = {simulate.EMPTY, simulate.SATURATED}
    special = [i for i in range(200) if i % 48 in kinds or is_hit(39, i)]
    assert not {f"{simulate.stem(39, index)}.png" for index in special} & set(test)


def test_same_bytes(folder, tmp_path):
    """The same seed writes the same bytes, however many frames; what is damaged or lost too."""
    into = simulate.write(tmp_path / "set", frames=8, seed=5)
    assert hashes(into) == hashes(folder)
    before = {path: path.stat().st_mtime_ns for path in into.rglob("*")}
    assert simulate.write(into, frames=8, seed=5) == into
    assert {path: path.stat().st_mtime_ns for path in before} == before
    next((into / "masks").iterdir()).unlink()
    assert hashes(simulate.write(into, frames=8, seed=5)) == hashes(folder)
    fewer = hashes(simulate.write(tmp_path / "fewer", frames=3, seed=5))
    pictures = {name: digest for name, digest in fewer.items() if "metadata" not in name}
    assert len(pictures) == 6
    assert pictures.items() <= hashes(folder).items()


def test_killed_run_is_not_taken_for_complete(tmp_path, folder, monkeypatch):
    """After a crash there is no note; the next call makes the set complete."""
    into, real = simulate.write(tmp_path / "set", frames=1, seed=6), simulate.frame

    def frame(seed, index):
        if index == 5:
            raise KeyboardInterrupt
        return real(seed, index)

    with monkeypatch.context() as patch:
        patch.setattr(simulate, "frame", frame)
        with pytest.raises(KeyboardInterrupt):
            simulate.write(into, frames=8, seed=5)
    assert not (into / "metadata" / "simulated.json").exists()
    assert hashes(simulate.write(into, frames=8, seed=5)) == hashes(folder)


@pytest.mark.parametrize(
    "name",
    [
        "images/IXMtest_A02_s1_w1051DAA7C-7042-435F-99F0-1E847D9B42CB.tif",
        "notes-5EED-.txt",
        "metadata/readme.txt",
    ],
)
def test_folder_with_other_files_is_refused(tmp_path, name):
    """Real frames, or whatever else lies in a folder, are neither mixed in nor deleted."""
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious")
    with pytest.raises(ValueError, match=f"holds {name}, not a simulated frame: choose a new"):
        simulate.write(tmp_path / "set", frames=1)
    assert hashes(tmp_path) == {f"set/{name}": hashlib.sha256(b"precious").hexdigest()}


@pytest.mark.parametrize("numbers", [{"frames": 0}, {"seed": 2**64}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path, numbers):
    """A number out of range is named with the range, before anything is written."""
    with pytest.raises(ValueError, match=rf"{next(iter(numbers.values()))} .*: choose \d "):
        simulate.write(tmp_path / "set", **numbers)
    assert not (tmp_path / "set").exists()


def test_folder_that_cannot_be_is_named(tmp_path):
    """A path below a file is refused in one line that says what to do."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match=r"^\S+file/set or a part of its path is a file: .*--into"):
        simulate.write(tmp_path / "file" / "set", frames=1)


# The closing session


def test_the_closing_session(tmp_path, monkeypatch, capsys):
    """The learner's cell, in notebook 06, and the instructor's scripts find the same wells."""
    page = (ROOT / "site" / "teach" / "pooled.md").read_text("utf-8")
    cell, *scripts = re.findall(r"^ *```python\n(.*?)^ *```", page, re.S | re.M)
    files = data.images(simulate.write(tmp_path / "simulated", seed=7))
    drawn = {index: (tifffile.imread(path), None) for index, path in enumerate(files)}
    monkeypatch.setattr(simulate, "frame", lambda seed, index: drawn[index])
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    notebook = nbformat.read(ROOT / "notebooks" / "06_whole_pipeline.ipynb", as_version=4)
    names = {"scratch": tmp_path}
    for one in notebook.cells:  # imports, the cleaned table, one row per field
        if one.id in ("dd92cbaf", "bba608b0", "6ce6149b"):
            exec(one.source, names)
    capsys.readouterr()
    exec(textwrap.dedent(cell), names)
    wells = capsys.readouterr().out.split()
    assert wells == ["B06", "C01", "D04"]
    (tmp_path / "calls.csv").write_text("seat,well\n7,D04\n7,A01\n")
    for script in scripts:
        exec(script.replace("range(1, 31)", "[7]"), names)
    by_area = names["called"].loc[7]["area", "p < 0.05"]
    assert by_area.index[by_area].tolist() == wells
    printed = capsys.readouterr().out
    assert re.search(r"area +p < 0.05 +3 +1 +2 +0\n", printed)
    assert re.search(r"handed in +2 +1 +1 +0\n", printed)


def test_the_numbers_of_the_closing_session():
    """Those stated agree with each other, and with the hits of the thirty seeds."""
    page = (ROOT / "site" / "teach" / "pooled.md").read_text("utf-8")
    assert f"version {simulate.VERSION} of the simulator" in page
    hits = sum(len(simulate.hits(seat)) for seat in range(1, 31))
    assert f"660 wells, {660 - hits} of which" in page
    assert f" {0.05 * (660 - hits):.0f} false discoveries are expected" in page
    assert "22 × 0.05 is 1.1 " in page
    assert f"= {1 - 0.95**22:.0%} of".replace("%", " %") in page
    rows = re.findall(r" {4}(\d+) +(\d+) +(\d+) +(\d+)$", page, re.M)
    assert len(rows) == 9
    for called, right, false, missed in (map(int, row) for row in rows):
        assert (called, hits) == (right + false, right + missed)
