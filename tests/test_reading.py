import logging
import os
import pickle
import re
import struct
import sys
from unittest.mock import Mock

import numpy as np
import pytest
import tifffile
from made import damaged, folder, scene
from PIL import Image

from segkit.reading import FrameError, common_format, pixel_size, read_frame, read_stack

SHAPE = (24, 32)
LIKE = (SHAPE, np.dtype(np.uint16))


def written(path, image=None, **options):
    """Write a frame as a TIFF; return its path."""
    tifffile.imwrite(path, scene(1, SHAPE) if image is None else image, **options)
    return path


def metamorph(path, planes):
    """Write a MetaMorph stack: one page, whose tag 33629 counts the planes behind it."""
    count = len(planes)
    tags = [(code, 5, count, (1, 1) * count, True) for code in (33628, 33629, 33630)]
    tifffile.imwrite(path, planes[0], metadata=None, rowsperstrip=5, extratags=tags)
    content = bytearray(path.read_bytes() + planes[1:].tobytes())
    directory = struct.unpack("<I", content[4:8])[0]
    for number in range(struct.unpack_from("<H", content, directory)[0]):
        entry = directory + 2 + 12 * number
        if struct.unpack_from("<H", content, entry)[0] == 33629:
            struct.pack_into("<I", content, entry + 8, len(content))
    path.write_bytes(content + np.array([0, 1, 2459000, 0, 2459000, 0] * count, "<u4").tobytes())
    return path


def large_imagej(path, planes, *, cut=False):
    """Write a stack as ImageJ does above 4 GB: one page, the other planes behind its pixels."""
    text = f"ImageJ=1.54f\nimages={len(planes)}\nframes={len(planes)}\nhyperstack=true\n"
    planes = planes.astype(">u2")
    tifffile.imwrite(path, planes[0], byteorder=">", description=text, metadata=None)
    if not cut:
        path.write_bytes(path.read_bytes() + planes[1:].tobytes())
    return path


def ome_text(path, planes):
    """Return the metadata of an OME-TIFF of some planes, which is written for it."""
    tifffile.imwrite(path, planes, ome=True, metadata={"axes": "TYX"})
    with tifffile.TiffFile(path) as tif:
        return tif.ome_metadata


