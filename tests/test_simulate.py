"""Tests of `segkit.simulate` and of `segkit.simulation.nuclei`, which draws for it."""

import hashlib
import json
import multiprocessing
import re
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu
from skimage.measure import label, regionprops_table

from segkit import simulate
from segkit.simulation import masking, nuclei

# Percentiles 5, 50 and 95 over the training split of BBBC039; shares are means.
FACTS = {
    "background": (143, 154, 169),
    "noise": (4.2, 4.6, 5.2),
    "count": (46, 125, 170),
    "area": (217, 645, 1009),
    "ratio": (0.41, 0.64, 0.88),
    "mean": (262, 473, 821),
    "spread": (0.16, 0.23, 0.36),
    "high": (760, 1042, 1369),
    "touching": 0.27,
    "debris": 0.04,
}
# Mean 0 and unit gain for white noise; blind to slopes, so uneven light does not count.
LAPLACIAN = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]]) / 6
NAME = re.compile(r"IXMtest_[A-P]\d\d_s[1-9]_w1[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}")


def statistics(frames):
    """Measure (image, labels) pairs as the figures of `FACTS` were measured."""
    fields, objects = {"background": [], "noise": [], "count": [], "high": []}, []
    for image, labels in frames:
        grey = image.astype(float)
        far = ndimage.distance_transform_cdt(labels == 0, "taxicab") > 15 if labels.any() else ...
        background = np.median(grey[far])
        fields["background"].append(background)
        fields["noise"].append(ndimage.convolve(grey, LAPLACIAN)[far].std())
        fields["high"].append(np.percentile(grey, 99.5))
        wanted = ("label", "area", "axis_minor_length", "axis_major_length")
        table = regionprops_table(labels, properties=wanted)
        fields["count"].append(np.sum(table["area"] >= 25))
        mean = ndimage.mean(grey, labels, table["label"]) - background
        spread = ndimage.standard_deviation(grey, labels, table["label"]) / mean
        ratio = table["axis_minor_length"] / np.maximum(table["axis_major_length"], 1)
        touching = np.isin(table["label"], list(masking.touching(labels)))
        objects.append(np.stack((table["area"], ratio, mean, spread, touching)))
    area, ratio, mean, spread, touching = np.concatenate(objects, axis=1)
    nucleus = area >= 100
    columns = {"area": area, "ratio": ratio, "mean": mean, "spread": spread}
    columns = {name: values[nucleus] for name, values in columns.items()}
    result = {k: np.percentile(v, (5, 50, 95)) for k, v in (fields | columns).items()}
    result["touching"] = touching[nucleus].mean()
    result["debris"] = np.sum((area >= 25) & ~nucleus) / np.sum(area >= 25)
    return result


def tutorial(image):
    """Find nuclei as the course does first: blur, frame-wide local threshold, opening, label."""
    smooth = ndimage.gaussian_filter(image, 1)
    sigma = [(size - 1) / 6 for size in image.shape]
    mask = smooth > ndimage.gaussian_filter(smooth.astype(float), sigma)
    cross = ndimage.generate_binary_structure(2, 1)
    return ndimage.label(ndimage.binary_opening(mask, cross))[0]


def dice(mask, truth):
    return 2 * np.count_nonzero(mask & truth) / (np.count_nonzero(mask) + np.count_nonzero(truth))


def same_objects(one, other):
    """Tell whether two label images hold the same objects under any numbers."""
    pairs = np.unique(one.astype(np.int64) * (other.max() + 1) + other)
    return len(pairs) == one.max() + 1 == other.max() + 1


