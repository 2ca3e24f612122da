"""The snippets that filter, threshold and clean give what SciPy and scikit-image give."""

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from skimage.filters import threshold_local, threshold_otsu

from segkit import show

FAULT = show.why_not_napari()


@pytest.fixture(scope="session")
def frames(files):
    """Return the first five frames."""
    return [tifffile.imread(path) for path in files[:5]]


def test_smooth_frames(play, frames):
    """Each frame is blurred by itself, with its fractions, and scatters less."""
    done = play("smooth_frames")
    blurred = ndimage.gaussian_filter(frames[1].astype("float32"), 1)
    np.testing.assert_allclose(done.smoothed[1].compute(), blurred, rtol=1e-5)
    assert done.noise[1] < 0.6 * done.noise[0]


def test_remove_hot_pixels(play, own, stack):
    """The hot pixels are found, all of them and none else, and get their surroundings' median."""
    where = [[0, 100, 200], [0, 300, 50], [1, 100, 200], [1, 300, 51]]
    images = stack[:2].copy()
    images[tuple(np.transpose(where))] = 4000
    done = play("remove_hot_pixels", own(images))
    assert np.argwhere(done.hot.compute()).tolist() == where
    assert done.cleaned[0, 100, 200].compute() == np.median(images[0, 99:102, 199:202])
    assert done.cleaned.dtype == np.uint16
    most = done.above.max().compute()
    assert done.printed.startswith(f"4 hot pixels in 2 frames; no pixel is more than {most} ")


def test_threshold_of_stack(play, files):
    """The histogram of all frames gives the threshold that all pixels give."""
    done = play("threshold_of_stack")
    assert done.threshold == threshold_otsu(np.stack([tifffile.imread(p) for p in files]))
    assert done.share == pytest.approx(done.mask.mean().compute())


def test_threshold_per_frame(play, frames):
    """Each frame has a threshold of its own."""
    shares = [(frame > threshold_otsu(frame)).mean() for frame in frames]
    np.testing.assert_allclose(play("threshold_per_frame").share, shares)


def test_local_threshold(play, frames):
    """It is that of scikit-image, whose block has an odd side, but for pixels at the threshold."""
    done = play("local_threshold")
    smoothed = ndimage.gaussian_filter(frames[0], 1)
    sigma = [(n - 1) / 6 for n in smoothed.shape]
    expected = smoothed > threshold_local(
        smoothed, (519, 695), offset=0, method="gaussian", param=sigma
    )
    assert (done.mask[0].compute() != expected).mean() < 1e-4


def test_open_masks(play, frames):
    """The opening is that of each frame by itself."""
    done = play("open_masks")
    cross = ndimage.generate_binary_structure(2, 1)
    masks = [ndimage.gaussian_filter(frame, 1) > 300 for frame in frames]
    opened = [ndimage.binary_opening(mask, cross) for mask in masks]
    np.testing.assert_array_equal(done.opened.compute(), opened)
    assert done.taken.tolist() == [(m & ~o).sum() for m, o in zip(masks, opened, strict=True)]


def test_drop_small_objects(play):
    """No object of up to 100 pixels is left, no hole, and every larger object."""
    done = play("drop_small_objects")
    for mask, cleaned in zip(done.mask.compute(), done.cleaned.compute(), strict=True):
        sizes = np.bincount(ndimage.label(mask)[0].ravel())[1:]
        left = np.bincount(ndimage.label(cleaned)[0].ravel())[1:]
        assert len(left) == (sizes > 100).sum() > 0
        assert left.min() > 100
        holes = np.bincount(ndimage.label(~cleaned)[0].ravel())[1:]
        assert holes.min() > 100
    assert sum(done.before) > sum(done.after)


def test_clear_border(play):
    """What touches the edge goes, and nothing else."""
    done = play("clear_border")
    for all_labels, whole in zip(done.labels.compute(), done.whole.compute(), strict=True):
        edge = np.ones(all_labels.shape, bool)
        edge[1:-1, 1:-1] = False
        cut = np.setdiff1d(all_labels[edge], [0])
        assert len(cut) > 0
        np.testing.assert_array_equal(whole, np.where(np.isin(all_labels, cut), 0, all_labels))
    counts = [len(np.unique(one)) - 1 for one in done.labels.compute()]
    assert done.printed.splitlines()[0] == f"all:         {counts}"


def test_profile_tasks(play):
    """The wide Gaussian of the local threshold is what takes the time."""
    table = play("profile_tasks").table
    assert table["tasks"].sum() > 20
    assert table["seconds"].idxmax() == "gaussian_filter"
    assert table["seconds"].max() > table["seconds"].sum() / 2


def test_napari_layers_has_a_picture(play):
    """Without napari the frame and its labels are drawn."""
    done = play("napari_layers")
    assert done.printed == f"picture: {done.path}"
    assert done.path.stat().st_size > 10_000
    assert done.labels[0].max().compute() > 50


@pytest.mark.napari
@pytest.mark.skipif(bool(FAULT), reason=f"napari cannot open a window: {FAULT}")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of napari itself, in its imports
def test_napari_layers_opens_napari(play, monkeypatch):
    """With napari and a display the frames and their labels are layers."""
    import napari

    monkeypatch.setattr(napari, "run", lambda: None)
    done = play("napari_layers", viewer="")
    assert done.printed == "napari"
    assert [layer.name for layer in done.window.layers] == ["images", "labels"]
    assert done.window.dims.nsteps[0] == 12
    done.window.close()


def test_show_outlines(play):
    """The picture is written, and outlines each nucleus."""
    done = play("show_outlines")
    assert done.path.stat().st_size > 50_000
    outlined = done.labels[~np.ma.getmaskarray(done.outlines)]
    assert set(outlined) == set(range(1, done.labels.max() + 1))
