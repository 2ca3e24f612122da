"""The snippets that filter, threshold and look give what the frames of `own` were made with."""

import sys
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_otsu

from segkit import frame


def test_smooth_frames(play, own):
    """Each frame is blurred separately, with its fractions, and scatters less."""
    done = play("smooth_frames")
    blurred = ndimage.gaussian_filter(own.images[1].astype("float32"), 1)
    np.testing.assert_allclose(done.smoothed[1].compute(), blurred, rtol=1e-5)
    assert done.noise[1] < 0.4 * done.noise[0]


def test_remove_hot_pixels(play, own):
    """The hot pixels are found, all and no others, and get the median of their surroundings."""
    where = [[0, 100, 200], [0, 200, 50], [1, 100, 200], [1, 200, 51]]
    hot = own.images.copy()
    hot[tuple(np.transpose(where))] = 60_000
    own.write(hot)
    done = play("remove_hot_pixels")
    assert np.argwhere(done.hot.compute()).tolist() == where
    cleaned = done.cleaned.compute()
    assert cleaned.dtype == np.uint16
    assert cleaned[0, 100, 200] == np.median(hot[0, 99:102, 199:202])
    np.testing.assert_array_equal(cleaned[own.images == hot], own.images[own.images == hot])
    assert done.printed.startswith("4 hot pixels in 6 frames")
    assert (np.array(done.most)[2:] < done.FAR / 2).all()


def test_correct_shading_finds_the_illumination(play, own):
    """Illumination that falls off to one side is found, and corrected."""
    fall = np.linspace(1.2, 0.8, own.images.shape[2])
    noise = np.random.default_rng(0).normal(1000, 20, own.images.shape)
    moved = [np.roll(labels, 25 * number) for number, labels in enumerate(own.labels)]
    frames = (noise + 10_000 * (np.array(moved) > 0)) * fall
    own.write(frames.astype("uint16"))
    done = play("correct_shading")
    assert abs(done.light.mean(axis=0) / done.light.mean() - fall)[25:-25].max() < 0.03
    after = np.median(done.corrected.compute(), axis=(0, 1))[25:-25]
    assert after.std() < 0.02 * after.mean()


def test_threshold_of_stack(play, own):
    """One threshold for all frames, that of their pixels in one array."""
    done = play("threshold_of_stack")
    assert done.threshold == threshold_otsu(own.images)
    np.testing.assert_array_equal(done.mask.compute(), own.images > done.threshold)
    assert done.share == (own.images > done.threshold).mean()


def test_clean_masks(play, own):
    """Specks and small objects go, holes are filled, and every nucleus is left."""
    for image, labels in zip(own.images, own.labels, strict=True):
        if labels.any():
            row, column = map(round, ndimage.center_of_mass(labels == labels.max()))
            image[row, column] = 1500
        away = ndimage.distance_transform_edt(np.pad(labels == 0, 1))  # from nuclei and edges
        row, column = np.unravel_index(away.argmax(), away.shape)
        image[row - 8 : row, column : column + 8] = 20_000
        image[-1] = 20_000  # a line
    own.write(own.images)
    done = play("clean_masks")
    assert done.before == [count + 2 for count in own.counts[:5]]
    assert done.after == own.counts[:5]
    different = done.cleaned.compute() != (own.labels[:5] > 0)  # the rims
    assert different.mean() < 0.2 * (own.labels > 0).mean()


def test_profile_tasks(play, own):
    """The bar gets to its end; the Gaussian of the local threshold takes the most time."""
    done = play("profile_tasks")
    assert "100% Completed" in done.printed
    assert done.table["seconds"].idxmax() == "gaussian_filter"


def test_gpu_dask_image(play, own, monkeypatch):
    """On the CPU the mask is that of SciPy, frame by frame, and four frames share a chunk."""
    monkeypatch.setitem(sys.modules, "cupy", None)
    done = play("gpu_dask_image")
    assert done.opened.chunksize[0] == 4
    for opened, image in zip(done.opened.compute(), own.images, strict=False):
        smoothed = ndimage.gaussian_filter(image.astype(float), 1)
        expected = ndimage.binary_opening(smoothed > frame.local_threshold(smoothed))
        np.testing.assert_array_equal(opened, expected)
    assert done.printed == f"{100 * float(done.share):.2f} % of the pixels, computed with numpy"


def test_frame_statistics(play, own):
    """A row per frame; the saturated frame has many pixels at its highest level."""
    tifffile.imwrite(own.paths[2], own.images[2].clip(max=9000))
    table = play("frame_statistics").table
    assert table.index.tolist() == [path.stem for path in own.paths]
    assert table["median"].tolist() == np.median(own.images, axis=(1, 2)).tolist()
    at_highest = table.pop("pixels at highest").tolist()
    assert at_highest.pop(2) == (own.labels[2] > 0).sum()
    assert max(at_highest) < 5


def test_contact_sheet(play, own, tmp_path):
    """Each frame is on the sheet, as the means of its 8 x 8 pixels."""
    done = play("contact_sheet")
    assert done.small.shape == (6, 28, 38)
    np.testing.assert_allclose(done.small[3, 2, 5], own.images[3, 16:24, 40:48].mean())
    with Image.open(tmp_path / "contact.png") as sheet:
        assert sheet.size == done.sheet.shape[::-1]


def test_show_outlines(play, own, tmp_path):
    """The picture is written, and outlines each nucleus."""
    done = play("show_outlines")
    assert done.printed == f"{own.counts[0]} nuclei outlined in outlines.png"
    assert (tmp_path / "outlines.png").stat().st_size > 20_000
    outlined = done.labels[~np.ma.getmaskarray(done.outlines)]
    assert set(outlined) == set(range(1, own.counts[0] + 1))


def test_napari_layers_saves_what_was_corrected(play, own, monkeypatch):
    """Only the frame that was painted over is saved, with the correction."""
    napari = Mock()
    napari.Viewer().add_labels = lambda data, **_: SimpleNamespace(data=data)

    def remove_a_nucleus():
        labels = sys._getframe(1).f_globals["layer"].data[1]
        labels[labels == 1] = 0

    napari.run = remove_a_nucleus
    monkeypatch.setitem(sys.modules, "napari", napari)
    done = play("napari_layers")
    assert done.printed == f"corrected: {own.paths[1].name}"
    (path,) = Path("corrected").iterdir()
    expected = np.where(done.labels[1] == 1, 0, done.labels[1])
    np.testing.assert_array_equal(tifffile.imread(path), expected)
