"""Batches of NumPy frames, and CuPy arrays, through the stages of `segkit.frame`."""

import numpy as np
import pytest
import standin
from made import scene

from segkit import device, frame
from segkit.methods import dispatch

STAGES = ("smooth", "local_threshold", "open_mask", "label", "tutorial", "segment")


@pytest.fixture
def cupy(monkeypatch):
    """Put the stand-in in CuPy's place."""
    return standin.install(monkeypatch)


@pytest.fixture
def images():
    """Return three scenes as a batch."""
    return np.stack([scene(seed) for seed in range(3)])


def given(stage, images):
    """Return what a stage works on."""
    return images > 300 if stage in ("open_mask", "label") else images


@pytest.mark.parametrize("stage", STAGES)
def test_numpy_batch_is_done_frame_by_frame(stage, images):
    """A batch gives a batch, whose frames are those that come out one by one."""
    stage, batch = getattr(frame, stage), given(stage, images)
    result = stage(batch)
    assert type(result) is np.ndarray
    assert result.dtype == stage(batch[0]).dtype
    np.testing.assert_array_equal(result, np.stack([stage(one) for one in batch]))


@pytest.mark.parametrize("stage", STAGES)
def test_cupy_arrays_give_cupy_arrays(stage, images, cupy):
    """For a CuPy batch and a CuPy frame the result is CuPy's, with the values of the CPU."""
    stage, batch = getattr(frame, stage), given(stage, images)
    for values in (batch, batch[0]):
        result = stage(cupy.asarray(values))
        assert type(result) is cupy.ndarray
        expected = stage(values)
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result.get(), expected, atol=0.5)
        if expected.dtype != float:
            np.testing.assert_array_equal(result.get(), expected)


@pytest.mark.parametrize("method", ["otsu", "watershed", "best"])
def test_other_methods(method, images, cupy):
    """NumPy batches are done by every method; CuPy's are refused by name."""
    labels = frame.segment(images, method=method)
    for image, found in zip(images, labels, strict=True):
        np.testing.assert_array_equal(found, frame.segment(image, method=method))
    with pytest.raises(device.DeviceError, match=f"'{method}' runs on the CPU only"):
        frame.segment(cupy.asarray(images), method=method)


def test_table_of_a_batch(images, cupy):
    """The tables of the frames below each other, with their place; from the GPU in one piece."""
    labels = frame.segment(images)
    table = frame.measure(images, labels)
    for number, (image, found) in enumerate(zip(images, labels, strict=True)):
        part = table[table["frame"] == number].drop(columns="frame").reset_index(drop=True)
        assert part.equals(frame.measure(image, found))
    there = cupy.asarray(images), cupy.asarray(labels)
    cupy.transfers.clear()
    moved = frame.measure(*there)
    assert dict(cupy.transfers) == {"to host": 1}
    assert list(moved) == list(table)
    np.testing.assert_allclose(moved, table, rtol=1e-12)


@pytest.mark.parametrize("stage", STAGES)
def test_what_is_no_array_is_refused(stage):
    """A list is named as what cannot be worked on."""
    with pytest.raises(ValueError, match=r"builtins\.list"):
        getattr(frame, stage)([[1, 2], [3, 4]])


def test_one_frame():
    """Two axes and NumPy, for all of the arrays."""
    image = np.zeros((2, 3))
    assert dispatch.one_frame(image, image)
    assert not dispatch.one_frame(image[None])
    assert not dispatch.one_frame(image, [[1, 2]])
