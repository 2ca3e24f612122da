"""Checks for the exercises of notebook 15: on CuPy arrays where there is a GPU, else on NumPy's."""

import dask.array as da
import numpy as np

from segkit.check import exercise


class _NoLoop(np.ndarray):
    """An array that refuses a loop over its frames."""

    def __iter__(self):
        raise TypeError("this is a loop over frames, an operation for each: use whole arrays")

    def __getitem__(self, key):
        first = key[0] if isinstance(key, tuple) and key else key
        if self.ndim == 3 and isinstance(first, int | np.integer) and not isinstance(first, bool):
            raise TypeError("this takes one frame, as a loop over frames does: use whole arrays")
        return super().__getitem__(key)


def _there(values):
    """Put values where the notebook computes: on the GPU, or into an array that refuses loops."""
    try:
        import cupy

        return cupy.asarray(values)
    except (ImportError, RuntimeError):  # no CuPy, or no GPU
        return values.copy().view(_NoLoop)


def _back(values):
    """Return an answer as a NumPy array."""
    in_cupy = type(values).__module__.partition(".")[0] == "cupy"
    return values.get() if in_cupy else np.asarray(values)


def _fail(chunk):
    raise RuntimeError("this chunk was not needed")


def _lazy(promise, comes, *, second=None):
    """Two chunks that promise one type of array and come as another."""
    images = da.zeros((2, 3, 4), chunks=(1, 3, 4), dtype=np.uint16)

    def make(chunk, block_info=None):
        if second and block_info[0]["chunk-location"][0]:
            second(chunk)
        return comes(chunk)

    return images.map_blocks(make, dtype=images.dtype, meta=promise(np.empty((0, 0, 0), np.uint16)))


def _is(answer, expected):
    """Tell whether an answer is True or False, as asked; NumPy's count too."""
    return isinstance(answer, bool | np.bool_) and bool(answer) is expected


@exercise
def honest(function):
    """Tell whether the first chunk of a lazy array is of the type that the array promises."""
    if not callable(function):
        return "this is not a function; it should take a lazy array and return True or False."
    masked, plain = np.ma.asarray, np.asarray
    if not _is(function(_lazy(plain, plain)), True):
        return "the answer for an array that keeps its promise is not True."
    if not _is(function(_lazy(masked, masked)), True):
        return "masked arrays that were promised and do come are right too: compare the two types."
    if not _is(function(_lazy(masked, plain)), False):
        return "NumPy arrays come where masked ones were promised, and the answer is not False."
    if not _is(function(_lazy(plain, masked)), False):
        return (
            "masked arrays come where NumPy's were promised, and the answer is not False. "
            "isinstance takes a masked array for a NumPy array; are the two types the same?"
        )
    try:
        function(_lazy(plain, plain, second=_fail))
    except RuntimeError:
        return "right, but every chunk is computed: the first one is enough."
    return None


@exercise
def renumber(function):
    """Give the nuclei of each frame of a batch numbers from 1 on: a function of label images."""
    if not callable(function):
        return "this is not a function; it should take a batch of label images and return another."
    plain = np.zeros((4, 3, 6), np.int32)
    plain[0, 0, ::2] = 1, 2, 3
    plain[1, 1, 1:5:3] = 4, 5
    plain[2, 2, 3:] = 6
    plain[3, 0, 0] = 7
    gap = np.zeros_like(plain)  # a frame without nuclei
    gap[0, 0, :2], gap[2, 1, :3], gap[3, 2, 2] = (1, 2), (3, 4, 5), 6
    for labels in (plain, gap):
        highest = labels.max(axis=(1, 2))
        before = np.array([0, *np.maximum.accumulate(highest)[:-1]])
        expected = _less(labels, before)
        result = _back(function(_there(labels)))
        if result.shape != labels.shape:
            return f"the shape is {result.shape}, and {labels.shape} was expected."
        if np.array_equal(result, expected):
            continue
        if np.array_equal(result, labels):
            return "the numbers still go on from frame to frame."
        if result[labels == 0].any():
            return "the background is no longer 0: subtract where there are nuclei only."
        if np.array_equal(result, _less(labels, np.cumsum(highest) - highest)):
            return (
                "the highest number of a frame already includes the frames before it: adding "
                "these numbers up counts nuclei several times."
            )
        if np.array_equal(result, _less(labels, np.array([0, *highest[:-1]]))):
            return (
                "right as long as every frame has a nucleus. The highest number of an empty frame "
                "is 0: look at all frames before, not at the last one."
            )
        return _first_other(result, expected)
    return None


def _less(labels, numbers):
    """Subtract a number per frame from its labels, and leave the background at 0."""
    return np.where(labels > 0, labels - numbers[:, None, None], 0)


def _first_other(result, expected):
    """Say how the first frame that differs is numbered, and how it should be."""
    other = int(np.flatnonzero((result != expected).any(axis=(1, 2)))[0])
    found, wanted = (np.unique(some[other][expected[other] > 0]) for some in (result, expected))
    return f"frame {other} is numbered {found.tolist()}, and not {wanted.tolist()}."


@exercise
def means(answer, image, labels):
    """Mean grey level of each nucleus of a frame, in the order of their numbers."""
    image, labels = _back(image), _back(labels)
    count = int(labels.max())
    area = np.bincount(labels.ravel(), minlength=count + 1)
    light = np.bincount(labels.ravel(), weights=image.ravel(), minlength=count + 1)
    result = _back(answer)
    if np.shape(result) == (count + 1,):
        return "that is one value too many: the background, number 0, is not a nucleus."
    if np.shape(result) != (count,):
        return f"{count} values are expected, one per nucleus; the shape is {np.shape(result)}."
    if np.allclose(result, area[1:]):
        return "those are the areas: divide the sum of the grey levels by them."
    if np.allclose(result, light[1:]):
        return "those are the sums of the grey levels: divide by the number of pixels."
    expected = light[1:] / area[1:]
    if np.allclose(result, np.floor(expected)) and not np.allclose(result, expected):
        return "the fractions are cut off: divide with / and not with //."
    if not np.allclose(result, expected, rtol=1e-6):
        return "the values differ from the means: which array are the weights?"
    return None