def hashes(folder):
    files = sorted(path for path in Path(folder).rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.fixture(scope="module")
def frames():
    return [simulate.frame(39, index) for index in range(40)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate.write(tmp_path_factory.mktemp("simulated") / "set", frames=8, seed=5)


def assert_like_the_facts(measured, tolerance):
    found = {name: np.round(measured[name] / np.array(FACTS[name]) - 1, 3) for name in FACTS}
    assert not {k: v for k, v in found.items() if np.abs(v).max() > tolerance}


def test_frames_measure_like_real_ones(frames):
    """The frames of the course meet each measured figure of BBBC039 within 15 %."""
    assert_like_the_facts(statistics(frames), 0.15)


@pytest.mark.real
def test_statistics_are_those_of_the_facts(real_frames):
    """On the real training split the same code gives the figures that we aim at."""
    names = (real_frames / "metadata" / "training.txt").read_text().split()
    images = [(real_frames / "images" / name).with_suffix(".tif") for name in names]
    missing = [path.name for path in images if not path.exists()]
    if missing:
        pytest.skip(f"{len(missing)} of the {len(names)} training frames are not there")
    reds = (np.asarray(Image.open(real_frames / "masks" / name))[..., 0] for name in names)
    truths = (label(red, connectivity=2).astype(np.int32) for red in reds)
    measured = statistics(zip(map(tifffile.imread, images), truths, strict=True))
    assert_like_the_facts(measured, 0.065)  # the share of debris, 4.24 %, is given as 4 %


def test_a_few_nuclei_are_bright_and_compact(frames):
    """About 2 % of the nuclei are twice as bright as the median of their frame, and small."""
    bright, areas = [], []
    for image, labels in frames:
        numbers = np.arange(1, labels.max() + 1)[np.bincount(labels.ravel())[1:] >= 100]
        above = ndimage.mean(image, labels, numbers) - np.median(image)
        bright.append(above > 2 * np.median(above) if len(above) else np.zeros(0, bool))
        areas.append(np.bincount(labels.ravel())[numbers])
    bright, areas = np.concatenate(bright), np.concatenate(areas)
    assert 0.01 < bright.mean() < 0.03
    assert np.median(areas[bright]) < 0.6 * np.median(areas)


def test_image_and_labels_have_the_form_of_the_real_ones(frames):
    """Every image is uint16 in 12 bits above 110, and labels count from 1 without a gap."""
    for image, labels in frames:
        assert image.shape == labels.shape == (520, 696)
        assert image.dtype == np.uint16
        assert labels.dtype == np.int32
        assert image.min() >= 110
        assert image.max() <= 4095
        assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))
        assert labels.max() == 0 or np.bincount(labels.ravel())[1:].min() >= 25


def test_special_frames_lie_where_they_should():
    """One empty and one saturated frame come after the first ten and among the first 24."""
    assert min(simulate.EMPTY, simulate.SATURATED) >= 10
    assert max(simulate.EMPTY, simulate.SATURATED) < 24
    for index in range(24):
        image, labels = simulate.frame(11, index)
        assert (labels.max() == 0) == (index == simulate.EMPTY)
        assert (np.mean(image == 4095) > 0.005) == (index == simulate.SATURATED)
    image, _ = simulate.frame(11, simulate.EMPTY)
    assert image.max() < 230  # no fainter nucleus left in an empty field


def test_masks_decode_to_the_objects(frames):
    """Labelling equal red values gives back every object, whole and apart from the others."""
    merged = 0
    for _, labels in frames:
        mask = masking.encode_mask(labels)
        assert mask.dtype == np.uint8
        assert set(np.unique(mask[..., 0])) <= {0, 1, 2, 3}
        assert not mask[..., 1:3].any()
        assert (mask[..., 3] == 255).all()
        assert same_objects(label(mask[..., 0], connectivity=2), labels)
        assert label(labels, connectivity=1).max() == labels.max()
        merged += labels.max() - label(labels > 0, connectivity=2).max()
    assert merged > 400  # without the colours, touching nuclei would count as one


