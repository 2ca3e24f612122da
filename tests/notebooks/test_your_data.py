"""Notebooks 01 and 16 on files of a stranger: what is read, and what is refused."""

import functools
from pathlib import Path

import nbformat
import numpy as np
import pytest
import tifffile
from dask.array.image import imread

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "16_your_data.ipynb"
PAGES = np.stack([np.full((40, 64), 10 * number, np.uint16) for number in range(5)])


def cells(*beginnings):
    """Return the sources of the notebook's code cells that contain these pieces of text."""
    sources = [cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells]
    return [next(source for source in sources if text in source) for text in beginnings]


@pytest.fixture
def stack(tmp_path, capsys):
    """Return a function that runs the cells from the folder's path to the stack of frames."""

    def run(mine=tmp_path):
        names = {"stranger": mine}
        imports, *steps = cells(
            "from dask.array.image import", "mine = ", "imagej_metadata", "def read"
        )
        exec(imports.partition("\nfolder = ")[0], names)
        for source in steps:
            exec(source, names)
        return names, capsys.readouterr().out

    return run


def test_pages_saved_one_by_one_are_all_read(tmp_path, stack):
    """A film of five pages is five pages, and the table says how to make frames of them."""
    for page in PAGES:
        tifffile.imwrite(tmp_path / "film.tif", page, append=True)
    with pytest.raises(ValueError, match="axes YX: make images of files by the table"):
        stack()
    names = {"tifffile": tifffile}
    exec(cells("def read")[0].partition("\n\n\nfiles = ")[0], names)
    np.testing.assert_array_equal(names["read"](str(tmp_path / "film.tif")), PAGES)


def write_parts(folder):
    """Write one image of three pages as three OME-TIFF files."""
    uid = "urn:uuid:00000000-0000-0000-0000-00000000000{}"
    planes = "".join(
        f'<TiffData IFD="0" FirstT="{n}" PlaneCount="1">'
        f'<UUID FileName="t{n}.ome.tif">{uid.format(n)}</UUID></TiffData>'
        for n in range(3)
    )
    for number in range(3):
        description = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="{uid.format(number)}"><Image ID="Image:0"><Pixels ID="Pixels:0" '
            'DimensionOrder="XYZCT" Type="uint16" SizeX="64" SizeY="40" SizeZ="1" SizeC="1" '
            f'SizeT="3" PhysicalSizeX="0.325">{planes}</Pixels></Image></OME>'
        )
        tifffile.imwrite(
            folder / f"t{number}.ome.tif", PAGES[number], description=description, metadata=None
        )


def test_a_reader_returns_the_first_series(tmp_path):
    """As 01 says: of appended pages the first one, and the image in three files three times."""
    for page in PAGES:
        tifffile.imwrite(tmp_path / "film.tif", page, append=True)
    assert imread(str(tmp_path / "film.tif"), imread=tifffile.imread).shape == (1, 40, 64)
    write_parts(tmp_path)
    parts = str(tmp_path / "t*.tif")
    assert imread(parts, imread=tifffile.imread).shape == (3, 3, 40, 64)
    first_pages = imread(parts, imread=functools.partial(tifffile.imread, key=0))
    np.testing.assert_array_equal(first_pages.compute(), PAGES[:3])


def test_file_of_an_image_over_several_files_is_read_alone(tmp_path, stack):
    """Three OME-TIFF files of one image are three frames, also when one of them is lost."""
    write_parts(tmp_path)
    names, said = stack()
    np.testing.assert_array_equal(names["images"].compute(), PAGES[:3])
    assert "pixel size unknown" in said
    (tmp_path / "t1.ome.tif").unlink()
    np.testing.assert_array_equal(stack()[0]["images"].compute(), PAGES[[0, 2]])


def test_full_resolution_of_a_pyramid_is_read(tmp_path, stack):
    """The smaller copies of an image are not frames."""
    with tifffile.TiffWriter(tmp_path / "pyramid.ome.tif") as tif:
        tif.write(PAGES[0], subifds=1, tile=(16, 16), metadata={"axes": "YX"})
        tif.write(PAGES[0, ::2, ::2], subfiletype=1, tile=(16, 16))
    np.testing.assert_array_equal(stack()[0]["images"].compute(), PAGES[:1])


def test_pages_of_several_shapes_are_refused_by_name(tmp_path, stack):
    """An overview beside the image is not left out, and not taken for a frame."""
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0])
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0, ::2], append=True)
    with pytest.raises(ValueError, match=r"a\.tif: pages of several shapes"):
        stack()


@pytest.mark.parametrize(
    ("axes", "shape"),
    [("ZCYX", (3, 2, 40, 64)), ("YXS", (40, 64, 3)), ("QYX", (2, 40, 64))],
)
def test_other_axes_are_refused(tmp_path, stack, axes, shape):
    """Nothing but channels, rows and columns has the second of its first axis taken."""
    photometric = "rgb" if axes == "YXS" else "minisblack"
    pixels = np.zeros(shape, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric=photometric, metadata={"axes": axes})
    with pytest.raises(ValueError, match=f"axes {axes}: make images of files"):
        stack()


def test_folder_with_a_bracket_in_its_name(tmp_path, stack):
    """In a pattern, a bracket is a wildcard, as 01 says; in 16 it is part of the name."""
    mine = tmp_path / "exp [1]"
    mine.mkdir()
    for name in ("img1.tif", "img10.tif", "img2.tif"):
        tifffile.imwrite(mine / name, PAGES[len(name) % 5])
    with pytest.raises(ValueError, match="No files found"):
        imread(str(mine / "*.tif"), imread=tifffile.imread)
    names, said = stack(mine)
    assert names["images"].shape == (3, 40, 64)
    assert said.split()[:3] == ["img1.tif", "img10.tif", "img2.tif"]


def test_no_tif_is_said(tmp_path, stack):
    """A folder of .tiff files stops at once, with the folder's name."""
    tifffile.imwrite(tmp_path / "a.tiff", PAGES[0])
    with pytest.raises(FileNotFoundError, match=r"no \*\.tif in .*suffix"):
        stack()


@pytest.mark.parametrize(
    ("unit", "said"), [("um", "0.33 um a pixel"), (None, "pixel size unknown")]
)
def test_pixel_size_only_with_its_unit(tmp_path, stack, unit, said):
    """A resolution without a unit, such as 72 dots per inch, is not a pixel size."""
    metadata = {"axes": "YX"} | ({"unit": unit} if unit else {})
    options = {"imagej": True, "resolution": (3, 3), "metadata": metadata}
    tifffile.imwrite(tmp_path / "a.tif", PAGES[0], **options)
    assert said in stack()[1]
