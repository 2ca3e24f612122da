import json
import sys
import threading
import time
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import mirrors
import numpy as np
import pytest
import tifffile

import segkit
from segkit import data
from segkit.files import registry

small = pytest.fixture(mirrors.small)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Move the data sets to a folder of the test."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def simulator(monkeypatch):
    """Put a quick simulator in the place of the real one; it notes its calls."""
    stub = SimpleNamespace(VERSION=1, calls=[], write=None)

    def write(into, *, frames=40, seed=39):
        stub.calls.append((frames, seed))
        assert not into.exists(), "the simulator should start with no folder"
        for part in ("images", "masks", "metadata"):
            (into / part).mkdir(parents=True)
        for number in range(frames):
            (into / "images" / f"S{number:02d}.tif").write_bytes(b"II*\0")
            (into / "masks" / f"S{number:02d}.png").write_bytes(b"PNG")
        manifest = {"seed": seed, "frames": frames, "version": stub.VERSION}
        (into / "metadata" / "simulated.json").write_text(json.dumps(manifest))
        return into

    stub.write = write
    monkeypatch.setitem(sys.modules, "segkit.simulate", stub)
    monkeypatch.setattr(segkit, "simulate", stub, raising=False)
    return stub


def folder_of(place, stems, *, listed=None):
    """Make a data set folder with empty files."""
    for part in ("images", "masks", "metadata"):
        (place / part).mkdir(parents=True)
    for stem in stems:
        (place / "images" / f"{stem}.tif").touch()
        (place / "masks" / f"{stem}.png").touch()
    for name, members in (listed or {}).items():
        (place / "metadata" / f"{name}.txt").write_text("".join(f"{m}.png\n" for m in members))
    return place


# Where


def test_root(tmp_path, monkeypatch):
    """SEGKIT_DATA comes first, then the checkout, then the current folder."""
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "x"))
    assert data.root() == tmp_path / "x"
    monkeypatch.setenv("SEGKIT_DATA", "~/frames")
    assert data.root() == Path.home() / "frames"
    monkeypatch.setenv("SEGKIT_DATA", "")
    assert data.root() == Path(data.__file__).resolve().parents[2] / "data"
    monkeypatch.delenv("SEGKIT_DATA")
    monkeypatch.setattr(data, "__file__", str(tmp_path / "lib" / "site" / "segkit" / "data.py"))
    monkeypatch.chdir(tmp_path)
    assert data.root() == tmp_path / "data"


def test_locate_real(home, simulator):
    """Real frames are taken as soon as there is one."""
    folder_of(home / "BBBC039", ["A01"])
    assert data.locate() == home / "BBBC039"
    assert simulator.calls == []


@pytest.mark.parametrize("left", [(), ("images/.A01.tif.part",), ("metadata/test.txt",)])
def test_locate_nothing_whole(home, simulator, left):
    """A folder of real frames without a whole one does not count."""
    for name in left:
        path = home / "BBBC039" / name
        path.parent.mkdir(parents=True)
        path.touch()
    assert data.locate() == home / "simulated"


def test_locate_simulates_once(home, simulator):
    """Without real frames, 40 are simulated from seed 39, and found by the next call."""
    assert data.locate() == data.locate() == home / "simulated"
    assert simulator.calls == [(40, 39)]
    assert data.describe(home / "simulated") == ("simulated frames, 40, seed 39 (not real cells)")
    assert [path.name for path in home.iterdir() if not path.name.startswith(".")] == ["simulated"]


def test_locate_keeps_other_simulated_frames(home, simulator):
    """Frames that the user simulated with another seed are kept."""
    home.mkdir()
    simulator.write(home / "simulated", frames=3, seed=7)
    data.locate()
    assert simulator.calls == [(3, 7)]


def test_locate_after_a_new_version(home, simulator):
    """Frames of an older simulator are made anew, with nothing left of the old ones."""
    data.locate(frames=5)
    simulator.VERSION = 2
    data.locate(frames=2, seed=1)
    data.locate(frames=2, seed=1)
    assert simulator.calls == [(5, 39), (2, 1)]
    assert len(data.images(home / "simulated")) == 2


def test_locate_heals(home, simulator):
    """A simulated folder that lost a frame, or an empty one, is made anew."""
    (home / "simulated").mkdir(parents=True)
    data.locate(frames=3)
    data.images(home / "simulated")[1].unlink()
    data.locate(frames=3)
    assert len(data.images(home / "simulated")) == 3
    assert len(simulator.calls) == 2