def test_mask_parts_three_that_meet():
    """Three objects that all touch, one pair at a corner only, get three colours."""
    labels = np.array([[1, 1, 0], [2, 2, 3], [2, 2, 3]])
    assert len(set(masking.encode_mask(labels)[..., 0].ravel().tolist())) == 4


def test_mask_refuses_four_that_meet():
    """Four objects around one corner all touch: three colours cannot part them."""
    with pytest.raises(ValueError, match=r"^Object \d: three colours"):
        masking.encode_mask(np.array([[1, 2], [3, 4]]))


def test_mask_colours_whatever_the_numbering():
    """The colouring does not rest on the order in which the objects were drawn."""
    _, labels = simulate.frame(39, 1)
    numbers = np.random.default_rng(0).permutation(labels.max()) + 1
    labels = np.append(0, numbers)[labels]
    red = masking.encode_mask(labels)[..., 0]
    assert same_objects(label(red, connectivity=2), labels)


def test_no_single_threshold_fits_all_frames(frames):
    """Even the best single value, chosen by the truth, fails where Otsu per frame does not."""
    pairs = [(image, labels > 0) for image, labels in frames[:24] if labels.any()]
    values = range(200, 600, 10)
    single = np.array([[dice(image > value, truth) for value in values] for image, truth in pairs])
    best = single[:, single.mean(axis=0).argmax()]
    otsu = np.array([dice(image > threshold_otsu(image), truth) for image, truth in pairs])
    assert otsu.min() > 0.9
    assert (otsu - best).max() > 0.1
    # What the first frames teach does not hold for the next ones either.
    learnt = threshold_otsu(np.stack([image for image, _ in pairs[:10]]))
    pooled = np.array([dice(image > learnt, truth) for image, truth in pairs])
    assert np.count_nonzero(otsu - pooled > 0.05) >= 3


def test_local_threshold_of_the_course_works(frames):
    """The tutorial chain finds the area of the nuclei, saturated or not, and a plausible count."""
    for index in (0, 1, 2, 3, 4, simulate.SATURATED):
        image, labels = frames[index]
        found = tutorial(image)
        assert dice(found > 0, labels > 0) > 0.8
        assert 0.6 < found.max() / labels.max() < 1.1


def test_frames_do_not_depend_on_each_other(folder, tmp_path):
    """The same seed writes the same bytes, however many frames are asked for."""
    fewer = hashes(simulate.write(tmp_path / "fewer", frames=3, seed=5))
    again = hashes(simulate.write(tmp_path / "again", frames=8, seed=5))
    assert again == hashes(folder)
    pictures = {name for name in fewer if not name.startswith("metadata")}
    assert len(pictures) == 6
    assert {name: again[name] for name in pictures} == {name: fewer[name] for name in pictures}
    alone, _ = simulate.frame(5, 6)
    path = folder / "images" / f"{simulate.stem(5, 6)}.tif"
    assert np.array_equal(tifffile.imread(path), alone)


def test_seeds_give_other_frames():
    """Another seed or another index gives other pixels and other nuclei."""
    image, labels = simulate.frame(0, 0)
    for seed, index in ((0, 1), (1, 0), (2**63, 0)):
        other, others = simulate.frame(seed, index)
        assert not np.array_equal(image, other)
        assert not np.array_equal(labels, others)
    noise = [
        np.diff(simulate.frame(seed, simulate.EMPTY)[0].astype(int)).ravel() for seed in (0, 1)
    ]
    assert abs(np.corrcoef(noise)[0, 1]) < 0.02


