"""Segment a folder of your own images, and measure each nucleus in every channel.

    python snippets/own_folder.py

For TIFF, OME-TIFF, PNG and OME-Zarr, in sub-folders too, with all channels of a field in one file,
nuclei that are brighter than the background (or darker), and some background to see between them.
What the files do not say, an error asks for: set it at the top. The folder results gets
nuclei.parquet, label images, frames.csv with the frames to look at again, skipped.csv, and
outlines.png. A second run measures what is new or has changed; if the settings have changed,
everything. It prints what the files hold, the number of nuclei, and why frames were skipped or
should be looked at again. Explained in notebooks/16_your_data.ipynb.
"""

import sys
from pathlib import Path

if __name__ == "__main__" and Path(sys.argv[0]).resolve().parent == Path(sys.path[0]):
    sys.path.pop(0)  # or a folder beside this file, such as sparse, would be taken for a package

import logging
import re
import textwrap
import uuid
import warnings
from collections import Counter
from fnmatch import fnmatchcase
from types import SimpleNamespace

import dask
import dask.array as da
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import tifffile
import zarr
from bioio import BioImage
from bioio_ome_tiff import Reader as OmeTiff
from bioio_tifffile import Reader as PlainTiff
from PIL import Image
from scipy import ndimage
from scipy.spatial import cKDTree
from skimage.filters import threshold_otsu
from skimage.measure import regionprops_table
from skimage.segmentation import expand_labels, mark_boundaries, relabel_sequential, watershed
from skimage.transform import resize

FOLDER = Path("images")  # your images
RESULTS = Path("results")  # a new folder, or that of an earlier run
NUCLEI = None  # the channel to segment: its name, or its number from 0 on
MEASURE = None  # the channels to measure: ["DAPI", "GFP"], or [0, 1]
DIAMETER = None  # of a typical nucleus: "18 um" or "28 px"
# What most files say themselves:
PATTERN = None  # names of the files to take: "*_w1*"; "*" if each file is a frame of its own
PIXEL_SIZE = None  # width of a pixel in micrometres
PAGES = None  # what an axis without a name is: "T" (frames), "C" (channels) or "Z" (depth)
DEPTH = None  # of a stack in depth: "max" for its projection, or the number of one plane
BACKGROUND = None  # "dark" or "bright": asked for where more than half of a frame is bright