def palette(path, colours):
    """Write an 8-bit frame with a colour map; return it as grey levels."""
    image = (scene(1, SHAPE) // 4).clip(0, 255).astype(np.uint8)
    picture = Image.fromarray(image, mode="P")
    picture.putpalette(np.asarray(colours, np.uint8).ravel().tolist())
    picture.save(path)
    return image


KINDS = {
    "plain": {"rowsperstrip": 5},
    "one strip": {},
    "tiled": {"tile": (16, 16)},
    "deflate": {"compression": "deflate", "rowsperstrip": 5},
    "LZW": {"compression": "lzw", "predictor": 2},
    "zstd": {"compression": "zstd"},
    "BigTIFF": {"bigtiff": True, "byteorder": ">"},
    "MetaMorph": None,  # as BBBC039
}


@pytest.fixture(params=KINDS)
def sound(request, tmp_path):
    """Return a file of each kind that holds the scene 1."""
    if request.param == "MetaMorph":
        return metamorph(tmp_path / "a.tif", scene(1, SHAPE)[None])
    return written(tmp_path / "a.tif", **KINDS[request.param])


def test_every_layout_is_read(sound):
    """Every layout and lossless compression gives the pixels that were written."""
    image = read_frame(sound)
    np.testing.assert_array_equal(image, scene(1, SHAPE))
    assert image.dtype == np.uint16


BAD = {
    "RGB": (np.ones((3, *SHAPE), np.uint8), r"shape \(3, 24, 32\), not rows and columns"),
    "CFA": (scene(1, SHAPE), "its pixels are CFA of dtype uint16; save grey levels"),
    "white": (scene(1, SHAPE), r"MinIsWhite.*; invert it and save it"),
    "NaN": (np.full(SHAPE, np.nan, np.float32), "NaN or infinite values"),
    "infinite": (np.where(np.eye(*SHAPE), np.inf, 1), "NaN or infinite values"),
    "complex": (np.eye(*SHAPE).astype(complex), "MINISBLACK of dtype complex128; save grey levels"),
    "zero": (np.zeros(SHAPE, np.uint16), "every pixel is 0; move the file away"),
    "saturated": (np.full(SHAPE, 4095, np.uint16), "every pixel is 4095"),
    "other shape": (scene(1, (23, 32)), r"shape \(23, 32\) .*most frames have shape \(24, 32\)"),
    "other dtype": (scene(1, SHAPE).astype(np.uint8), "dtype uint8, where most frames .* uint16"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_frame_is_named_with_its_reason(tmp_path, kind):
    """The error names the file and what is wrong, also when it comes from another process."""
    image, said = BAD[kind]
    colours = {"RGB": "rgb", "CFA": "cfa", "white": "miniswhite"}.get(kind, "minisblack")
    path = written(tmp_path / "a.tif", image, photometric=colours)
    with pytest.raises(FrameError, match=rf"a\.tif: .*{said}") as caught:
        read_frame(path, like=LIKE if "other" in kind else None)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_read_stack_is_lazy_and_names_the_bad_file(tmp_path):
    """Only headers are read to build the stack; a bad file is named when it is read."""
    files = folder(tmp_path, 4)
    expected = np.stack([tifffile.imread(path) for path in files])
    files[2].rename(tmp_path / "elsewhere")
    images = read_stack(files)
    assert images.chunks == ((1,) * 4, (90,), (120,))
    assert images.dtype == np.uint16
    np.testing.assert_array_equal(images[:2].compute(), expected[:2])
    twice = read_stack(files[:1]).astype(int) - read_stack(files[1:2])  # of the same size
    np.testing.assert_array_equal(twice[0].compute(), expected[0].astype(int) - expected[1])
    with pytest.raises(FrameError, match="frame_002"):
        images.compute()
    written(files[0], expected[0].astype(np.uint8))
    with pytest.raises(FrameError, match=r"frame_000\.tif: .* dtype uint8, where"):
        images[0].compute()


def test_a_missing_codec_is_named_with_its_cure(tmp_path, monkeypatch):
    """Without imagecodecs the error asks for it, not for a new copy of a sound file."""
    path = written(tmp_path / "a.tif", compression="lzw")
    for name in [name for name in sys.modules if name.partition(".")[0] == "tifffile"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    import tifffile as poorer

    monkeypatch.setattr("segkit.reading.tifffile", poorer)
    with pytest.raises(FrameError, match=r"a\.tif: cannot be read .*LZW.*install imagecodecs"):
        read_frame(path)


@pytest.mark.parametrize("kind", ["metamorph", "imagej", "imagej cut", "appended", "OME"])
def test_several_planes_are_never_taken_for_one(tmp_path, kind):
    """Planes that share a page, or pages that are lost, are refused with their number."""
    path, planes = tmp_path / "a.tif", np.stack([scene(seed, SHAPE) for seed in range(4)])
    said = "4 planes according to its metadata; save one frame per file"
    if kind == "metamorph":
        metamorph(path, planes)
    elif kind.startswith("imagej"):
        large_imagej(path, planes, cut="cut" in kind)
    elif kind == "appended":
        for plane in planes:
            written(path, plane, append=True, metadata=None)
        said = "4 pages; save one frame per file"
    else:
        written(path, planes[0], description=ome_text(path, planes), metadata=None)
    with pytest.raises(FrameError, match=rf"a\.tif: {said}"):
        read_frame(path)


def cut_stack(path):
    """Write two pages and cut the file off before the second."""
    for seed in range(2):
        written(path, scene(seed, SHAPE), append=True, metadata=None)
    with tifffile.TiffFile(path) as tif:
        end = tif.pages[1].offset
    path.write_bytes(path.read_bytes()[:end])
    return path


@pytest.mark.parametrize("lost", [False, True])
def test_ome_tiff_over_several_files(tmp_path, lost):
    """Each file gives its own plane, whether the other files are there or not."""
    images = np.stack([scene(seed, SHAPE) for seed in range(3)])
    files = [tmp_path / f"t{number}.ome.tif" for number in range(3)]
    text = ome_text(tmp_path / "all.ome.tif", images)
    parts = [
        f'<TiffData FirstT="{number}" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{file.name}">urn:uuid:{number}</UUID></TiffData>'
        for number, file in enumerate(files)
    ]
    text = re.sub("<TiffData.*?/>", "".join(parts), text)
    for number, (file, image) in enumerate(zip(files, images, strict=True)):
        own = re.sub('UUID="[^"]*"', f'UUID="urn:uuid:{number}"', text)
        written(file, image, description=own, metadata=None)
    assert tifffile.imread(files[1]).shape == (3, *SHAPE)
    if lost:
        files[0].unlink()
    for file, image in zip(files[lost:], images[lost:], strict=True):
        np.testing.assert_array_equal(read_frame(file), image)


def test_a_pyramid_gives_its_full_size(tmp_path):
    """Smaller copies below a page are not read."""
    path, image = tmp_path / "a.ome.tif", scene(1, SHAPE)
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(image, subifds=1)
        tif.write(image[::2, ::2], subfiletype=1)
    np.testing.assert_array_equal(read_frame(path), image)


@pytest.mark.parametrize("tag", [324, 325])
def test_a_tile_without_data_is_refused(tmp_path, tag):
    """A tile whose offset or byte count is 0 would be read as zeros."""
    path = written(tmp_path / "a.tif", tile=(16, 16))
    with tifffile.TiffFile(path, mode="r+") as tif:
        tag = tif.pages.first.tags[tag]
        tag.overwrite([*tag.value[:2], 0, *tag.value[3:]])
    with pytest.raises(FrameError, match="strips or tiles hold no data; save the file again"):
        read_frame(path)


def test_a_file_cut_off_is_never_read_with_other_pixels(sound):
    """Wherever the end is missing, the frame is refused or complete."""
    content, image = sound.read_bytes(), scene(1, SHAPE)
    for end in (*range(0, len(content), 97), *range(len(content) - 20, len(content))):
        sound.write_bytes(content[:end])
        try:
            np.testing.assert_array_equal(read_frame(sound), image)
        except FrameError:
            continue
        assert end > len(content) - 50  # bytes that no strip or tile uses


def test_colour_maps(tmp_path):
    """A colour map that goes from dark to bright is read, any other is refused."""
    ramp = np.arange(256)
    green = np.stack([ramp * 0, ramp, ramp * 0], 1)
    image = palette(tmp_path / "green.tif", green)
    np.testing.assert_array_equal(read_frame(tmp_path / "green.tif"), image)
    for name, colours in {
        "inverted": 255 - np.stack([ramp] * 3, 1),
        "random": np.random.default_rng(1).integers(0, 256, (256, 3)),
        "constant": np.full((256, 3), 80),
    }.items():
        palette(tmp_path / f"{name}.tif", colours)
        with pytest.raises(FrameError, match="not go from dark to bright; save it as grey levels"):
            read_frame(tmp_path / f"{name}.tif")


def test_too_little_memory_names_the_file(tmp_path, monkeypatch):
    """A frame larger than the memory is one line."""
    full = MemoryError("Unable to allocate\n3 GiB")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", Mock(side_effect=full))
    with pytest.raises(
        FrameError, match=r"a\.tif: needs more memory than is free \(Unable to allocate 3"
    ):
        read_frame(written(tmp_path / "a.tif", tile=(16, 16)))


NOT_FRAMES = {
    "PNG": r"cannot be read as TIFF \(it starts with b'\\x89PNG.*; save the frame as TIFF",
    "empty": r"is empty \(0 bytes\); copy or save the file again",
    "folder": "is a folder, a pipe or a device; move it away",
    "pipe": "is a folder, a pipe or a device; move it away",
    "missing": "does not exist, or is a link to nothing",
}


@pytest.mark.parametrize("what", NOT_FRAMES)
def test_what_is_no_frame_is_named_with_its_own_cure(tmp_path, what):
    """The cure fits the case: only damaged or empty files have to be copied again."""
    path = tmp_path / "a.tif"
    if what == "PNG":
        Image.fromarray(scene(1, SHAPE)).save(path, format="PNG")
    elif what == "empty":
        path.touch()
    elif what == "folder":
        path.mkdir()
    elif what == "pipe":
        if not hasattr(os, "mkfifo"):
            pytest.skip("this system has no named pipes")
        os.mkfifo(path)
    with pytest.raises(FrameError, match=rf"a\.tif: {NOT_FRAMES[what]}") as caught:
        read_frame(path)
    message = str(caught.value)
    assert ("copy" in message) == (what == "empty")
    assert "\n" not in message


def test_the_majority_decides_what_frames_must_be(tmp_path):
    """An odd, empty or damaged first file does not decide for the others."""
    files = [written(tmp_path / f"{number}.tif") for number in range(1, 6)]
    odd = [written(tmp_path / f"0{name}.tif", scene(1, (20, 30))) for name in "ab"]
    empty = tmp_path / "00.tif"
    empty.touch()
    assert common_format([empty, *odd, *files]) == LIKE


def test_at_most_fifty_headers_are_read(tmp_path, monkeypatch):
    """Many files cost no more than fifty, spread over the list."""
    path = written(tmp_path / "a.tif")
    files = [path] * 30 + [written(tmp_path / "b.tif", scene(1, (20, 30)))] * 970
    opened, opener = [], tifffile.TiffFile
    monkeypatch.setattr(tifffile, "TiffFile", lambda *a, **k: opened.append(a) or opener(*a, **k))
    assert common_format(files) == ((20, 30), np.uint16)
    assert len(opened) == 50
    assert opened[0] == (path,)


def test_nothing_usable_names_the_first_file(tmp_path):
    """Where no file has a usable header, the first and its cure are in the message."""
    files = [tmp_path / f"{name}.tif" for name in "abc"]
    for file in files:
        file.touch()
    with pytest.raises(FrameError, match=r"a\.tif: is empty .*none of the 3 files checked"):
        common_format(files)


def test_a_lost_second_page_is_an_error_and_not_a_log_line(tmp_path, caplog):
    """Lines of tifffile do not appear beside our errors, and are not taken from other callers."""
    path = cut_stack(tmp_path / "a.tif")
    with caplog.at_level(logging.DEBUG, "tifffile"):
        with pytest.raises(FrameError, match="after its first page; copy or save the file again"):
            read_frame(path)
        assert caplog.records == []
        with tifffile.TiffFile(path) as tif:
            len(tif.pages)
    assert "invalid page offset" in caplog.text


OME = {"axes": "YX", "PhysicalSizeX": 325, "PhysicalSizeY": 325}


@pytest.mark.parametrize(
    ("how", "size"),
    [
        ({"imagej": True, "metadata": {"unit": "\\u00B5m"}}, 0.25),
        ({"imagej": True, "metadata": {"unit": "nm"}}, 0.00025),
        ({"imagej": True, "metadata": {"unit": "inch"}}, None),
        ({"imagej": True}, None),
        ({"imagej": True, "metadata": {"unit": "um"}, "resolution": (4, 2)}, None),
        ({"ome": True, "metadata": OME}, 325),
        ({"ome": True, "metadata": {**OME, "PhysicalSizeXUnit": "nm"}}, None),
        ({"ome": True, "metadata": OME | {f"PhysicalSize{a}Unit": "nm" for a in "XY"}}, 0.325),
        ({"ome": True, "metadata": {**OME, "PhysicalSizeY": 3}}, None),
        ({"ome": True, "metadata": {"axes": "YX"}}, None),
        ({"resolutionunit": "centimeter"}, None),
    ],
)
def test_pixel_size_that_a_file_states(tmp_path, how, size):
    """A length of OME or ImageJ counts, if it is that of rows and columns; a printer's does not."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, scene(1), **{"resolution": (4, 4), **how})
    assert pixel_size(path) == size


@pytest.mark.parametrize(("state", "size"), [("on", 0.65), ("off", None)])
def test_pixel_size_of_metaxpress(tmp_path, state, size):
    """A calibration that is switched off does not count."""
    known = [("state", "bool", state), ("units", "string", "um")]
    known += [(axis, "float", "0.65") for axis in "xy"]
    rows = [f'<prop id="spatial-calibration-{n}" type="{t}" value="{v}"/>' for n, t, v in known]
    text = f"<MetaData><PlaneInfo>{''.join(rows)}</PlaneInfo></MetaData>"
    more = {"description": text, "metadata": None, "software": "MetaSeries"}
    tifffile.imwrite(tmp_path / "a.tif", scene(1), **more)
    assert pixel_size(tmp_path / "a.tif") == size


def test_pixel_size_of_simulated_frames(simulated_frames):
    """What the simulator writes counts as having the pixels of BBBC039."""
    assert pixel_size(next((simulated_frames / "images").glob("*.tif"))) == 0.645


def test_damage_gives_pixels_or_the_file_name(sound):
    """Whatever happens to a file, reading it ends in pixels or in a FrameError."""
    content, rng = sound.read_bytes(), np.random.default_rng(5)
    refused = []
    for _ in range(60):  # about half of such files are refused
        sound.write_bytes(damaged(content, rng))
        try:
            shape, dtype = common_format([sound])
            image = read_frame(sound)
        except FrameError as error:
            refused.append(str(error))
        else:
            assert (image.shape, image.dtype) == (shape, dtype)
    assert 0 < len(refused) < 60
    assert all(said.startswith(f"{sound}: ") and "\n" not in said for said in refused)