def test_files_are_laid_out_as_the_real_ones(folder):
    """Names, TIFF and PNG layout are those of BBBC039, without a date or a program's name."""
    images = sorted((folder / "images").iterdir())
    masks = sorted((folder / "masks").iterdir())
    assert [path.stem for path in images] == [simulate.stem(5, index) for index in range(8)]
    assert [path.stem for path in masks] == [path.stem for path in images]
    for index, (image, mask) in enumerate(zip(images, masks, strict=True)):
        with tifffile.TiffFile(image) as tiff:
            (page,) = tiff.pages
            assert page.compression == 1
            assert page.rowsperstrip == 5
            assert page.dtype == np.uint16
            assert page.shape == (520, 696)
            assert page.is_contiguous
            assert page.description.startswith("Simulated, not real cells")
            assert not {"DateTime", "Software"} & {tag.name for tag in page.tags}
        with Image.open(mask) as picture:
            assert picture.mode == "RGBA"
            red = np.asarray(picture)[..., 0]
        assert same_objects(label(red, connectivity=2), simulate.frame(5, index)[1])


def test_names_sort_as_frames_do():
    """All names there are match the official pattern, differ and sort by index."""
    names = [simulate.stem(39, index) for index in range(simulate.MOST)]
    assert names == sorted(set(names))
    assert all(NAME.fullmatch(name) for name in names)
    assert names[-1].startswith("IXMtest_P24_s9")
    with pytest.raises(ValueError, match="Frame 21064"):
        simulate.stem(39, simulate.MOST)


def test_lists_split_the_frames(folder):
    """Half the names go to training, a quarter each to validation and test, none to two."""
    lists = {
        name: (folder / "metadata" / f"{name}.txt").read_text().splitlines()
        for name in ("training", "validation", "test")
    }
    assert {name: len(lines) for name, lines in lists.items()} == {
        "training": 4,
        "validation": 2,
        "test": 2,
    }
    everything = sorted(path.name for path in (folder / "masks").iterdir())
    assert sorted(name for names in lists.values() for name in names) == everything
    plates = (folder / "metadata" / "filenames_and_plates.csv").read_bytes()
    assert b"\n" not in plates
    assert [line.split(b",")[0].decode() for line in plates.split(b"\r")] == everything
    note = json.loads((folder / "metadata" / "simulated.json").read_text())
    assert note == {"seed": 5, "frames": 8, "version": simulate.VERSION}


def test_special_frames_stay_out_of_the_test_split(tmp_path, monkeypatch):
    """In the official scoring an empty frame counts as 0; as in BBBC039, no test frame is empty."""
    monkeypatch.setattr(simulate, "frame", lambda seed, index: (np.zeros((5, 5), "u2"),) * 2)
    monkeypatch.setattr(simulate.packing, "png", lambda mask: b"")
    folder = simulate.write(tmp_path / "set", frames=200)
    test = set((folder / "metadata" / "test.txt").read_text().split())
    special = [i for i in range(200) if i % simulate.PERIOD in (12, 21)]
    assert len(special) == 6
    assert not test & {f"{simulate.stem(39, index)}.png" for index in special}


def test_whole_folder_is_left_alone(folder, monkeypatch):
    """A second call with the same numbers makes no frame and touches no file."""
    monkeypatch.setattr(simulate, "frame", None)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert simulate.write(folder, frames=8, seed=5) == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_killed_run_is_not_taken_for_whole_and_goes_on(tmp_path, folder, monkeypatch):
    """After a crash there is no note; the next call makes what is missing and no more."""
    into, real, made = simulate.write(tmp_path / "set", frames=1, seed=6), simulate.frame, []

    def fails_at(last):
        def frame(seed, index):
            if index == last:
                raise KeyboardInterrupt
            made.append(index)
            return real(seed, index)

        return frame

    monkeypatch.setattr(simulate, "frame", fails_at(5))
    with pytest.raises(KeyboardInterrupt):
        simulate.write(into, frames=8, seed=5)
    assert not (into / "metadata" / "simulated.json").exists()
    monkeypatch.setattr(simulate, "frame", fails_at(None))
    assert hashes(simulate.write(into, frames=8, seed=5)) == hashes(folder)
    assert made == list(range(8))


