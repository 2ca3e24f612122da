"""The snippets that read and save frames give back the pixels of the files."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from segkit import data

CHECKOUT = Path(__file__).parents[2]


def test_read_pattern(run, folder, stack):
    """Beside the folder images, its files are one array, one frame per chunk."""
    printed = run("read_pattern", folder, cwd=folder)
    assert printed.startswith("(12, 520, 696) uint16 8.7 MB")
    assert printed.endswith(str(stack[0].mean()))


def test_read_multipage(play, stack):
    """Each page of the file is a chunk, with the pixels of its frame; no other page is read."""
    done = play("read_multipage")
    assert done.images.chunksize == (1, 520, 696)
    np.testing.assert_array_equal(done.images.compute(), stack[:5])
    assert done.printed.endswith(str(stack[2].mean()))


STACK = np.arange(5 * 30 * 40, dtype=np.uint16).reshape(5, 30, 40)


def write_appended(path):
    """Write one page after the other, each by a call of its own."""
    for page in STACK:
        tifffile.imwrite(path, page, append=True, ome=False)


def write_pyramid(path):
    """Write an OME-TIFF with a second, smaller level."""
    with tifffile.TiffWriter(path, ome=True) as tif:
        tif.write(STACK, subifds=1, metadata={"axes": "TYX"}, tile=(16, 16))
        tif.write(STACK[:, ::2, ::2], subfiletype=1, tile=(16, 16))


@pytest.fixture
def multipage(tmp_path):
    """Run the snippet read_multipage on a file of one's own."""

    def multipage(write):
        path = tmp_path / "own.tif"
        write(path)
        source = (CHECKOUT / "snippets" / "read_multipage.py").read_text(encoding="utf-8")
        start, end = source.index("path = Path("), source.index("# tifffile presents")
        names = {}
        exec(f"{source[:start]}path = Path({str(path)!r})\n{source[end:]}", names)
        return names["images"]

    return multipage


@pytest.mark.parametrize("write", [write_appended, write_pyramid])
def test_read_multipage_takes_every_page(multipage, write):
    """Pages that were appended, or have smaller copies, are read in full, one page per chunk."""
    images = multipage(write)
    assert images.chunksize == (1, 30, 40)
    np.testing.assert_array_equal(images.compute(), STACK)


@pytest.mark.parametrize("options", [{"truncate": True}, {"imagej": True, "truncate": True}])
def test_read_multipage_refuses_what_it_cannot_tell_apart(multipage, options):
    """Several images behind one page end with the file's name."""
    with pytest.raises(SystemExit, match=r"own\.tif: 1 pages; save one image per page"):
        multipage(lambda path: tifffile.imwrite(path, STACK, **options))


def test_read_own_format(play, folder):
    """The red channels of all masks are one array."""
    done = play("read_own_format")
    masks = [np.asarray(Image.open(path))[..., 0] for path in data.masks(folder)]
    np.testing.assert_array_equal(done.red.compute(), masks)
    assert len(done.printed.splitlines()) == 12


def test_find_odd_files_names_each(play, own, stack):
    """Another shape or dtype, several images, missing pixels, and what cannot be read are odd."""
    folder, image = own(stack), stack[0]
    low, eight, several, empty, cut = data.images(folder)[:5]
    tifffile.imwrite(low, image[:260])
    tifffile.imwrite(eight, image.astype("uint8"))
    tifffile.imwrite(several, image, append=True)
    tifffile.imwrite(empty, image, tile=(128, 128))
    with tifffile.TiffFile(empty, mode="r+") as tif:
        tags = tif.pages.first.tags
        for name in ("TileOffsets", "TileByteCounts"):
            tags[name].overwrite([*tags[name].value[:-1], 0])
    tifffile.imwrite(cut, np.stack([image, image]), photometric="minisblack")
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size * 3 // 4])
    done = play("find_odd_files", folder)
    assert done.odd == {
        Path("images", low.name): "(260, 696) uint16",
        Path("images", eight.name): "(520, 696) uint8",
        Path("images", several.name): "(520, 696) uint16, the first of 2 images",
        Path("images", empty.name): "parts of the image were never written",
        Path("images", cut.name): "cut off",
    }
    assert done.printed.endswith("5 of 12 files are not (520, 696) uint16")


def test_stack_to_zarr(play, stack):
    """The Zarr holds all frames, ten a chunk."""
    done = play("stack_to_zarr")
    assert done.stored.chunks[0] == (10, 2)
    np.testing.assert_array_equal(done.stored.compute(), stack)


def test_contact_sheet(play, stack):
    """Each frame is on the sheet, as the means of its 8 x 8 pixels."""
    done = play("contact_sheet")
    assert done.small.shape == (12, 65, 87)
    np.testing.assert_allclose(done.small[3, 2, 5], stack[3, 16:24, 40:48].mean())
    with Image.open(done.path) as sheet:
        assert sheet.size == done.sheet.shape[::-1]


def test_save_ome_zarr(play, files):
    """The labels can be opened again, with axes and the size of a pixel."""
    done = play("save_ome_zarr")
    group = zarr.open_group("build/snippets/labels.ome.zarr", mode="r")
    (image,) = group.attrs["ome"]["multiscales"]
    assert [axis["name"] for axis in image["axes"]] == ["t", "y", "x"]
    assert group["0"].metadata.dimension_names == ("t", "y", "x")  # OME-Zarr 0.5 demands them
    (scale,) = image["datasets"][0]["coordinateTransformations"]
    assert scale["scale"] == [1, 0.645, 0.645]
    labels = group["0"][:]
    assert (labels.max(axis=(1, 2)) > 20).all()
    np.testing.assert_array_equal(labels, done.labels.compute())


def test_progress_bar(play, stack, capsys):
    """Both bars come to their ends."""
    done = play("progress_bar")
    assert "100% Completed" in done.printed
    assert done.printed.endswith(f"mean {stack.mean():.2f}, highest {stack.max()} grey levels")


def test_correct_shading_finds_the_light(play, own, stack):
    """Light that falls off to one side is found, and evened out."""
    fall = np.linspace(1.2, 0.8, 696, dtype="float32")
    done = play("correct_shading", own((stack[:9] * fall).astype("uint16")))
    found = done.light.mean(axis=0) / done.light.mean()
    assert abs(found - fall)[50:-50].max() < 0.08
    before = np.median(done.images.compute(), axis=(0, 1))
    after = np.median(done.corrected.compute(), axis=(0, 1))
    assert after[60:-60].std() < before[60:-60].std() / 4