WIDTH = 28  # pixels: of the nuclei for which `segment` was tuned
LARGEST = 20e6  # pixels of a frame that is segmented in one piece
SUFFIXES = (".tif", ".tiff", ".png")
COLUMNS = ["file", "axes", "type", "channels", "pixel_um", "frames", "problem", "path", "used"]
STAINS = "dapi|hoechst|e?gfp|fitc|tritc|rfp|mcherry|cy[357]"
COLOUR = {"(1, 0, 0)": "red", "(0, 1, 0)": "green", "(0, 0, 1)": "blue", "(1, 1, 1)": "grey"}
COLOUR |= {"(0, 1, 1)": "cyan", "(1, 0, 1)": "magenta", "(1, 1, 0)": "yellow"}
UNITS = dict.fromkeys(("um", "\u00b5m", "\u03bcm", "\\u00B5m", "micron", "microns"), 1.0)
UNITS |= {"micrometer": 1.0, "nm": 1e-3, "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3}
FOLDER, RESULTS = Path(FOLDER), Path(RESULTS)  # inches are no unit here: those of a printer

logging.getLogger("tifffile").setLevel(logging.CRITICAL)  # errors say it here
logging.getLogger("bioio.bio_image").setLevel(logging.CRITICAL)
warnings.filterwarnings("ignore", "As of version 0.4.0|Could not parse tiff pixel size")


class Refused(Exception):
    """What cannot be used, with the cure."""


def need(right, message):
    if not right:
        raise Refused(message)


def attempt(function, *arguments):
    """Return a result and no reason, or no result and the reason."""
    try:
        return function(*arguments), None
    except Refused as error:
        return None, str(error)
    except Exception as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        return None, f"cannot be read ({reason}): if another program can, save it there as OME-TIFF"


# Finding the files


def is_zarr(path):
    """Return whether a folder is one image in Zarr; a group of such is a folder like others."""
    if not any((path / name).exists() for name in ("zarr.json", ".zgroup", ".zarray")):
        return False
    node, _ = attempt(lambda: zarr.open(path, mode="r"))
    array = node is None or isinstance(node, zarr.Array)
    return array or "multiscales" in node.attrs.get("ome", node.attrs)


def hindrance(path):
    """Return why a file, or a folder that is one file or none, cannot be an image."""
    if path.is_dir() and not is_zarr(path):
        return "results of an earlier run"
    if not path.is_dir() and path.suffix.lower() not in SUFFIXES:
        return "not an image"
    if "_thumb" in path.name.lower():
        return "a thumbnail, by its name: rename it if it is not"
    return None if fnmatchcase(name_of(path), PATTERN or "*") else "not matched by PATTERN"


def find():
    """List what the folder holds, each file once, and what hinders its use."""
    left, found, seen = [FOLDER], [], {RESULTS.resolve()}
    while left:
        path = left.pop(0)
        earlier = (path / "parts").is_dir() and (path / "labels").is_dir()
        if path.resolve() in seen:
            if path.is_symlink():
                found.append((path, "a link to what is listed already"))
        elif path.is_dir() and not is_zarr(path) and not earlier:
            inside = [
                one for one in sorted(path.iterdir()) if not re.match(r"\.|zarr\.json", one.name)
            ]
            links = [one for one in inside if one.is_symlink()]  # after all that are not
            left = [one for one in inside if one not in links] + left + links
        else:
            found.append((path, hindrance(path)))
        seen.add(path.resolve())
    return sorted(found)


# Reading: each reader returns a lazy array, a letter for each of its axes, the names of its
# channels (or none), the width of a pixel in micrometres (or None), and exposures (or none)


def read_png(path):
    with Image.open(path) as picture:
        colours = np.asarray(picture.convert("RGB") if picture.mode == "P" else [0])
        need((colours == colours[..., :1]).all(), COLOURS)
        need(picture.mode not in ("P", "1"), f"PNG of mode {picture.mode}: save it as grey levels")
        pixels = np.asarray(picture)
    return da.from_array(pixels, chunks=-1), "YXS"[: pixels.ndim], [], None, {}


def read_zarr(path):
    group = zarr.open(path, mode="r")
    named = not isinstance(group, zarr.Array)
    need(named, "a Zarr array that does not name its axes: save it as OME-Zarr, or frames as TIFF")
    ome = group.attrs.get("ome", group.attrs)  # versions up to 0.4 have no "ome"
    image = ome["multiscales"][0]
    full = image["datasets"][0]
    axes = {axis["name"].upper(): axis.get("unit") for axis in image["axes"]}
    scale = np.ones(len(axes))
    for step in full["coordinateTransformations"] + image.get("coordinateTransformations", []):
        scale *= step.get("scale", 1)
    scale = dict(zip(axes, scale, strict=True))
    names = [one.get("label") for one in ome.get("omero", {}).get("channels", [])]
    pixel = in_micrometres([scale["Y"], scale["X"]], [axes["Y"], axes["X"]])
    return da.from_zarr(path, component=full["path"]), "".join(axes), names, pixel, {}


def read_tiff(path):
    need("::" not in str(path), "bioio cannot open a path with '::': rename it")
    with tifffile.TiffFile(path) as tif:
        check_complete(tif)
        if tif.is_ome:
            return read_ome(path)
        axes = [with_pages_named(series.axes) for series in tif.series]
        said = tif.imagej_metadata or {}
        names = names_of_slices(said, path.stem) or colours_of(said.get("LUTs", []))
        unit = (tif.imagej_metadata or {}).get("unit")
    image = BioImage(path, reader=PlainTiff, dim_order=axes)
    size = image.physical_pixel_sizes
    unit = "um" if unit in UNITS else None  # bioio has converted the size already
    return *all_scenes(image, PAGES), names, in_micrometres([size.Y, size.X], [unit, unit]), {}


def names_of_slices(said, stem):
    """Return the names of channels, where ImageJ's labels of slices are such names."""
    labels, count = said.get("Labels", []), said.get("channels", 1)
    stains = [
        re.findall(rf"(?i)(?<![a-z])(?:{STAINS})(?![a-z])", label.split("\n")[0])
        for label in labels
    ]
    labels = [one[-1] for one in stains] if all(stains) else labels
    names = labels[:count]
    steady = len(set(names)) == count > 1 and labels == names * (len(labels) // count)
    other = re.search(f"^{re.escape(stem)}|[:/._]", "".join(names))
    return names if steady and not other else []  # others are numbers, or names of files


def colours_of(tables):
    """Return the colours in which ImageJ shows the channels, if they differ."""
    ends = [str(tuple((table[:, -1] // 255).tolist())) for table in tables]
    return [COLOUR.get(end, "") for end in ends] if len(set(ends)) == len(ends) > 1 else []


def read_ome(path):
    image = BioImage(path, reader=OmeTiff)
    names = [re.sub(r"^Channel:\d+:\d+$", "", str(name)) for name in image.channel_names]
    pixels = [one.pixels for one in image.metadata.images]
    alike = len({(one.physical_size_x, one.physical_size_x_unit) for one in pixels}) == 1
    need(alike, "images of several pixel sizes: save one per file")
    alike = len({tuple(channel.name for channel in one.channels) for one in pixels}) == 1
    need(alike, "its images name their channels differently: save one per file")
    size, first = image.physical_pixel_sizes, pixels[0]
    units = [first.physical_size_y_unit.value, first.physical_size_x_unit.value]
    exposed, ms = {}, {"s": 1e3, "ms": 1, "\u00b5s": 1e-3}
    for scene, one in enumerate(pixels):
        for plane in one.planes:
            time, unit = plane.exposure_time, plane.exposure_time_unit.value
            time = f"{time * ms[unit]:.6g} ms" if time and unit in ms else None
            exposed[scene, plane.the_t, plane.the_c] = time
    return *all_scenes(image, "P"), names, in_micrometres([size.Y, size.X], units), exposed


def check_complete(tif):
    """Refuse what tifffile would fill with zeros, or leave out."""
    alone = "BinaryOnly" not in (tif.ome_metadata or "")
    need(alone, "another file says what it holds: export each image as one OME-TIFF, all in it")
    files = set(re.findall(r'FileName="([^"]+)"', tif.ome_metadata or ""))
    lost = sorted(name for name in files if not Path(tif.filehandle.dirname, name).exists())
    named = "; these are lost, or were renamed: " + ", ".join(lost[:3]) if lost else ""
    need(
        len(files) < 2,
        f"one of {len(files)} files that belong together: save each image as one file{named}",
    )
    tif.filehandle.seek(tif.pages.next_page_offset)
    after = tif.filehandle.read(tif.tiff.offsetsize)
    pages = [page for series in tif.series for page in series.pages]
    need(None not in pages and not any(after), "pages are missing: copy or save the file again")
    for page in pages:
        rows, columns = page.keyframe.imagelength, page.keyframe.imagewidth
        need(
            min(rows, columns) >= 8,
            f"only {rows} x {columns} pixels: if channels stand last, save "
            "np.moveaxis(image, -1, 0) with metadata={'axes': 'CYX'}",
        )
        parts = [*zip(page.dataoffsets, page.databytecounts, strict=False)]
        whole = all(map(all, parts)) and max(map(sum, parts)) <= tif.filehandle.size
        need(whole, "cut off, or without some of its data: copy or save the file again")
        mapped = page.keyframe.photometric == tifffile.PHOTOMETRIC.PALETTE and not tif.is_imagej
        grey = not mapped or (page.keyframe.colormap == page.keyframe.colormap[0]).all()
        need(grey, COLOURS)
        need(not mapped, "a colour map: save it as grey levels")
        white = page.keyframe.tags.valueof("PhotometricInterpretation", 1) == 0
        need(not white, "white is stored as 0 (MinIsWhite): invert it, and save it as MinIsBlack")
    units = set(re.findall(r'PhysicalSize[XY]Unit="([^"]+)"', tif.ome_metadata or ""))
    wrong = units & UNITS.keys() - {"\u00b5m", "nm", "mm"}
    need(not wrong, f"OME has no unit {sorted(wrong)} of the pixel size: save it with '\u00b5m'")


def with_pages_named(axes):
    """Return the letters of the axes; bioio would guess an unknown one, or leave it out."""
    unknown = "".join(letter for letter in axes if letter not in "TCZYXS")
    need(
        len(unknown) < 2,
        f"axes {axes}: two axes without a name: save it with metadata={{'axes': 'TCYX'}}",
    )
    known = not unknown or (PAGES in [*"TCZ"] and PAGES not in axes)
    need(
        known,
        f"axes {axes}: the file does not say what {unknown} is: set PAGES to 'T', 'C' or 'Z'; if "
        "channels alternate, save it again with metadata={'axes': 'TCYX'}",
    )
    return "".join(PAGES if letter in unknown else letter for letter in axes)


def all_scenes(image, kind):
    """Join the images of one file along an axis: positions, or pages that were saved singly."""
    arrays, axes = [], image.dims.order
    for scene in image.scenes:
        image.set_scene(scene)
        arrays.append(image.get_image_dask_data(axes))
    if len(arrays) == 1:
        return arrays[0], axes
    alike = len({(array.shape, array.dtype) for array in arrays}) == 1
    need(alike, f"{len(arrays)} images of several shapes: save one per file")
    need(
        kind,
        f"{len(arrays)} pages without a name: set PAGES to 'T', 'C' or 'Z'; if channels alternate, "
        "save it again with metadata={'axes': 'TCYX'}",
    )
    if kind in axes:
        return da.concatenate(arrays, axis=axes.index(kind)), axes
    return da.stack(arrays), kind + axes


def in_micrometres(size, units):
    """Return the width of a square pixel, or None where it is not known."""
    if None in size or not set(units) <= UNITS.keys() or min(size) <= 0:
        return None
    rows, columns = (one * UNITS[unit] for one, unit in zip(size, units, strict=True))
    need(0.99 < rows / columns < 1.01, f"pixels of {rows} x {columns} um: make them square")
    return float(f"{columns:.6g}")


COLOURS = (
    "colours: of a stained section separate the stains first (skimage.color.rgb2hed) and save one "
    "as grey levels; of a merge save the colour that holds the nuclei, of a grey image in colours "
    "one of them, of a picture in false colours its grey original; channels that were written as "
    "colours, write channels first, and with photometric='minisblack'"
)
PLANES = (
    "{} planes in depth: set DEPTH to 'max' for their projection or to the number of one, or "
    "PATTERN, if projections are there too; snippets/label_volume.py labels in 3-D; if they are "
    "channels or time points, save them again with metadata={{'axes': 'CYX'}} or 'TYX', "
    "or say so in Fiji, Image > Properties"
)


def read(path):
    """Return an image as frames, channels, rows and columns, with what the file says of it."""
    length = len(path.name.encode("utf-8", "backslashreplace"))
    need(length <= 240, "its name is too long for the names of results: shorten it")
    reader = {".png": read_png, ".tif": read_tiff, ".tiff": read_tiff}.get(path.suffix.lower())
    array, axes, names, pixel, exposed = (reader or read_zarr)(path)
    need("S" not in axes, COLOURS)
    need(set(axes) <= set("PTCZYX"), f"axes {axes}: save it with the axes T, C, Z, Y and X")
    need(array.dtype.kind in "uif", f"pixels of type {array.dtype}: save grey levels")
    said = " ".join(f"{one}{size}" for one, size in zip(axes, array.shape, strict=True) if size > 1)
    missing = "".join(letter for letter in "PTZC" if letter not in axes)
    order = [(missing + axes).index(letter) for letter in "PTZCYX"]
    array = array[(None,) * len(missing)].transpose(order)
    places = [*np.ndindex(array.shape[:2])]
    array = array.reshape(-1, *array.shape[2:])
    planes = array.shape[1]
    need(planes == 1 or DEPTH == "max" or DEPTH in range(planes), PLANES.format(planes))
    array = array.max(axis=1) if DEPTH == "max" else array[:, 0 if planes == 1 else DEPTH]
    names = [str(name or "").strip("\ufeff ") for name in names] or [""] * array.shape[1]
    said = {"axes": said, "names": names, "pixel": pixel, "exposed": exposed}
    return SimpleNamespace(array=array, places=places, **said)


# Settings and file together: which channels, and how much to rescale


def number_of(wanted, names, setting):
    """Return the number of the channel that a setting gives by its name or number."""
    listed = ", ".join(repr(name or number) for number, name in enumerate(names))
    there = wanted in range(len(names)) or names.count(wanted) == 1
    there = there or (wanted is None and len(names) == 1)
    need(there, f"{setting} is {wanted!r}, and the channels are {listed}: set it to one of them")
    return names.index(wanted) if isinstance(wanted, str) else wanted or 0


def in_pixels(diameter, pixel):
    """Return a diameter such as '18 um' or '28 px' in pixels."""
    found = re.fullmatch("([0-9]*[.]?[0-9]+) ?(px|um|\u00b5m|\u03bcm)", str(diameter))
    need(
        found and float(found[1]) > 0,
        "how wide is a typical nucleus? Set DIAMETER to '18 um', '28 px' or the like",
    )
    need(found[2] == "px" or pixel, "pixel size not known: set PIXEL_SIZE, or DIAMETER in px")
    return float(found[1]) / (1 if found[2] == "px" else pixel)


def choose(image):
    """Return the channels and the scale that the settings ask for."""
    nuclei = number_of(NUCLEI, image.names, "NUCLEI")
    measure = MEASURE if isinstance(MEASURE, (list, tuple)) else [MEASURE]
    channels = {str(one or 0): number_of(one, image.names, "MEASURE") for one in measure}
    need(PIXEL_SIZE is None or PIXEL_SIZE > 0, "PIXEL_SIZE is not above 0: set it in micrometres")
    pixel = image.pixel or PIXEL_SIZE
    need(
        not PIXEL_SIZE or 0.99 < PIXEL_SIZE / pixel < 1.01,
        f"it states pixels of {pixel} um, and PIXEL_SIZE is {PIXEL_SIZE}: set PIXEL_SIZE to None, "
        "or move files with pixels of another size to another folder; if it is wrong, save it "
        "again",
    )
    factor = WIDTH / in_pixels(DIAMETER, pixel)
    rows, columns = image.array.shape[-2:]
    need(
        rows * columns * max(1, factor) ** 2 <= LARGEST,
        f"{rows} x {columns} pixels, to be scaled by {factor:.2g}: too large for one piece; "
        "notebooks/11_one_large_image.ipynb goes tile by tile",
    )
    return SimpleNamespace(nuclei=nuclei, channels=channels, pixel=pixel, factor=factor)


# Segmenting: one frame of the channel with the nuclei


def stands_out(image, noise):
    """Return whether there is more than noise above Otsu's level, which splits noise too."""
    mask = image > threshold_otsu(image)
    return mask.any() and image[mask].mean() - image[~mask].mean() > 6 * noise


def noise_of(image):
    steps = np.abs(np.diff(image))  # as in notebook 10; few grey levels hide the noise
    return max(1.05 * np.median(steps), 0.3 * steps.min(where=steps > 0, initial=np.inf))


def level_of(smooth, noise):
    """Return half of Otsu's level; repeated below it, if a few bright objects hide the others."""
    level = 0.5 * threshold_otsu(smooth)
    while True:
        mask = smooth > level
        rest = np.where(ndimage.binary_dilation(mask, iterations=6), 0, smooth)  # without halos
        lower = 0.5 * threshold_otsu(rest)
        regions, _ = ndimage.label(ndimage.binary_opening(rest > lower, iterations=4))
        areas = np.bincount(regions.ravel())
        far = ~ndimage.binary_dilation(
            mask, iterations=WIDTH // 2
        )  # from cytoplasm of what is found
        far = np.bincount(regions[far], minlength=len(areas))
        hidden = far[1:][areas[1:] < 4 * WIDTH**2].sum()  # an uneven background is wider
        if lower <= 0 or hidden <= mask.sum() / 2 or not stands_out(rest, noise):
            return level
        level = lower


def segment(image):
    """Label bright nuclei that are about 28 pixels wide, each drawn at its own level."""
    level = threshold_otsu(image)
    smooth = ndimage.gaussian_filter(image - np.median(image[image <= level]), 1)
    mask = smooth > level_of(smooth, noise_of(image))
    height = ndimage.gaussian_filter(ndimage.distance_transform_edt(mask), 2)
    peaks = mask & (height == ndimage.maximum_filter(height, 15))
    regions = watershed(-height, ndimage.label(peaks, np.ones((3, 3)))[0], mask=mask)
    mean = ndimage.mean(smooth, regions, np.arange(regions.max() + 1))
    labels = np.where(smooth > 0.5 * mean[regions], regions, 0)
    return np.where(np.bincount(labels.ravel())[labels] < 60, 0, labels)


def scaled(image, factor):
    shape = [max(1, round(size * factor)) for size in image.shape]
    return resize(image, shape, order=1, anti_aliasing=factor < 1)


def upright(image):
    """Return a frame with bright nuclei, from 0 on."""
    above = image.max() - image if BACKGROUND == "bright" else image - float(image.min())
    return above.astype("float32")


def labelled(image, factor):
    """Label a frame at the scale of `segment`; the labels come back at that of the frame."""
    image = upright(image)
    small = scaled(image, min(factor, 1))
    if not stands_out(small, noise_of(small)):
        return np.zeros(image.shape, np.int32)
    half = BACKGROUND or (small > threshold_otsu(small)).mean() < 0.5
    need(
        half,
        "more than half of it is bright: set BACKGROUND to 'bright', or 'dark' if crowded; "
        "if it is a flat field, move it out of the folder",
    )
    labels = segment(small if factor <= 1 else scaled(image, factor))
    back = resize(labels, image.shape, order=0, preserve_range=True, anti_aliasing=False)
    return relabel_sequential(back.astype(np.int32))[0]


# Measuring: all channels, in the nuclei of one


def measured(labels, channels, pixel):
    """Return a table of the nuclei; `channels` maps a name to the frame in that channel."""
    shape = ("label", "area", "centroid", "solidity")
    table = pd.DataFrame(regionprops_table(labels, properties=shape))
    table.columns = ["label", "area_px", "row", "column", "solidity"]
    table["area_um2"] = table["area_px"] * (pixel or np.nan) ** 2
    for name, image in channels.items():
        above = image - np.median(image[labels == 0]).astype("float64")
        mean = ndimage.mean(above, labels, table["label"])
        table[f"mean_{name}"], table[f"sum_{name}"] = mean, mean * table["area_px"]
    return table


def left_out(small, free, height):
    """Count the objects as large as nuclei that stand out, but have no label."""
    above = small - ndimage.median_filter(small, 17)
    over = free & (above > max(0.06 * height, noise_of(small)))
    areas = np.bincount(ndimage.label(ndimage.binary_opening(over))[0].ravel())[1:]
    return ((areas > 6) & (areas < 80)).sum()


def tiles(pixels, labels):
    """Return the median of the background in 4 x 4 parts of a frame, or NaN without any."""
    every = int(1 + (labels.size / 1e6) ** 0.5)  # one pixel of a few will do, and is faster
    pixels, labels = pixels[::every, ::every], labels[::every, ::every]
    row, column = np.indices(labels.shape)
    tile = row * 4 // len(row) * 4 + column * 4 // len(row[0])
    found, there = np.full(16, np.nan), np.unique(tile[labels == 0])
    found[there] = ndimage.median(pixels, np.where(labels == 0, tile, -1), there)
    return found.tolist()


def saturated(values):
    """Return the share of the values at their maximum, if it is much more than just below it."""
    counts = np.unique(values, return_counts=True)[1]
    return counts[-1] / len(values) if len(counts) > 1 and counts[-1] > 3 * counts[-2] else 0


def raised(pixels, inside, free):
    """Return how far the median of a background is above its darkest part, in nuclear heights."""
    if not free.any():
        return 0
    small = resize(pixels.astype("float32"), free.shape, order=1, anti_aliasing=True)
    low, middle = np.percentile(small[free], (2, 50))
    height = abs(np.median(pixels[inside]) - middle)
    return (middle - low) / max(height, 1e-9) if middle - low > 4 * noise_of(small) else 0


def strung(labels, above):
    """Return how many objects touch each other and are brighter than the others, as in a fibre."""
    every, touching = np.unique(labels[labels > 0]), ndimage.label(labels > 0, np.ones((3, 3)))[0]
    objects = pd.DataFrame({"light": ndimage.mean(above, labels, every)})
    groups = objects.groupby(ndimage.maximum(touching, labels, every))["light"]
    together = groups.transform("size") >= 8
    light = groups.median()[groups.size() >= 8] / objects.loc[~together, "light"].median()
    return groups.size()[light.index[light > 1.25]].max() if (light > 1.25).any() else 0


def displaced(pixels, labels, width):
    """Return how far a channel is moved, turned or magnified, by the light around each nucleus."""
    around = expand_labels(labels, width / 4)
    every = np.unique(labels[labels > 0])
    above = np.maximum(pixels - np.median(pixels[labels == 0]), 1e-9)
    places = np.array(ndimage.center_of_mass(around > 0, around, every))
    moves = np.array(ndimage.center_of_mass(above, around, every)) - places
    terms = np.c_[np.ones(len(every)), places]
    along = terms @ np.linalg.lstsq(terms, moves)[0]
    explained = 1 - ((moves - along) ** 2).sum() / (moves**2).sum()
    reach = np.percentile(np.hypot(*along.T), 90)
    return reach if len(every) >= 15 and explained > 0.5 and reach > 0.06 * width else 0


def seam(pixels):
    """Return the largest step between two rows or columns, relative to the steps beside it."""
    pixels = pixels.astype("float64")
    steps = np.abs(np.diff(pixels, axis=0))
    here, wide = steps.mean(axis=1), (steps > 4 * noise_of(pixels)).mean(axis=1) > 0.1
    beside = ndimage.maximum_filter(here, footprint=[1, 1, 0, 1, 1], mode="mirror")
    there = np.median(steps) > 0  # or pixels were repeated
    return there * (wide * here / np.maximum(beside, 1e-9)).max()


def smooth_tops(pixels, labels):
    """Return the share of nuclei with far less noise than dim ones, where a camera has more."""
    inner = (labels > 0) & (ndimage.minimum_filter(labels, 7) == labels)
    steps = np.abs(np.diff(pixels.astype("float64"), append=0))
    nuclei = pd.DataFrame({"noise": steps[inner], "light": pixels[inner]})
    nuclei = nuclei.groupby(labels[inner]).median()
    noise, light = nuclei["noise"], nuclei["light"]
    if len(nuclei) < 8:
        return 0
    usual = noise[light <= light.quantile(0.3)].median()
    finer = usual > 2 * steps.min(where=steps > 0, initial=np.inf)  # than the grey levels
    return finer * (noise < 0.3 * usual).mean()


def doubts(table, labels, image, channels, width):
    """Say why a frame should be looked at again; `image` holds the nuclei, `width` pixels wide."""
    if table.empty:
        return "no nuclei"
    image, inside = upright(image), labels > 0
    found = 2 * (table["area_px"].median() / np.pi) ** 0.5
    largest = table["area_px"].max() / (np.pi / 4 * width**2)
    height = np.median(image[inside]) - np.median(image[~inside])
    small, free = scaled(image, 5 / width), scaled(~inside * 1.0, 5 / width) > 0.99
    missed = left_out(small, free, height)
    ground = np.array(tiles(small, ~free))
    uneven = (np.nanmax(ground) - np.nanmin(ground)) / height if free.any() else 0
    string = strung(labels, image - np.median(image[~inside]))
    hollow = table["solidity"].median() < 0.85
    above, where = pd.Series(image[inside] - np.median(image[~inside])), labels[inside]
    top = above.groupby(where).quantile(0.9)[where].to_numpy()
    dim = (above < 0.6 * top).groupby(where).mean().median()
    dark = (image[~inside] < np.median(image[~inside]) - height).mean()
    doubt = {
        "most objects have hollows: no nuclei, dark ones, or only their rims stained?": hollow,
        f"nuclei are {found:.0f} px wide, {width:.0f} by DIAMETER; or are they pieces of nuclei?": (
            not 0.6 < found / width < 1.6
        ),
        f"{dim:.0%} of an object is far dimmer: cytoplasm, a rim, or out of focus?": dim > 0.3,
        f"an object has {largest:.0f} times the area of a nucleus": largest > 10,
        f"{string} objects that touch are brighter than the rest: a fibre or clump?": string > 0,
        f"{dark:.1%} of the background is far darker than the rest: did values wrap around?": (
            dark > 0.002
        ),
        f"without a label: {missed} objects of the size of nuclei": missed > 0.02 * len(table),
        f"the background varies by {uneven:.0%} of the height of nuclei: uneven light "
        "(snippets/correct_shading.py), or haze": uneven > 0.1,
    }
    for name, pixels in channels.items():
        share = saturated(pixels[inside])
        text = f"{share:.1%} of nuclear pixels at the maximum of {name}: saturated, or a scale bar"
        doubt[text] = share > 0.005
        lift = raised(pixels, inside, free)
        text = f"{name} is bright in most places outside nuclei: cytoplasm, or uneven light?"
        doubt[text] = lift > 0.33
        reach = displaced(pixels, labels, width)
        text = f"{name} lies up to {reach:.0f} px from the nuclei, moved, turned or magnified"
        doubt[text] = reach > 0
        share = smooth_tops(pixels, labels)
        text = f"{share:.0%} of nuclei have less noise than dim ones in {name}: was it saturated?"
        doubt[text] = share > 0.1
        text = f"{name} has a straight seam: tiles side by side, or a camera read out in halves?"
        doubt[text] = max(seam(pixels), seam(pixels.T)) > 2.5
    doubt = pd.Series(doubt)
    return "; ".join(doubt.index[doubt])


CHECKS = (left_out, tiles, saturated, raised, strung, displaced, seam, smooth_tops, doubts)


# A folder: one task per frame, each finished when its part of the table is there


def key_of(path):
    """Return what changes with the file, the settings or the method."""
    files = [one.stat() for one in ([path] if path.is_file() else sorted(path.rglob("*")))]
    states = [(one.st_size, one.st_mtime_ns) for one in files]
    settings = (NUCLEI, MEASURE, DIAMETER, PIXEL_SIZE, PAGES, DEPTH, BACKGROUND, WIDTH)
    steps = (stands_out, noise_of, level_of, segment, upright, labelled, measured, *CHECKS)
    code = [one.__code__ for one in steps]
    code = [(one.co_code, one.co_names, repr(one.co_consts[1:])) for one in code]
    return uuid.uuid5(uuid.NAMESPACE_URL, repr((str(path.resolve()), states, settings, code))).hex


def name_of(path):
    """Return the name of a file below the folder, as text that any file can hold."""
    base = FOLDER if FOLDER.is_dir() and not is_zarr(FOLDER) else FOLDER.parent
    return path.relative_to(base).as_posix().encode("utf-8", "backslashreplace").decode()


def outputs(path, number):
    """Return where the table and the labels of a frame go, and labels that you corrected."""
    name = f"{name_of(path)}_{number:03}"
    pictures = [RESULTS / kind / f"{name}.tif" for kind in ("labels", "corrected")]
    return RESULTS / "parts" / f"{name}.parquet", *pictures


def is_mask(image):
    """Return whether there are two values, or neighbours in objects are equal: without noise."""
    values, counts = np.unique(image, return_counts=True)
    inside = (image != values[counts.argmax()]) & (image != values[-1])  # a camera may saturate
    alike = (image[:, 1:] == image[:, :-1])[inside[:, 1:]]
    return len(values) == 2 or alike.sum() > 0.8 * alike.size


def border(image):
    """Return the share of the pixels without an image: all of one value, far below the others."""
    rest = image > 0
    pieces = np.bincount(ndimage.label(rest)[0][rest])
    low, middle = np.percentile(image[rest], (5, 25)) if rest.any() else (0, 0)
    around = pieces.max(initial=0) > 0.5 * rest.sum() and low > 0.5 * middle
    return around * ndimage.binary_erosion(~rest, iterations=2, border_value=1).mean()


def frame_of(path, number):
    """Read one frame again, all channels, and what the settings ask for."""
    image = read(path)
    pixels = image.array[number].compute(scheduler="synchronous")
    chosen = choose(image)
    used = pixels[[chosen.nuclei, *chosen.channels.values()]]
    fill = "fill in the median of the background, not 0"
    ratio = "of a ratio, measure its two channels, and divide their means"
    need(np.isfinite(used).all(), f"NaN or infinite values: {fill}; {ratio}")
    empty = border(upright(pixels[chosen.nuclei]))
    need(empty < 0.02, f"{empty:.0%} of it is a border without an image: cut it off, or {fill}")
    mask = is_mask(pixels[chosen.nuclei])
    need(
        not mask,
        "looks like a mask or a label image: move it out of the folder; if it was enlarged by "
        "repeating pixels, save the image as it was",
    )
    place = image.places[number]
    exposed = [image.exposed.get((*place, channel)) for channel in chosen.channels.values()]
    return pixels, chosen, place, exposed


def one_frame(path, number, key):
    """Return the table of a frame, measured now or before."""
    part, picture, corrected = outputs(path, number)
    key += str(corrected.stat().st_mtime_ns) if corrected.exists() else ""
    if part.exists() and picture.exists():
        table = pd.read_parquet(part)
        if table.attrs.get("key") == key:
            return table
    part.unlink(missing_ok=True)
    pixels, chosen, (position, time), exposed = frame_of(path, number)
    if corrected.exists():
        labels = tifffile.imread(corrected)
        fits = labels.shape == pixels.shape[1:] and labels.dtype.kind in "iu"
        need(fits, f"{corrected} is not one whole number per pixel of the frame: save it again")
    else:
        labels = labelled(pixels[chosen.nuclei], chosen.factor)
    channels = {name: pixels[channel] for name, channel in chosen.channels.items()}
    table = measured(labels, channels, chosen.pixel)
    origin = {"file": name_of(path), "frame": number, "position": position, "time": time}
    origin["labels"] = picture.relative_to(RESULTS).as_posix()
    table = table.assign(**origin)[[*origin, *table.columns]]
    width = WIDTH / chosen.factor
    look = doubts(table, labels, pixels[chosen.nuclei], channels, width)
    ends = [(one.min(), one.max()) for one in channels.values()]
    table.attrs = {"key": key, "path": str(path), **origin, "width": width, "look": look}
    table.attrs["exposed"] = dict(zip(channels, exposed, strict=True))
    table.attrs["ground"] = {name: tiles(one, labels) for name, one in channels.items()}
    nuclei, height = upright(pixels[chosen.nuclei]), np.nan
    if len(table):
        height = float(np.median(nuclei[labels > 0]) - np.median(nuclei[labels == 0]))
    table.attrs["height"] = height
    table.attrs["full"] = any(pair in [(0, 1), (0, 255), (0, 65535)] for pair in ends)
    for target in (picture, part):
        target.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(picture, labels, compression="zlib")
    unfinished = part.with_suffix(".tmp")
    table.to_parquet(unfinished, index=False)
    unfinished.replace(part)
    return table


PART = (  # of a name: what stands for a channel or a plane
    r"((?i:r\d+_?c\d+))|(?<![A-Za-z])"  # c02 in r01c02 is a column
    rf"(?i:(?:w|z|ch|channel)[_ ]?\d+|{STAINS}|"
    r"phase[ _]?contrast|bright[ _]?field|texas[ _]?red)|"
    r"(?<![A-Za-z])c\d+|(?<=\d)C\d+|\bC\d(?=-)|(?<=f\d\d)[pd]\d+|(?<=\d)A\d+(?=Z\d)|"
    r"(?<=_)\d(?=_\d+_(?i:dapi|gfp|rfp|cy[357]|phase|bright|texas))"
)
APART = (
    "its name differs from that of another file only in the channel or plane: join them into one "
    "file (notebooks/16_your_data.ipynb shows how), or choose by PATTERN, such as '*_w1*'; "
    "if each is a frame of its own, set PATTERN to '*'"
)


def described(path):
    """Return what a file holds, as far as it says so, and why it cannot be used, if it cannot."""
    image, problem = attempt(read, path)
    row = {"file": name_of(path), "path": path, "problem": problem}
    if image is None:
        return row
    chosen, row["problem"] = attempt(choose, image)
    used = (chosen.nuclei, *chosen.channels.values()) if chosen else ()
    unnamed = f"{{}} of {len(image.names)}" if len(image.names) > 1 else ""
    return row | {
        "axes": image.axes,
        "type": str(image.array.dtype),
        "channels": " ".join(image.names),
        "pixel_um": chosen.pixel if chosen else image.pixel,
        "frames": len(image.places),
        "used": tuple(image.names[number] or unnamed.format(number) for number in used),
    }


def survey():
    """Return one row per file: what it holds, and what hinders its use."""
    if not FOLDER.exists():
        raise FileNotFoundError(f"no folder or file {FOLDER}: set FOLDER to that of your images")
    if FOLDER.resolve() == RESULTS.resolve():
        raise ValueError(f"RESULTS is FOLDER, {FOLDER}: set it to a new folder")
    found = find()
    images = [path for path, problem in found if not problem]
    if not images:
        kinds = sorted({path.suffix for path, _ in found})
        cure = f"or none is named {PATTERN}: change PATTERN" if PATTERN else "convert them to TIFF"
        raise FileNotFoundError(f"no TIFF, PNG or OME-Zarr in {FOLDER}, only {kinds}: {cure}")
    rows = dask.compute(*[dask.delayed(described)(path) for path in images])
    table = pd.DataFrame(rows).reindex(columns=COLUMNS)
    named = Counter(used for used in table["used"].dropna() if any(used)).most_common(1)
    for number, used in table["used"].dropna().items():
        if any(used) and used != named[0][0] and table["problem"].isna()[number]:
            table.loc[number, "problem"] = (
                f"its channels are {used}, where most files have {named[0][0]}: give the names of "
                "channels, not their numbers, or move it to another folder"
            )
    names = table["file"].str.replace(r"(?i)(?<=w\d)[0-9A-F]{8}[0-9A-F-]*", "", regex=True)
    fields = names.str.replace(PART, r"\1", regex=True)
    if not PATTERN:
        table.loc[names.groupby(fields).transform("nunique") > 1, "problem"] = APART
    others = [{"file": name_of(path), "problem": problem} for path, problem in found if problem]
    return pd.concat([table, pd.DataFrame(others)], ignore_index=True) if others else table


def usable(files):
    """Return the files that can be used, or raise ValueError with the first problem."""
    good = files[files["problem"].isna()]
    if good.empty:
        first = files.iloc[0]
        raise ValueError(f"none of {len(files)} files can be used; {first.file}: {first.problem}")
    return good


def drop_others(parts):
    """Delete what an earlier run made of frames that are not used any more."""
    for part in set((RESULTS / "parts").rglob("*.parquet")) - parts:
        name = part.relative_to(RESULTS / "parts").with_suffix(".tif")
        (RESULTS / "labels" / name).unlink(missing_ok=True)
        part.unlink()


def run(files):
    """Measure what is left to do of the usable files; return the tables, and why some are none."""
    good = usable(files)
    jobs = [
        (path, number, key)
        for path, count in zip(good["path"], good["frames"], strict=True)
        for key in [key_of(path)]
        for number in range(int(count))
    ]
    done = dask.compute(*[dask.delayed(attempt)(one_frame, *job) for job in jobs])
    skipped = files.loc[files["problem"].notna(), ["file", "problem"]].to_dict("records")
    for (path, number, _), (_, problem) in zip(jobs, done, strict=True):
        if problem:
            skipped.append({"file": name_of(path), "frame": number, "problem": problem})
    tables = [table for table, _ in done if table is not None]
    if not tables:
        raise ValueError(f"no frame can be used; {skipped[0]['file']}: {skipped[0]['problem']}")
    drop_others({outputs(Path(table.attrs["path"]), table.attrs["frame"])[0] for table in tables})
    return tables, pd.DataFrame(skipped, columns=["file", "frame", "problem"])


def same_nuclei(tables):
    """Return for each frame the name of another file where more than 60 % of its nuclei are."""
    files = np.array([table.attrs["file"] for table in tables])
    centres = [table[["row", "column"]].to_numpy() for table in tables]
    everywhere = cKDTree(np.concatenate(centres))
    owner = np.repeat(np.arange(len(tables)), [len(one) for one in centres])
    found = []
    for own, file, table in zip(centres, files, tables, strict=True):
        some = cKDTree(own[:: 1 + len(own) // 16])  # enough, and much faster than all
        reach = table.attrs["width"] / 6
        near = some.sparse_distance_matrix(everywhere, reach, output_type="ndarray")
        shared = np.bincount(owner[near["j"]], minlength=len(files)) * (files != file)
        there = some.n >= 5 and shared.max() > 0.6 * some.n
        found.append(files[shared.argmax()] if there else "")
    return found


def summary(tables):
    """Return one row per frame: how many nuclei of which width, and whether to look at it again."""
    rows = []
    for table in tables:
        row = {name: table.attrs[name] for name in ("file", "frame", "position", "time")}
        width = 2 * (table["area_px"].median() / np.pi) ** 0.5
        row |= {"nuclei": len(table), "width_px": width, "look": table.attrs["look"]}
        rows.append(row | {"relative": width / table.attrs["width"], "full": table.attrs["full"]})
    frames = pd.DataFrame(rows)
    relative, full = frames.pop("relative"), frames.pop("full")
    wider = relative > 1.25 * relative.quantile(interpolation="lower")
    same = pd.Series(same_nuclei(tables))
    field = ": a copy, or a channel, plane, projection or time point of the same field?"
    doubt = [
        (
            "wider than in other frames: out of focus, another magnification or channel, or real?",
            wider,
        ),
        ("stretched per image? Means cannot be compared between frames", full & (full.sum() > 1)),
        ("the same nuclei as in " + same + field, same != ""),
    ]
    width, height = (pd.Series([t.attrs[name] for t in tables]) for name in ("width", "height"))
    other = (width / width.mode()[0] - 1).abs() > 0.01
    doubt.append(
        ("another pixel size than most: binned, another objective? Do not compare means", other)
    )
    ratio = height / height.quantile(interpolation="lower")
    text = (
        "nuclei are "
        + ratio.map("{:.2g}".format)
        + " times as bright as usual: exposed otherwise, or real?"
    )
    doubt.append((text, (ratio > 0) & ~ratio.between(1 / 2, 2)))
    for name in tables[0].attrs["ground"]:
        ground = pd.DataFrame([table.attrs["ground"][name] for table in tables], dtype=float)
        middle = ground.median(axis=1)
        ratio = middle / (middle.quantile(interpolation="lower") or np.nan)
        text = f"the background of {name} is " + ratio.map("{:.2g}".format) + " times the usual: "
        text += "another exposure or gain, more or fewer planes summed, or real?"
        doubt.append((text, (ratio > 0) & ~ratio.between(1 / 1.5, 1.5)))
        shape = ground.div(middle, axis=0)
        usual, error = shape.median(), shape.std().mean() / len(shape) ** 0.5
        steady = len(shape) > 2 and usual.max() - usual.min() > max(0.15, 10 * error)
        text = f"the background of {name} varies in the same way in all frames: uneven light, "
        text += "which snippets/correct_shading.py corrects"
        doubt.append((text, (middle > 0) & steady))
    exposures = pd.DataFrame([table.attrs["exposed"] for table in tables])
    for name, exposed in exposures.items():
        for usual in exposed.mode()[:1]:  # of none, if no file says it
            text = f"{name} was exposed " + exposed + f", and {usual} in most frames"
            doubt.append((text, exposed.notna() & (exposed != usual)))
    for text, there in doubt:
        frames.loc[there, "look"] = (frames["look"] + "; " + text).str.removeprefix("; ")
    return frames


def contact_sheet(tables):
    """Draw a corner of three frames chosen at random, each channel with the outlines of nuclei."""
    chosen = np.random.default_rng().permutation(len(tables))[:3]
    frames = []
    for said in [tables[number].attrs for number in chosen]:
        pixels, settings, *_ = frame_of(Path(said["path"]), said["frame"])
        names = {number: name for name, number in settings.channels.items()}
        frames.append((said, pixels, {settings.nuclei: "nuclei"} | names))
    rows = len(frames[0][2])
    fig, axes = plt.subplots(rows, 3, figsize=(15, 5.2 * rows), layout="constrained", squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for column, (said, pixels, names) in zip(axes.T, frames, strict=False):
        part = (slice(int(12 * said["width"])),) * 2
        labels = tifffile.imread(RESULTS / said["labels"])[part]
        for ax, (channel, name) in zip(column, names.items(), strict=True):
            image = pixels[channel][part]
            low, high = np.percentile(image, (1, 99.8))
            grey = np.clip((image - low) / max(high - low, 1e-9), 0, 1)
            ax.imshow(mark_boundaries(grey, labels, color=(0.9, 0.6, 0)))
            ax.plot([3, 3 + said["width"]], [3, 3], color="#56B4E9", lw=5)
            title = f"{said['file']}, frame {said['frame']}, channel {name}"
            ax.set_title(textwrap.fill(title, 60))
    fig.supxlabel("Each bar is as long as DIAMETER.")
    return fig


def save(tables, skipped):
    """Write one table of all nuclei, one of the frames, and one of what was left out."""
    nuclei = pd.concat([one for one in tables if len(one)] or tables[:1], ignore_index=True)
    frames = summary(tables)
    nuclei.to_parquet(RESULTS / "nuclei.parquet", index=False)
    frames.to_csv(RESULTS / "frames.csv", index=False)
    skipped.to_csv(RESULTS / "skipped.csv", index=False)
    return nuclei, frames


if __name__ == "__main__":
    files = survey()
    kinds = ["type", "axes", "channels", "pixel_um", "problem"]
    print(files.groupby(kinds, dropna=False).size().rename("files").reset_index().to_string())
    tables, skipped = run(files)
    nuclei, frames = save(tables, skipped)
    contact_sheet(tables).savefig(RESULTS / "outlines.png")
    print(
        f"{len(nuclei)} nuclei in {len(frames)} frames of {frames['file'].nunique()} files, "
        f"{len(skipped)} skipped"
    )
    for problem, count in skipped["problem"].value_counts().items():
        print(f"{count} skipped: {problem}")
    if frames["look"].any():
        print(frames[frames["look"] != ""].to_string())
    print(
        "No check sees gamma, another lamp or gain, a channel under a wrong name, or a wrong pixel "
        "size: look at outlines.png, and ask who took the images."
    )