def test_lost_file_is_made_again(tmp_path):
    """A folder that has its note but lost a mask is mended."""
    into = simulate.write(tmp_path / "set", frames=2)
    before = hashes(into)
    next((into / "masks").iterdir()).unlink()
    assert hashes(simulate.write(into, frames=2)) == before


def test_other_numbers_replace_a_simulated_set(tmp_path, monkeypatch):
    """Frames of another seed, number or version give way; nothing of them is left."""
    into = simulate.write(tmp_path / "set", frames=3, seed=1)
    simulate.write(into, frames=2, seed=2)
    assert hashes(into) == hashes(simulate.write(tmp_path / "new", frames=2, seed=2))
    monkeypatch.setattr(simulate, "VERSION", simulate.VERSION + 1)
    simulate.write(into, frames=2, seed=2)
    assert len(hashes(into)) == 2 + 2 + 5
    assert json.loads((into / "metadata" / "simulated.json").read_text())["version"] == (
        simulate.VERSION
    )


@pytest.mark.parametrize(
    "name",
    [
        "images/IXMtest_A02_s1_w1051DAA7C-7042-435F-99F0-1E847D9B42CB.tif",
        "metadata/readme.txt",
        "notes-5EED-.txt",
    ],
)
def test_folder_with_other_files_is_refused(tmp_path, name):
    """Real frames, or whatever else lies in a folder, are neither mixed in nor deleted."""
    path = tmp_path / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"precious")
    with pytest.raises(ValueError, match=f"holds {name}") as caught:
        simulate.write(tmp_path / "set", frames=1)
    assert "\n" not in str(caught.value)
    assert hashes(tmp_path) == {f"set/{name}": hashlib.sha256(b"precious").hexdigest()}


@pytest.mark.parametrize("numbers", [{"frames": 0}, {"frames": 21_065}, {"seed": -1}])
def test_numbers_out_of_range_are_refused(tmp_path, numbers):
    """A number out of range is named in one line, before anything is written."""
    with pytest.raises(ValueError, match=str(next(iter(numbers.values())))) as caught:
        simulate.write(tmp_path / "set", **numbers)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "set").exists()


def test_folder_that_cannot_be_is_named(tmp_path):
    """A path below a file is refused in one line that says what to do."""
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match=r"file/set cannot be written to \(.*\(--into\)") as caught:
        simulate.write(tmp_path / "file" / "set", frames=1)
    assert "\n" not in str(caught.value)


def test_negative_index_is_refused():
    """Frames are counted from 0."""
    with pytest.raises(ValueError, match="frame -1"):
        simulate.frame(0, -1)


def test_two_processes_may_write_at_once(tmp_path, folder):
    """Two that fill the same folder at the same time both end with it whole."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        runs = [
            pool.apply_async(simulate.write, (tmp_path / "set",), {"frames": 8, "seed": 5})
            for _ in range(2)
        ]
        assert [run.get(120) for run in runs] == [tmp_path / "set"] * 2
    assert hashes(tmp_path / "set") == hashes(folder)


def test_progress_changes_nothing(tmp_path, folder, capsys):
    """The bar goes to the screen, the same bytes to the folder."""
    into = simulate.write(tmp_path / "set", frames=8, seed=5, progress=True)
    assert "8/8" in capsys.readouterr().err
    assert hashes(into) == hashes(folder)


def test_crowded_frame_leaves_out_what_finds_no_place():
    """Far too many nuclei for one frame end the drawing, and none of them is broken."""
    labels, signal = nuclei.draw(np.random.default_rng(0), 600, 0, 500.0)
    assert 200 < labels.max() < 600
    assert label(labels, connectivity=1).max() == labels.max()
    assert (signal[labels > 0] > 0).mean() > 0.99
    earlier = [sum(o < one for o in others) for one, others in masking.touching(labels).items()]
    assert max(earlier) == 2  # so three colours are enough
    assert same_objects(label(masking.encode_mask(labels)[..., 0], connectivity=2), labels)
