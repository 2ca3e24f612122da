"""A trained network for nuclei that touch: a small U-Net, run by onnxruntime.

``unet.md`` beside this module is the model's card: its data, training, scores, limits and licence.
``benchmarks/unet/train.py`` made it on the training frames of BBBC039. Nuclei have to be as wide
here as there, about 28 pixels, and bright on a dark background.

`segment` labels a frame. Its parts are for more than that: `levels`, found once, let the tiles of a
large image share one scale; `probabilities` can be stored and `split` otherwise.
"""

import functools
from pathlib import Path

import numpy as np

from segkit.frame import _checked, _kept

MODEL = Path(__file__).with_name("unet.onnx")
"""The network: (N, 1, rows, columns) to (N, 2, rows, columns), float32; multiples of 8 pixels."""

NOISE = 12  # standard deviations of the noise that a nucleus has to rise above it
SMALLEST = 30  # objects of fewer pixels are dropped


def levels(image):
    """Find the grey levels of the background and of the bright nuclei.

    Parameters
    ----------
    image : (rows, columns) ndarray
        A frame; for a large image every tenth row and column will do.

    Returns
    -------
    dark, bright : float
        The 20th and the 99.5th percentile. Where there are few nuclei or none, `bright` is at least
        `NOISE` standard deviations of the noise and a tenth of the range above `dark`.

    Raises
    ------
    ValueError
        If the array is not one frame, or holds values that are not finite.

    Examples
    --------
    >>> frame = np.full((64, 64), 100, dtype=np.uint8)
    >>> frame[20:40, 20:40] = 200
    >>> levels(frame)
    (100.0, 200.0)
    """
    image = _checked(image).astype(np.float64)
    dark, bright, most = np.percentile(image, (20, 99.5, 100))
    steps = np.abs(np.diff(image.ravel(), prepend=dark))  # of neighbours: mostly noise
    noise = 1.4826 / np.sqrt(2) * np.median(steps)
    return float(dark), float(max(bright, dark + NOISE * noise, dark + (most - dark) / 10))


def scaled(image, *, at=None):
    """Bring a frame to the scale of the training, whatever its grey levels and its dtype.

    Parameters
    ----------
    image : (rows, columns) ndarray
    at : (dark, bright), optional
        Grey levels that become 0 and 3. By default the frame's own, see `levels`; for a tile, those
        of the image from which it is cut.

    Returns
    -------
    (rows, columns) ndarray of float32
        Linear near the background, logarithmic in bright nuclei.

    Raises
    ------
    ValueError
        As `levels`.

    Examples
    --------
    >>> scaled(np.array([[100, 110, 200, 1100]]), at=(100, 200)).round(1)
    array([[0. , 0.9, 3. , 5.3]], dtype=float32)
    """
    image = _checked(image)
    dark, bright = levels(image) if at is None else at
    return np.arcsinh(10 * (image - np.float64(dark)) / (bright - dark or 1)).astype(np.float32)


@functools.cache
def _session(model):
    """Load a network, once per process."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # Dask's threads share the cores
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def probabilities(image, *, at=None):
    """Run the network on a frame.

    Parameters
    ----------
    image : (rows, columns) ndarray
        Takes about 300 bytes of memory per pixel: cut a large image into tiles.
    at : (dark, bright), optional
        As for `scaled`.

    Returns
    -------
    (2, rows, columns) ndarray of float32
        For each pixel, that it lies in a nucleus, and that it lies in the core of one: more than
        three pixels (in small nuclei fewer) from the background and from other nuclei.

    Raises
    ------
    ValueError
        As `levels`.

    Examples
    --------
    >>> probabilities(np.zeros((30, 50))).shape
    (2, 30, 50)
    """
    frame = scaled(image, at=at)
    rows, columns = frame.shape
    frame = np.pad(frame, [(0, -rows % 8), (0, -columns % 8)], mode="reflect")
    (found,) = _session(MODEL).run(None, {"frame": frame[None, None]})
    return found[0, :, :rows, :columns]


def split(probabilities):
    """Make labels of probabilities: every core grows to the outline of its nucleus.

    Parameters
    ----------
    probabilities : (2, rows, columns) ndarray
        Of a nucleus and of a core, see the function `probabilities`.

    Returns
    -------
    (rows, columns) ndarray of int32
        0 is background, the nuclei are 1, 2, ...

    Examples
    --------
    >>> nucleus = np.tile([0.9, 0.9, 0.9, 0.8, 0.9, 0.9, 0.1], (12, 1))
    >>> core = np.tile([0.1, 0.8, 0.3, 0.1, 0.9, 0.2, 0.0], (12, 1))
    >>> split(np.stack([nucleus, core]))[0]
    array([1, 1, 1, 2, 2, 2, 0], dtype=int32)
    """
    from skimage.measure import label
    from skimage.segmentation import watershed

    nucleus, core = probabilities
    mask = nucleus > 0.55
    cores = label(mask & (core > 0.5), connectivity=1)
    pieces = watershed(-nucleus - core, cores, mask=mask)
    return _kept(pieces, np.bincount(pieces.ravel()) >= SMALLEST)


def segment(image, *, at=None):
    """Label the nuclei of a frame.

    Parameters
    ----------
    image : (rows, columns) ndarray
    at : (dark, bright), optional
        As for `scaled`.

    Returns
    -------
    (rows, columns) ndarray of int32
        0 is background, the nuclei are 1, 2, ...

    Raises
    ------
    ValueError
        As `levels`.

    Examples
    --------
    >>> rows, columns = np.mgrid[:64, :64]
    >>> disc = np.hypot(rows - 30, columns - 30) < 12
    >>> int(segment(np.where(disc, 900, 150)).max())
    1
    """
    return split(probabilities(image, at=at))
