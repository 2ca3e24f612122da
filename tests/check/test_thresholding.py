"""The checks of notebook 03 tell right answers from the usual wrong ones."""

import dask.array as da
import numpy as np
import pytest
import tifffile
from answers import in_use, said, tried
from dask_image import ndfilters
from PIL import Image
from scipy import ndimage
from skimage.filters import threshold_li, threshold_otsu

from segkit.check import lazy_frames
from segkit.check import thresholding as check

SHAPE = (60, 90)


@pytest.fixture
def images(tmp_path, monkeypatch):
    """Three frames with one square nucleus each, and an empty one, as the data set in use."""
    rng = np.random.default_rng(3)
    noise = rng.normal(150, 4, (4, *SHAPE))
    truth = np.zeros((4, *SHAPE), np.uint8)
    for frame, brightness in enumerate((500, 250, 900)):
        truth[frame, 20:40, 30:60] = 1
        dim, bright = noise[frame, 20:40, 30:45], noise[frame, 20:40, 45:60]
        dim += brightness
        bright += 2 * brightness
    noise = noise.astype(np.uint16)
    in_use(monkeypatch, tmp_path, noise)
    (tmp_path / "BBBC039" / "masks").mkdir()
    for frame in range(4):
        colours = np.repeat(truth[frame][..., None], 4, axis=2)
        colours[..., 1:3] = 0
        Image.fromarray(colours).save(tmp_path / "BBBC039" / "masks" / f"{frame:02}.png")
    return da.from_array(noise[:3], chunks=(1, *SHAPE))


@pytest.fixture
def smoothed(images):
    """Blur the three frames as in the notebook."""
    return ndfilters.gaussian_filter(images, [0, 1, 1])


def local(stack, *block_size):
    """Return the local threshold with a window that may be larger than the frame."""
    sigma = [(size - 1) / 6 for size in block_size]
    return ndimage.gaussian_filter(stack.compute().astype(float), sigma)


@tried(
    ("Right.", lambda raw, smooth: local(smooth, 1, 201, 201)),
    ("neighbouring frames", lambda raw, smooth: local(smooth, 3, 201, 201)),
    ("201 is sigma", lambda raw, smooth: local(smooth, 1, 1207, 1207)),
    ("the whole frame", lambda raw, smooth: local(smooth, 1, *SHAPE)),
    ("Is the window smaller", lambda raw, smooth: local(smooth, 1, 101, 101)),
    ("Is the window larger", lambda raw, smooth: local(smooth, 1, 301, 301)),
    ("as read", lambda raw, smooth: local(raw, 1, 201, 201)),
    ("that is a mask", lambda raw, smooth: smooth.compute() > local(smooth, 1, 201, 201)),
)
def test_window(capsys, images, smoothed, answer, hint):
    """A usual other window is named, and so are frames as read, a mask and too few frames."""
    assert hint in said(capsys, check.window, answer(images, smoothed))


def test_window_of_no_frames_is_not_accepted(capsys, simulated_frames, monkeypatch):
    """A size of 0 along the frames has the values of size 1, and is named all the same."""
    monkeypatch.setenv("SEGKIT_DATA", str(simulated_frames.parent))
    smoothed = ndfilters.gaussian_filter(lazy_frames(), sigma=[0, 1, 1])
    assert check.window(ndfilters.threshold_local(smoothed[:3], block_size=(1, 201, 201)))
    none = ndfilters.threshold_local(smoothed[:3], block_size=(0, 201, 201))
    assert "a window of 0 frames" in said(capsys, check.window, none)


def level_of(stack, rule):
    """Return the level of each frame, to compare with the stack."""
    return np.array([rule(frame) for frame in stack.compute()])[:, None, None]


def test_li_mask(capsys, images, smoothed):
    """A level for each frame, by map_blocks or by a loop; each usual mistake has its own hint."""
    levels = smoothed.map_blocks(
        lambda chunk: np.full((1, 1, 1), threshold_li(chunk)), chunks=(1, 1, 1), dtype=float
    )
    li, otsu = level_of(smoothed, threshold_li), level_of(smoothed, threshold_otsu)
    one = threshold_li(smoothed.compute())
    for answer, hint in [
        (smoothed > levels, "Right."),
        (smoothed.compute() > li, "Right."),
        (smoothed <= li, "exchanged"),
        (smoothed > otsu, "Otsu's levels"),
        (smoothed > one, "one level for all"),
        (images > li, "frames as read"),
        (images > level_of(images, threshold_li), "frames as read"),
        (li, "the shape is"),
        ((smoothed > li).astype("uint8"), "True and False"),
        (smoothed.map_blocks(threshold_li, dtype=float), "an array of 1 x 1 x 1"),
    ]:
        assert hint in said(capsys, check.li_mask, answer)


PAIR = [0, 3]  # the first frame and the empty one


def above(by, pair=PAIR):
    """Return the masks above the local threshold raised by some grey levels, lazily."""
    smoothed = ndfilters.gaussian_filter(lazy_frames(), sigma=[0, 1, 1])
    raised = ndfilters.threshold_local(smoothed, smoothed.chunksize) + by
    return (smoothed > raised)[pair]


@tried(
    ("Right.", lambda: above(12), lambda: above(20.5).compute(), lambda: above(30)),
    ("lowers the threshold", lambda: above(-30)),
    ("of the empty frame", lambda: above(0), lambda: above(2)),
    ("are left, and at least 97 % were asked for", lambda: above(600), lambda: above(9999)),
    ("one number added", lambda: above(12, [3, 0]), lambda: ~above(12)),
    ("True and False", lambda: above(12).astype(int)),
)
def test_raised(capsys, images, answer, hint):
    """Above the noise and well below the nuclei; lowered, too little and too much differ."""
    assert hint in said(capsys, check.raised, answer())


def test_raised_looks_at_the_empty_frame_that_is_shown(images, tmp_path):
    """Of several empty frames that with the lowest Otsu level counts, as in the notebook."""
    folder = tmp_path / "BBBC039"
    brighter = np.random.default_rng(4).normal(170, 20, SHAPE).astype(np.uint16)
    for stem in ("02a", "30"):  # before the other one and after it
        tifffile.imwrite(folder / "images" / f"{stem}.tif", brighter)
        empty = (folder / "masks" / "03.png").read_bytes()
        (folder / "masks" / f"{stem}.png").write_bytes(empty)
    assert above(12, [3]).mean().compute() > check.STRAY
    assert check.raised(above(12, [0, 4]))


def test_raised_without_an_empty_frame(capsys, images, tmp_path):
    """Where no frame in use is empty, the check says so and looks at the nuclei alone."""
    for kind, suffix in (("images", "tif"), ("masks", "png")):
        (tmp_path / "BBBC039" / kind / f"03.{suffix}").unlink()
    assert "No frame in use is empty" in said(capsys, check.raised, above(20, [0, 1]))
    assert "too high" in said(capsys, check.raised, above(600, [0, 1]))
