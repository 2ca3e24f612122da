"""The snippets that read and save frames give back the pixels of the files."""

from pathlib import Path

import dask.array as da
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

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


@pytest.mark.parametrize("write", [write_appended, write_pyramid])
def test_multipage_takes_every_page(play, tmp_path, write):
    """Pages are read in full, one per chunk, and saved in full, one per file."""
    write(tmp_path / "stack.tif")
    images = play("read_multipage").images
    assert images.chunksize == (1, 30, 40)
    np.testing.assert_array_equal(images.compute(), STACK)
    assert play("split_multipage").printed == "5 frames of (30, 40) in frames"
    paths = sorted(Path("frames").iterdir())
    kind = "" if write is write_appended else "t"
    assert [path.name for path in paths] == [f"stack_{kind}{i:03}.tif" for i in range(5)]
    np.testing.assert_array_equal([tifffile.imread(path) for path in paths], STACK)


def test_split_multipage_names_the_axes(play, tmp_path):
    """Channels and time points are in the names, with the right pixels."""
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, STACK[:4].reshape(2, 2, 30, 40), ome=True, metadata={"axes": "TCYX"})
    play("split_multipage")
    np.testing.assert_array_equal(tifffile.imread("frames/stack_t001_c000.tif"), STACK[2])


@pytest.mark.parametrize("name", ["read_multipage", "split_multipage"])
def test_multipage_refuses_what_hides_images(play, tmp_path, name):
    """Several images behind one page end with the file's name, and nothing is written."""
    tifffile.imwrite(tmp_path / "stack.tif", STACK, truncate=True)
    with pytest.raises((SystemExit, AssertionError), match=r"stack\.tif"):
        play(name)
    assert [path.name for path in tmp_path.iterdir()] == ["stack.tif"]


def test_read_multipage_refuses_colours(play, tmp_path):
    """Four frames that were saved as the colours of one page are not one frame."""
    colours = {"photometric": "rgb", "planarconfig": "separate"}
    tifffile.imwrite(tmp_path / "stack.tif", STACK[:4], **colours)
    with pytest.raises(SystemExit, match="save one grey image per page"):
        play("read_multipage")


def test_read_own_format(play, tmp_path):
    """The red channels of all pictures are one array; a grey picture is refused."""
    colours = np.random.default_rng(0).integers(0, 255, (4, 20, 30, 3), np.uint8)
    (tmp_path / "images").mkdir()
    for number, picture in enumerate(colours):
        Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
    done = play("read_own_format")
    np.testing.assert_array_equal(done.pictures.compute(), colours[..., 0])
    assert done.printed.splitlines()[3] == f"{colours[3, ..., 0].mean():8.2f} images/3.png"
    Image.fromarray(colours[0, ..., 0]).save(tmp_path / "images" / "2.png")
    with pytest.raises(AssertionError, match=r"2\.png is not a colour picture"):
        play("read_own_format")


def test_find_odd_files_names_each(play, own):
    """Another shape or dtype, several images, missing pixels, and what cannot be read are odd."""
    image, paths = own.images[0], own.paths
    for letter in "abcdef":
        tifffile.imwrite(paths[0].with_name(f"{letter}.tif"), image)
    tifffile.imwrite(paths[0], image[:100])
    tifffile.imwrite(paths[1], image.astype("uint8"))
    tifffile.imwrite(paths[2], image, append=True)
    tifffile.imwrite(paths[3], image, tile=(128, 128))
    with tifffile.TiffFile(paths[3], mode="r+") as tif:
        for name in ("TileOffsets", "TileByteCounts"):
            tag = tif.pages.first.tags[name]
            tag.overwrite([*tag.value[:-1], 0])
    paths[4].write_bytes(paths[4].read_bytes()[:100_000])
    paths[5].write_text("not an image")
    done = play("find_odd_files")
    assert list(done.odd) == [f"images/{path.name}" for path in paths]
    *found, unreadable = done.odd.values()
    assert found == [
        "(100, 310) uint16",
        "(230, 310) uint8",
        "(230, 310) uint16, the first of 2 images",
        "parts of the image were never written",
        "cut off",
    ]
    assert unreadable.startswith("cannot be read: ")
    assert done.printed.endswith("6 of 12 files are not (230, 310) uint16")


def test_stack_to_zarr(play, own):
    """One Zarr holds the frames, the other the smoothed ones; neither is overwritten."""
    done = play("stack_to_zarr")
    np.testing.assert_array_equal(done.stack.compute(), own.images)
    np.testing.assert_allclose(da.from_zarr("smooth.zarr"), done.smoothed)
    assert done.printed.endswith("smooth:  (6, 230, 310) float32 1 chunks")
    with pytest.raises(zarr.errors.ContainsArrayError):
        play("stack_to_zarr")


def test_ome_zarr_written_and_read(play, own):
    """The labels can be opened again, with their axes."""
    done = play("save_ome_zarr")
    assert (done.labels.max(axis=(1, 2)).compute() == own.counts).all()
    group = zarr.open_group("labels.ome.zarr", mode="r")
    assert group["0"].metadata.dimension_names == ("t", "y", "x")  # OME-Zarr 0.5 demands them
    read = play("read_ome_zarr")
    assert read.axes == ["t", "y", "x"]
    np.testing.assert_array_equal(read.array.compute(), done.labels.compute())


@pytest.mark.parametrize("version", [2, 3])  # of Zarr: OME-Zarr 0.4 and 0.5
def test_read_ome_zarr_takes_a_channel(play, tmp_path, version):
    """Of a store with channels the first is left, with its pixel size; a plate is refused."""
    axes = [{"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    level = {"path": "s0", "coordinateTransformations": [{"scale": [1, 2, 0.325, 0.325]}]}
    attributes = {"multiscales": [{"axes": axes, "datasets": [level]}]}
    attributes = attributes if version == 2 else {"ome": attributes}
    store = tmp_path / "labels.ome.zarr"
    group = zarr.open_group(store, mode="w", zarr_format=version, attributes=attributes)
    pixels = STACK[:4].reshape(2, 2, 30, 40)
    group.create_array("s0", data=pixels, chunks=(1, 1, 30, 40))
    done = play("read_ome_zarr")
    np.testing.assert_array_equal(done.array.compute(), pixels[0])
    assert "z: 2 of 2 micrometer\ny: 30 of 0.325 micrometer" in done.printed
    zarr.open_group(store, mode="w").create_group("A1")
    with pytest.raises(SystemExit, match=r"open one of its groups \['A1'\]"):
        play("read_ome_zarr")