def test_locate_after_a_cut(home, simulator, monkeypatch):
    """Simulation that was cut off leaves nothing that counts, and the next call does it."""
    write = simulator.write

    def cut(into, **options):
        write(into, **options)
        raise KeyboardInterrupt

    simulator.write = cut
    with pytest.raises(KeyboardInterrupt):
        data.locate(frames=2)
    assert not (home / "simulated").exists()
    simulator.write = write
    assert len(data.images(data.locate(frames=2))) == 2


def test_locate_at_once(home, simulator):
    """Of several calls at once, one simulates and all find whole frames."""
    write, counts = simulator.write, []

    def slow(into, **options):
        write(into, **options)
        time.sleep(0.3)

    simulator.write = slow
    threads = [
        threading.Thread(target=lambda: counts.append(len(data.images(data.locate(frames=4)))))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert counts == [4, 4, 4]
    assert simulator.calls == [(4, 39)]


def test_locate_spares_foreign_files(home, simulator):
    """A folder called simulated with files of somebody else is not touched."""
    own = folder_of(home / "simulated", ["mine"]) / "images" / "mine.tif"
    with pytest.raises(data.DataError, match="did not write or not finish: move or delete"):
        data.locate()
    assert own.exists()


def test_locate_damaged_manifest(home, simulator):
    """A manifest that cannot be read is named, with the cure."""
    data.locate(frames=2)
    (home / "simulated" / "metadata" / "simulated.json").write_text("{")
    with pytest.raises(data.DataError, match=r"simulated\.json cannot be read: delete"):
        data.locate()


def test_locate_in_no_folder(tmp_path, monkeypatch, simulator):
    """A place that can hold no folder is named."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEGKIT_DATA", str(tmp_path / "file"))
    with pytest.raises(data.DataError, match="file cannot be written to"):
        data.locate()


def test_locate_for_real(home):
    """The real simulator makes frames that the whole module agrees with."""
    place = data.locate(frames=2)
    assert data.name(place) == "simulated"
    assert data.describe(place) == "simulated frames, 2, seed 39 (not real cells)"
    for path in data.images(place):
        pixels = tifffile.imread(path)
        assert (pixels.shape, pixels.dtype) == ((520, 696), np.uint16)
    assert [path.stem for path in data.masks(place)] == data.split(place, "all")
    parts = [stem for name in registry.SPLITS for stem in data.split(place, name)]
    assert sorted(parts) == data.split(place)
    assert data.verify(place) == {"missing": [], "damaged": [], "foreign": []}


def test_verify_simulated(home):
    """In a simulated folder, missing masks, damaged TIFFs and foreign files are found."""
    place = data.locate(frames=4)
    first, second, third, fourth = data.split(place)
    (place / "masks" / f"{first}.png").unlink()
    path = place / "images" / f"{second}.tif"
    path.write_bytes(path.read_bytes()[:5000])
    tifffile.imwrite(place / "images" / f"{third}.tif", np.zeros((520, 696), np.uint8))
    (place / "masks" / f"{third}.png").write_bytes(b"no mask")
    (place / "images" / f"{fourth}.tif").unlink()
    (place / "masks" / "other.png").write_bytes(b"x")
    assert data.verify(place) == {
        "missing": [f"images/{fourth}.tif", f"masks/{first}.png"],
        "damaged": [f"images/{second}.tif", f"images/{third}.tif", f"masks/{third}.png"],
        "foreign": ["masks/other.png"],
    }


# What


def test_name(small, tmp_path):
    """The files tell which data set a folder holds, not its name."""
    assert data.name(folder_of(tmp_path / "x", ["A01", "A03"])) == "BBBC039"
    assert data.name(folder_of(tmp_path / "BBBC", ["A01", "mine"])) == "other"
    assert data.name(tmp_path / "not there") == "other"
    (tmp_path / "x" / "metadata" / "simulated.json").write_text("{}")
    assert data.name(tmp_path / "x") == "simulated"


def test_describe(small, tmp_path):
    """One line says which data set it is, and how many frames there are."""
    assert data.describe(folder_of(tmp_path / "x", ["A01", "A03"])) == (
        "BBBC039, 2 of 3 frames (real)"
    )
    own = folder_of(tmp_path / "own", ["mine"])
    assert data.describe(own) == f"frames of your own, 1, in {own}"


def test_images(tmp_path):
    """Frames come sorted, from the inner folder or the folder itself, hidden files not."""
    place = folder_of(tmp_path / "x", ["b", "a", "._a", ".c.tif.part"])
    (place / "images" / "notes.txt").touch()
    assert [path.name for path in data.images(place)] == ["a.tif", "b.tif"]
    assert data.images(str(place / "images")) == data.images(place)


@pytest.mark.parametrize("name", ["empty", "not there"])
def test_no_images(tmp_path, name):
    """A folder without frames is named, with what to do."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(data.DataError, match=rf"There .* no .*{name}.*: give the folder"):
        data.images(tmp_path / name)


def test_masks(tmp_path):
    """Masks come in the order of the frames; a missing one is named and counted."""
    place = folder_of(tmp_path / "x", ["b", "a", "c"])
    (place / "masks" / "z.png").touch()
    assert [path.name for path in data.masks(place)] == ["a.png", "b.png", "c.png"]
    (place / "masks" / "b.png").unlink()
    with pytest.raises(data.DataError, match=r"b\.png is missing \(masks missing: 1 of 3\): save"):
        data.masks(place)


def test_masks_of_bbbc039(small, tmp_path):
    """Where the frames are those of BBBC039, its masks can be fetched; one split needs its own."""
    place = folder_of(tmp_path / "x", ["A01", "A03"], listed={"validation": ["A03"]})
    (place / "masks" / "A01.png").unlink()
    with pytest.raises(data.DataError, match=r"A01\.png is missing .* 'segkit fetch' brings it"):
        data.masks(place)
    assert [path.name for path in data.masks(place, "validation")] == ["A03.png"]


def test_names_in_either_form(tmp_path):
    """An umlaut in one character or in two is the same name, in lists and in masks."""
    one, two = (unicodedata.normalize(form, "Zähl") for form in ("NFC", "NFD"))
    for number, (frame, other) in enumerate([(one, two), (two, one)]):
        place = folder_of(tmp_path / str(number), [frame], listed={"test": [other]})
        (place / "masks" / f"{frame}.png").rename(place / "masks" / f"{other}.PNG")
        assert data.split(place, "test") == [frame]
        assert [path.name for path in data.masks(place)] == [f"{other}.PNG"]


@pytest.mark.parametrize(
    "text",
    [
        "\ufeffa.png\r\nb.png\r\n",
        " a.png  \n\nb.png\t",
        "a\nb",
        "a.tif\nb.TIFF",
        "images/a.tif\nb.png",
    ],
)
def test_split_lists_of_other_programs(tmp_path, text):
    """A byte order mark, line ends of Windows, spaces and other suffixes change nothing."""
    place = folder_of(tmp_path / "x", ["a", "b", "c", "a.1"])
    (place / "metadata" / "test.txt").write_bytes(text.encode())
    assert data.split(place, "test") == ["a", "b"]
    (place / "metadata" / "test.txt").write_text("a.1\n")
    assert data.split(place, "test") == ["a.1"]


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_split_lists_in_other_encodings(tmp_path, encoding):
    """A list that is not UTF-8 is named, with the cure."""
    place = folder_of(tmp_path / "x", "a")
    (place / "metadata" / "test.txt").write_bytes("Zähl.png\n".encode(encoding))
    with pytest.raises(data.DataError, match=r"test\.txt cannot be read: .*save it as UTF-8"):
        data.split(place, "test")


def test_split(tmp_path):
    """A split holds the listed frames that are present, sorted."""
    lists = {"training": ["d", "a", "gone"], "validation": ["b"], "test": []}
    place = folder_of(tmp_path / "x", "abcd", listed=lists)
    assert data.split(place, "training") == ["a", "d"]
    assert data.split(place, "validation") == ["b"]
    assert data.split(place, "test") == []
    assert data.split(place, "all") == data.split(place) == list("abcd")


def test_split_mistakes(tmp_path):
    """An unknown split and a missing list are errors that say what to do."""
    place = folder_of(tmp_path / "x", "ab")
    with pytest.raises(ValueError, match="no split 'train': choose one of training, validation"):
        data.split(place, "train")
    with pytest.raises(data.DataError, match=r"test\.txt cannot be read \(.*\): use split 'all'"):
        data.split(place, "test")
