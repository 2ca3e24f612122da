"""Notebook 16 and its script on folders of known truth; and what notebook 01 says of such files."""

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
import zarr
from dask.array.image import imread
from PIL import Image
from scipy import ndimage
from skimage.transform import resize

from segkit import run, score, simulate

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "snippets" / "own_folder.py").read_text("utf-8")
CELLS = nbformat.read(ROOT / "notebooks" / "16_your_data.ipynb", as_version=4).cells


@functools.cache
def drawn(seed, width=28, shape=None):
    """Return a signal of 100 + 10 times the number of each disc, a frame of them, their labels."""
    rng, step = np.random.default_rng(seed), 2 * width
    row, column = np.indices(shape or (3 * step, 4 * step))
    number = row // step * (len(row[0]) // step) + column // step + 1
    radius = width * rng.uniform(0.42, 0.5, number.max() + 1)[number]
    down, right = width * rng.uniform(0.7, 1.3, (2, number.max() + 1))[:, number]
    labels = np.where(np.hypot(row % step - down, column % step - right) < radius, number, 0)
    light = ndimage.gaussian_filter(2000.0 * (labels > 0), width / 28)
    image = (light + rng.normal(300, 20, light.shape)).astype("uint16")
    return np.where(labels, 600 + 10 * labels, 500).astype("uint16"), image, labels


def tif(name, axes=None, seeds=(0,), *, make=np.asarray, both=False, draw=(), **options):
    """Return a function that writes frames into one file of a folder, and returns their truth."""
    metadata = {
        key: options.pop(key)
        for key in ("unit", "Labels", "LUTs", "Plane", *OME, *OME_UM)
        if key in options
    }
    options["metadata"] = None if "description" in options else metadata
    metadata |= {"axes": axes} if axes else {}

    def write(folder):
        frames = [drawn(seed, *draw) for seed in seeds]
        pixels = make(np.stack([np.stack(f[:2]) if both else f[1] for f in frames]).squeeze())
        (folder / name).parent.mkdir(exist_ok=True)
        tifffile.imwrite(folder / name, pixels, **{"photometric": "minisblack"} | options)
        return frames

    return write


def several(*writers):
    """Return a function that writes several files."""
    return lambda folder: [frame for write in writers for frame in write(folder)]


def two(one, other):
    """Return a function that writes two frames into files of their own."""
    return several(tif(one), tif(other, seeds=[1]))


