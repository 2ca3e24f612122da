"""Checks for notebook 15: on CuPy arrays where there is a GPU, else on NumPy's."""

import numpy as np

from segkit import check


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
    """Return an answer from where the notebook computes: a CuPy array as one of NumPy."""
    in_cupy = type(values).__module__.partition(".")[0] == "cupy"
    return values.get() if in_cupy else values


@check.exercise
def honest(function):
    """Check a function that tells whether a chunk is of the type that a lazy array promises."""
    masked, plain = np.ma.asarray, np.asarray
    both_masked = "masked arrays that were promised and do come are right too: compare the types."
    not_masked = "NumPy arrays come where masked ones were promised, and the answer is not False."
    not_plain = (
        "masked arrays come where NumPy's were promised, and the answer is not False. "
        "isinstance takes a masked array for a NumPy array; are the two types the same?"
    )
    for promised, comes, hint in (
        (plain, plain, "the answer for an array that keeps its promise is not True."),
        (masked, masked, both_masked),
        (masked, plain, not_masked),
        (plain, masked, not_plain),
    ):
        lazy, made = check.counted(np.zeros((2, 3, 4), np.uint16))
        lazy = lazy.map_blocks(comes, meta=promised(np.empty((0, 0, 0), np.uint16)))
        answer = check.called(function, lazy)
        if not isinstance(answer, bool | np.bool_):
            return f"True or False is asked for, and {check.its_type(answer)}."
        if answer != (promised is comes):
            return hint
    if len(made) > 1:
        return "right, but every chunk is computed: the first one is enough."
    return None


@check.exercise
def renumber(function):
    """Check a function of a batch of labels that numbers the objects of each frame from 1 on."""
    plain = np.zeros((4, 3, 6), np.int32)
    plain[0, 0, ::2] = 1, 2, 3
    plain[1, 1, 1:5:3] = 4, 5
    plain[2, 2, 3:] = 6
    plain[3, 0, 0] = 7
    gap = np.zeros_like(plain)  # an empty frame
    gap[0, 0, :2], gap[2, 1, :3], gap[3, 2, 2] = (1, 2), (3, 4, 5), 6
    added_up = (
        "the highest number of a frame already includes the frames before it: adding these "
        "numbers up counts objects several times."
    )
    last_only = (
        "right as long as no frame is empty. The highest number of an empty frame is 0: "
        "look at all frames before, not at the last one."
    )
    for labels in (plain, gap):
        highest = labels.max(axis=(1, 2))
        before = np.array([0, *np.maximum.accumulate(highest)[:-1]])
        expected = _less(labels, before)
        result = check.computed(_back(check.called(function, _there(labels))))
        check.expect_shape(result, labels.shape, check.GLOBALS)
        if result[labels == 0].any():
            return "the background is no longer 0: subtract where there are objects only."
        mistakes = [
            (labels, "the numbers still go on from frame to frame."),
            (_less(labels, np.cumsum(highest) - highest), added_up),
            (_less(labels, np.array([0, *highest[:-1]])), last_only),
        ]
        first = np.argmax((result != expected).any(axis=(1, 2)))  # that differs
        found, wanted = (np.unique(some[first][expected[first] > 0]) for some in (result, expected))
        otherwise = f"frame {first} is numbered {found.tolist()}, and not {wanted.tolist()}."
        if hint := check.recognise(result, expected, mistakes, otherwise):
            return hint
    return None


def _less(labels, numbers):
    """Subtract a number per frame from its labels, and leave the background at 0."""
    return np.where(labels > 0, labels - numbers[:, None, None], 0)


@check.exercise
def means(answer, image, labels):
    """Check the mean grey level of each object of a batch, in the order of their numbers."""
    image, labels = _back(image).ravel(), _back(labels).ravel()
    area, light = np.bincount(labels), np.bincount(labels, weights=image)
    mean = light / np.maximum(area, 1)
    right = mean[1:]
    background = "that is one value too many: the background, number 0, is not an object."
    mistakes = [
        (mean, background),
        (area, background),
        (light, background),
        (area[1:], "those are the areas: divide the sum of the grey levels by them."),
        (light[1:], "those are the sums of the grey levels: divide by the number of pixels."),
        (np.floor(right), "the fractions are cut off: divide with / and not with //."),
    ]
    otherwise = "the values differ from the means: which array are the weights?"
    return check.recognise(_back(answer), right, mistakes, otherwise)