def png(folder):
    """Write a frame of 8 bits."""
    Image.fromarray((drawn(0)[1] // 16).astype("uint8")).save(folder / "a.PNG")
    return [drawn(0)]


def store(folder):
    """Write an OME-Zarr of three time points, inside a group."""
    folder = Path(zarr.open_group(folder / "plate.zarr", mode="w").store.root)
    frames = [drawn(number) for number in range(3)]
    run.create_labels(folder, (3, *frames[0][1].shape), shard=1, pixel_size=0.325)
    run.write_labels(folder, 0, np.stack([image for _, image, _ in frames]))
    return frames


def two_orders(folder):
    """Write two images of two channels into one file, in two orders."""
    with tifffile.TiffWriter(folder / "a.ome.tif", ome=True) as tif:
        for names in (["signal", "DAPI"], ["DAPI", "signal"]):
            metadata = {"axes": "CYX", "Channel": {"Name": names}}
            tif.write(np.stack(drawn(0)[:2]), photometric="minisblack", metadata=metadata)


OME = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "Channel": {"Name": ["signal", "DAPI"]}}
OME_UM = {"PhysicalSizeX": 0.325, "PhysicalSizeXUnit": "um"}
WIDE = {"both": True, **OME, "draw": (64, (2048, 2048))}
DEEP = {"both": True, **OME, "make": lambda pixels: np.stack([pixels // 2, pixels, pixels // 3])}
IMAGEJ = {"imagej": True, "resolution": (1 / 0.325, 1 / 0.325)}
FLOAT = {"make": lambda pixels: (pixels / 4095).astype("float32")}
COLOURS = {"make": lambda pixels: np.stack(3 * [pixels // 16], axis=-1), "photometric": "rgb"}
STRETCHED = {"make": lambda pixels: (pixels - pixels.min()) / np.ptp(pixels)}
LAST = {"make": lambda pixels: np.stack([pixels, pixels], axis=-1)}
LARGE = {"make": lambda pixels: np.zeros((8192, 8192), "uint8"), "bigtiff": True}
PART = {"description": '<OME FileName="b.ome.tif"/><UUID FileName="a.ome.tif"></OME>'}
SLICES = {"axes": "CYX", "both": True, **IMAGEJ}
GREEN, BLUE = (np.outer(on, np.arange(256)).astype("uint8") for on in ([0, 1, 0], [0, 0, 1]))
SWAP, distance, RED = np.flipud, ndimage.distance_transform_edt, Image.new("RGB", (99, 99), "red")
MILLI = IMAGEJ | {"resolution": (1000 / 0.325,) * 2, "unit": "mm"}
NANO = IMAGEJ | {"resolution": (1 / 325,) * 2, "unit": "nanometer"}
PAGES = tif("a.tif", seeds=range(5))
SINGLE = several(*[tif("a.tif", seeds=[number], append=True) for number in range(5)])
FOUR_AXES = tif("a.tif", seeds=range(4), make=lambda pixels: pixels.reshape(2, 2, 168, 224))
ODD_NAMES = tif("a [1] µ.TIF", **FLOAT), tif("\ufeffb\udce9.tiff", seeds=[1], **FLOAT)
NUMBER = np.add.outer(np.arange(168) // 56 * 4, np.arange(224) // 56)  # of a disc, from 0 on
BRIGHT, MORE = (
    {"make": lambda p, n=n: p * np.where((p > 1300) & (n > NUMBER), 10, 1)} for n in (3, 7)
)
STRIP = np.abs(np.subtract.outer(np.arange(168), np.arange(224) - 28)) < 90  # a turned field
REST = {"make": lambda pixels: np.where(STRIP, pixels, 0)}
NAN = {"make": lambda pixels: np.where(STRIP, pixels, np.nan).astype("float32")}
COMPANION = {"description": '<OME><BinaryOnly MetadataFile="a.companion.ome"/></OME>'}
INSIDE_OUT = tif("a.tif", make=lambda pixels: 4095 - pixels)
UM, PX, T = {"DIAMETER": "9.1 um"}, {"DIAMETER": "28 px"}, {"PAGES": "T"}
ALL = {"PATTERN": "*"}
NAMES, NUMBERS = ({"NUCLEI": n, "MEASURE": [n, m]} for n, m in (("DAPI", "signal"), (1, 0)))
# a function that writes the folder, the settings, and the cure of those that are refused
LAYOUTS = {
    "channels": (tif("a.ome.tif", "CYX", **WIDE), NAMES | {"DIAMETER": "20.8 um"}),
    "projection": (tif("a.ome.tif", "ZCYX", **DEEP), UM | NAMES | {"DEPTH": "max"}),
    "pages": (PAGES, PX | T),
    "single pages": (SINGLE, PX | T),
    "time": (tif("a.tif", "TCYX", range(3), both=True, unit="micron", **IMAGEJ), UM | NUMBERS),
    "channels of slices": (
        several(
            tif("a.tif", seeds=[1], Labels=["a_GFP", "a_DAPI"], **SLICES),
            tif("b.tif", Labels=["DAPI.tif", "GFP.tif"], make=SWAP, **SLICES),
        ),
        PX | {"NUCLEI": "DAPI", "MEASURE": ["DAPI", "GFP"]},
    ),
    "numbers of slices": (
        several(
            tif("a.tif", Labels=["a w1", "a w2"], **SLICES),
            tif("b.tif", seeds=[1], Labels=["b w1", "b w2"], **SLICES),
        ),
        PX | NUMBERS,
    ),
    "colours of channels": (
        several(
            tif("a.tif", seeds=[1], LUTs=[GREEN, BLUE], **SLICES),
            tif("b.tif", LUTs=[BLUE, GREEN], make=SWAP, **SLICES),
        ),
        PX | {"NUCLEI": "blue", "MEASURE": ["blue", "green"]},
    ),
    "cytoplasm": (tif("a.tif", make=lambda p: p + 200 * (distance(p < 1300) < 14)), PX),
    "mm and nm": (several(tif("a.tif", **MILLI), tif("b.tif", seeds=[1], **NANO)), UM),
    "zarr": (store, UM | {"NUCLEI": None, "MEASURE": None}),
    "8 bits": (png, PX),
    "0 to 1": (several(*ODD_NAMES), PX),
    "sharp": (tif("a.tif", make=lambda p: np.where(p > 1300, 2000.0, 300) + p % 16), PX),
    "NaN in a channel that is not used": (
        tif("a.ome.tif", "CYX", both=True, make=lambda p: p / [[[np.nan]], [[1]]], **OME),
        UM | {"NUCLEI": "DAPI", "MEASURE": ["DAPI"]},
    ),
    "twice": (tif("a.tif", draw=(56,)), {"DIAMETER": "56 px"}),
    "half": (tif("a.tif", draw=(14,)), {"DIAMETER": "14 px"}),
    "few very bright": (tif("a.tif", **BRIGHT), PX),
    "more than half very bright": (tif("a.tif", **MORE), PX),
    "columns of tiles": (two("r01_c01.tif", "r01_c02.tif"), PX),
    "frames of names like channels": (two("a_c1.tif", "a_c2.tif"), PX | ALL),
    "inside out": (INSIDE_OUT, PX | {"BACKGROUND": "bright"}),
    "no images": (lambda folder: (folder / "a.jpg").touch(), PX, "only ['.jpg']: convert"),
    "no width": (tif("a.tif"), {}, "Set DIAMETER to '18 um'"),
    "one channel of two frames": (two("a_w1131349519.tif", "a_w12C491C83D.tif"), PX),
    "no channel": (tif("a.ome.tif", "CYX", both=True), PX, "NUCLEI is None, and the channels are"),
    "depth": (tif("a.ome.tif", "ZCYX", **DEEP), UM | NAMES, "if projections are there too"),
    "unnamed pages": (PAGES, PX, "does not say what Q is: set PAGES"),
    "unnamed single pages": (SINGLE, PX, "5 pages without a name: set PAGES"),
    "odd axis": (tif("a.tif", "RYX", range(5)), PX, "does not say what R is: set PAGES"),
    "inch": (tif("a.tif", unit="inch", **IMAGEJ), UM, "set PIXEL_SIZE"),
    "stains": (tif("a.tif", **COLOURS), PX, "separate the stains first (skimage.color.rgb2hed)"),
    "false colours": (lambda f: RED.quantize().save(f / "a.png"), PX, "colours its grey original"),
    "channels as colours": (tif("a.tif", **COLOURS), PX, "write channels first, and with"),
    "channels last": (tif("a.tif", **LAST), PX | {"PAGES": "C"}, "np.moveaxis(image, -1, 0)"),
    "bright": (INSIDE_OUT, PX, "set BACKGROUND to 'bright'"),
    "one of several files": (
        tif("a.ome.tif", **PART),
        PX,
        "2 files that belong together: save each image as one file; these are lost",
    ),
    "two sizes": (tif("a.tif", unit="um", **IMAGEJ), PX | {"PIXEL_SIZE": 0.3}, "states pixels of"),
    "OME in um": (tif("a.ome.tif", **OME_UM), PX, "OME has no unit ['um']"),
    "two unnamed axes": (FOUR_AXES, PX | T, "save it with metadata={'axes': 'TCYX'}"),
    "two orders": (two_orders, PX | NAMES, "name their channels differently: save one per file"),
    "mask": (tif("a.tif", make=lambda p: (p > 1300) * np.uint8(255)), PX, "looks like a mask"),
    "labels": (tif("a.tif", make=lambda p: ndimage.label(p > 1300)[0]), PX, "looks like a mask"),
    "white is 0": (tif("a.tif", photometric="miniswhite"), PX, "white is stored as 0"),
    "companion": (tif("a.ome.tif", **COMPANION), PX, "export each image as one OME-TIFF"),
    "array": (lambda f: zarr.save(f / "a.zarr", drawn(0)[1]), PX, "save it as OME-Zarr"),
    "long name": (tif(237 * "x" + ".tif"), PX, "its name is too long for the names of results"),
    "colons": (tif("a::b.tif"), PX, "'::': rename it"),
    "NaN": (tif("a.tif", **NAN), PX, "fill in the median of the background, not 0"),
    "border": (tif("a.tif", **REST), PX, "a border without an image: cut it off, or fill in the"),
    "no such names": (tif("a.tif"), PX | {"PATTERN": "b*"}, "none is named b*: change PATTERN"),
    "large": (tif("a.tif", **LARGE), PX, "notebooks/11_one_large_image.ipynb"),
}


def with_settings(text, settings):
    """Return code with other settings."""
    for name, value in settings.items():
        text, count = re.subn(rf"(?m)^{name} = [^#\n]+", f"{name} = {value!r}", text)
        assert count == 1, name
    return text


def measured(settings):
    """Run the script's functions; return the tables of nuclei, frames and skipped files."""
    exec(with_settings(SCRIPT, settings), names := {"__name__": "own_folder"})
    tables, skipped = names["run"](names["survey"]())
    return *names["save"](tables, skipped), skipped


def ends_right(run, folder, write, settings, *cure):
    """Assert that a run over a folder gives the right table, or a refusal with a cure."""
    frames = write(folder)
    if cure:
        with pytest.raises((ValueError, FileNotFoundError), match=re.escape(*cure)):
            run(settings)
        return
    nuclei, per_frame, skipped = run(settings)
    assert (per_frame["look"].any(), len(skipped)) == (False, 0)
    tables = [table for _, table in nuclei.groupby(["file", "frame"])]
    for table, (_, _, truth) in zip(tables, frames, strict=True):
        at = truth[table["row"].round().astype(int), table["column"].round().astype(int)]
        assert sorted(at) == [*range(1, truth.max() + 1)]
        np.testing.assert_allclose(table["area_px"], np.bincount(truth.ravel())[at], rtol=0.15)
        size = 0.325 if "um" in settings["DIAMETER"] else np.nan
        np.testing.assert_allclose(table["area_um2"], table["area_px"] * size**2)
        for name in (settings.get("MEASURE") or [])[1:]:  # the signal
            means = table[f"mean_{name}"], table[f"sum_{name}"] / table["area_px"]
            np.testing.assert_allclose(means, [100 + 10 * at] * 2, rtol=0.15)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Return the folder images, where a test works."""
    (tmp_path / "notebooks" / "images").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "notebooks")
    return Path("images")


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layout(folder, layout):
    """The table has each nucleus once, with area and signal; or an error says what to set or do."""
    ends_right(measured, folder, *LAYOUTS[layout])


def test_notebook_on_other_folders(folder, simulated_frames, monkeypatch):
    """It has the script's functions, and with other settings alone ends as the script does."""
    monkeypatch.setenv("SEGKIT_DATA", str(simulated_frames.parent))
    cells = [cell.source for cell in CELLS if cell.cell_type == "code" and "f1" not in cell.source]
    functions = [ast.unparse(node) for node in ast.parse(SCRIPT).body if hasattr(node, "args")]
    assert [f for f in functions if f not in ast.unparse(ast.parse("\n".join(cells)))] == []
    start = next(i for i, source in enumerate(cells) if source.startswith("FOLDER = "))
    end = next(i for i, source in enumerate(cells) if "= save(tables, skipped)" in source)
    exec("\n".join(cells[:start]), given := {"PosixPath": Path})
    for place in ("time", "zarr", "stains"):
        (folder / place).mkdir()
        paths = {"FOLDER": folder / place, "RESULTS": Path("results", place)}

        def as_notebook(settings, paths=paths):
            code = [with_settings(cells[start], settings | paths), *cells[start + 1 : end + 1]]
            exec("\n".join(code), names := dict(given))
            return names["nuclei"], names["frames"], names["skipped"]

        ends_right(as_notebook, folder / place, *LAYOUTS[place])


def test_what_cannot_be_used_is_listed(folder):
    """Damaged files and swapped channels are skipped, odd frames named, other shapes measured."""
    kinds = {"A": {}, "B": {"draw": (56,)}, "C": {"Channel": {"Name": ["DAPI", "signal"]}}, "D": {}}
    kinds["E"] = {"make": lambda pixels: pixels[:, :12, :12]}  # without a nucleus
    dense = {"make": lambda pixels: [pixels[0], 3000 - ndimage.grey_dilation(pixels[1], (25, 25))]}
    for seed, (well, options) in enumerate((kinds | {"F": dense}).items()):
        tif(f"{well}/a.ome.tif", "CYX", [seed], both=True, **OME | options)(folder)
    cut = folder / "D" / "a.ome.tif"
    cut.write_bytes(cut.read_bytes()[:-9000])
    _, frames, skipped = measured(UM | NUMBERS)
    assert frames["file"].str[0].tolist() == ["A", "B", "E", "F"]
    assert frames["nuclei"].tolist()[:3] == [12, 12, 0]
    look = ["", "nuclei are 52 px wide, 28 by DIAMETER", "no nuclei", "most objects have hollows"]
    assert frames["look"].str.extract("^([^:;]*)")[0].tolist() == look
    assert skipped["file"].tolist() == ["C/a.ome.tif", "D/a.ome.tif"]
    assert skipped["problem"].str.contains("give the names|save the file again").all()


@pytest.mark.parametrize(
    ("one", "other", "pattern"),
    [
        ("A01_s1_w1131349519.tif", "A01_s1_w2C491C83D.tif", "*_w1*"),
        ("field 2_ch00.tif", "field 2_ch01.tif", "*ch00*"),
        ("DAPI/a.tif", "GFP/a.tif", "DAPI/*"),
        ("C1-a.tif", "C2-a.tif", "C1*"),
        ("T01L01A01Z01C01.tif", "T01L01A02Z01C02.tif", "*C01*"),
        ("T01L01A01Z01C01.tif", "T01L01A01Z02C01.tif", "*Z01*"),
        ("B2f01d0.tif", "B2f01d1.tif", "*d0*"),
        ("B2_01_1_1_DAPI_001.tif", "B2_01_2_1_GFP_001.tif", "*DAPI*"),
    ],
)
def test_channels_in_files_of_their_own(folder, one, other, pattern):
    """They are refused, and so are thumbnails, unless a pattern chooses among them."""
    write = several(two(one, other), tif("x_thumb.tif"))
    ends_right(measured, folder, write, PX, "one file (notebooks/16_your_data.ipynb shows how)")
    nuclei, _, skipped = measured(PX | {"PATTERN": pattern})
    assert nuclei.groupby("file").size().to_dict() == {one: 12}
    assert sorted(skipped["problem"].str[:9]) == ["a thumbna", "not match"]


def test_doubts(folder):
    """Frames that come out wrong, or with wrong intensities, are named with the reason."""
    row, column = np.indices((168, 224))
    dim, bar = (row < 56) & (column < 112), (row > 160) & (column > 40)
    noise = np.random.default_rng(0).normal(4.1, 0.4, dim.shape).round()  # a few grey levels
    round_one = np.hypot(row - 84, column - 112) < 60
    steps = np.where(NUMBER < 4, 0.8, 1.2)
    fibre = abs(row - 84 - 60 * np.sin(column / 18)) < 14

    kinds = {
        "no nuclei": lambda _: noise,
        "without a label: 2 objects": lambda p: np.where(dim, 300 + (p - 300.0) / 8, p),
        "uneven light": lambda p: (p + 300.0) * (1 - column / 400),
        "19 times the area of a nucleus": lambda p: np.where(round_one, 2300, p),
        "at the maximum of 0": lambda p: np.minimum(p, 2200),
        "wider than in other frames": lambda p: ndimage.gaussian_filter(p, 10),
        "or a scale bar": lambda p: np.where(bar, 65535, p),
        "did values wrap": lambda p: (p * np.where(dim, 16, 10)).astype("int16") + 32768.0,
        "an object is far dimmer": lambda p: ndimage.gaussian_filter(p, 6),
        "a straight seam": lambda p: p + 100 * (column > 112),
        "nuclei have less noise": lambda p: np.minimum(p * steps, 2300) * (1 + column / 4000),
        "the background of 0 is 3 times": lambda p: p + 600,
        "objects that touch are brighter": lambda p: np.where(fibre, 3 * p.max() // 2 + p // 9, p),
    }
    for seed, (name, make) in enumerate(kinds.items()):
        tif(f"{name}/a.tif", seeds=[seed], make=lambda p, m=make: m(p).astype("uint16"))(folder)
    same, stretched = "the same nuclei as in the same", "stretched per image?"
    for n in (1, 2):
        tif(f"{same}/{n}.tif", seeds=[20], make=lambda p, n=n: np.roll(p // n, n))(folder)
        tif(f"{stretched}/{n}.tif", seeds=[20 + n], **STRETCHED)(folder)
    frames = measured(PX)[1]
    named = [(str(Path(file).parent), look) for file, look in frames[["file", "look"]].to_numpy()]
    assert {name for name, _ in named} == {*kinds, same, stretched}
    assert [(name, look) for name, look in named if name not in look] == []


def test_background_of_a_channel(folder):
    """A frame is named where most of a channel's background is cytoplasm, and not one of noise."""
    noise = np.random.default_rng(0).normal(100, 5, (168, 224))
    for seed, cytoplasm in enumerate((0, 0, 0, 200, 600)):

        def make(pixels, cytoplasm=cytoplasm):
            away = ndimage.distance_transform_edt(pixels[0] == 500)  # from nuclei
            return [noise + cytoplasm * ((away > 0) & (away < 20)), pixels[1]]

        tif(f"{seed}.ome.tif", "CYX", [seed], both=True, **OME, make=make)(folder)
    look = measured(PX | NAMES)[1]["look"]
    assert look.str.contains("signal is bright in most places").tolist() == [False] * 3 + [True] * 2
    assert not look[:3].any()


def test_channel_out_of_line(folder):
    """A channel that a second camera saw moved or turned is named; one in line is not."""
    moves = {
        0: lambda pixels: pixels,
        1: lambda pixels: np.roll(pixels, (7, -9), (0, 1)),
        2: lambda pixels: ndimage.rotate(pixels, 2, reshape=False, mode="nearest"),
    }
    for seed, move in moves.items():

        def make(pixels, move=move):
            return [move(pixels[1]), pixels[1]]

        options = {"both": True, "make": make, "draw": (28, (336, 448)), **OME}
        tif(f"{seed}.ome.tif", "CYX", [seed], **options)(folder)
    look = measured(PX | NAMES)[1]["look"]
    assert (
        look.str.contains("signal lies up to [6-9] px from the nuclei").tolist()[1:] == [True] * 2
    )
    assert not look[0]


def test_channels_without_names(folder):
    """Where numbers are all there is, a file with more channels than the others is skipped."""
    for name, make in {"a": np.asarray, "b": np.asarray, "c": lambda p: p[[0, 1, 0]]}.items():
        tif(f"{name}.tif", "CYX", both=True, make=make, **IMAGEJ)(folder)
    _, frames, skipped = measured(PX | NUMBERS)
    assert [*frames["file"], *skipped["file"]] == ["a.tif", "b.tif", "c.tif"]
    assert "move it to another folder" in skipped["problem"][0]


def test_frames_unlike_the_others(folder):
    """Another exposure, pixel size or brightness than in most frames is named."""
    exposed = {"ExposureTime": [200, 50], "ExposureTimeUnit": ["ms", "ms"]}
    usual = {"ExposureTime": [0.05, 0.05], "ExposureTimeUnit": ["s", "s"]}
    kinds = {
        "signal was exposed 200 ms, and 50 ms in most frames": OME | {"Plane": exposed},
        "another pixel size than most": OME | {"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65},
        "nuclei are 0.3 times as bright as usual": OME | {"make": lambda p: p * 3 // 10},
    }
    kinds |= {name: OME | {"Plane": usual} for name in "wxyz"}
    for seed, (name, options) in enumerate(kinds.items()):
        width = 14 if "pixel" in name else 28
        draw = (width, (6 * width, 8 * width))
        tif(f"{name}.ome.tif", "CYX", [seed], both=True, draw=draw, **options)(folder)
    look = measured(UM | NAMES)[1].set_index("file")["look"]
    assert [name for name in kinds if (name in look[f"{name}.ome.tif"]) != (len(name) > 1)] == []
    assert not look["w.ome.tif":].any()


def test_light_uneven_in_all_frames(folder):
    """It is named for the channel that has it, even if the background shows it only a little."""
    for seed in range(3):
        options = {"make": lambda p: [p[0] + np.linspace(0, 110, 224), p[1]], "both": True, **OME}
        tif(f"{seed}.ome.tif", "CYX", [seed], **options)(folder)
    assert measured(PX | NAMES)[1]["look"].str.contains("signal varies in the same way").all()


def test_script_beside_folders_named_like_packages(folder):
    """It runs beside folders called sparse and cupy, and says what was measured and skipped."""
    for name in ("sparse", "cupy"):
        Path(name).mkdir()
    several(tif("a.tif"), tif("b.tif", make=lambda p: (p > 1300) * 99))(folder)
    Path("own_folder.py").write_text(with_settings(SCRIPT, PX), "utf-8")
    command = [sys.executable, "own_folder.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "12 nuclei in 1 frames of 1 files, 1 skipped\n1 skipped: looks" in done.stdout, (
        done.stderr
    )
    assert "outlines.png" in done.stdout.splitlines()[-1]  # nothing to look at again


def test_each_file_is_measured_once(folder):
    """Links to files and folders, and earlier results, are listed; text will do for a folder."""
    tif("sub/a.tif")(folder)
    for link, target in (("a.tif", "sub/a.tif"), ("sub/all", "..")):
        (folder / link).symlink_to(target)
    for results in ("images/one", "images/two"):
        nuclei, _, skipped = measured(PX | {"FOLDER": "images", "RESULTS": results})
        assert set(nuclei["file"]) == {"sub/a.tif"}
        assert len(nuclei) == 12
    assert skipped["file"].tolist() == ["a.tif", "one", "sub/all"]
    assert skipped["problem"].str.contains("a link|results of an earlier run").all()


def test_a_second_run_does_what_is_new_or_changed(folder):
    """What is done stays; changed files and settings, and corrected labels, are measured again."""

    def again(settings=PX):
        times = {path: path.stat().st_mtime_ns for path in Path("results").rglob("*.parquet")}
        counts = measured(settings)[0].groupby("file").size().to_dict()
        parts = Path("results/parts").glob("*")
        return counts, sorted(p.name[0] for p in parts if p.stat().st_mtime_ns != times.get(p))

    several(*[tif(f"{name}.tif") for name in "abc"])(folder)
    assert again() == ({"a.tif": 12, "b.tif": 12, "c.tif": 12}, ["a", "b", "c"])
    tif("b.tif", seeds=[7])(folder)  # of the same size
    (folder / "c.tif").unlink()
    assert again() == ({"a.tif": 12, "b.tif": 12}, ["b"])
    assert sorted(path.name[0] for path in Path("results/labels").iterdir()) == ["a", "b"]
    assert again(PX | {"DIAMETER": "27 px"})[1] == again()[1] == ["a", "b"]
    labels = tifffile.imread("results/labels/a.tif_000.tif")
    Path("results/corrected").mkdir()
    tifffile.imwrite("results/corrected/a.tif_000.tif", np.where(labels == 2, 0, labels))
    assert again() == ({"a.tif": 11, "b.tif": 12}, ["a"])
    assert again()[1] == []


def test_rescaling_keeps_the_score():
    """At half and twice the size of a simulated frame F1 is about what it is at the frame's own."""
    exec(SCRIPT, names := {"__name__": "own_folder"})
    image, truth = simulate.frame(39, 1)
    f1 = {}
    for scale, factor in ((1, 1), (0.5, 2), (2, 0.5), (0.5, 1)):
        small = names["scaled"](image.astype("float32"), scale)
        true = resize(truth, small.shape, order=0, preserve_range=True, anti_aliasing=False)
        f1[scale, factor] = score.report(true, names["labelled"](small, factor))["averageF1"]
    assert min(f1[0.5, 2], f1[2, 0.5]) > f1[1, 1] - 0.04 > 0.8 > f1[0.5, 1]


def test_what_notebook_01_says_of_readers(folder):
    """Of pages appended one by one the first is read; in a pattern, a bracket is a wildcard."""
    SINGLE(folder)
    assert imread(str(folder / "a.tif"), imread=tifffile.imread).shape == (1, 168, 224)
    tif("exp [1]/a.tif")(folder)
    with pytest.raises(ValueError, match="No files found"):
        imread(str(folder / "exp [1]" / "*.tif"), imread=tifffile.imread)
