"""Checks for notebook 12: a network that is loaded once per process, and the overlap it needs."""

from unittest import mock

import cloudpickle
import numpy as np
import onnxruntime

from segkit import check, unet


@check.exercise
def loads_once(function):
    """Check a function that labels a frame: as segkit's, with a network that it loads once."""
    try:
        cloudpickle.dumps(function)
    except Exception as error:  # whatever else it brings along may be sent or not
        if "InferenceSession" in str(error):
            return "it brings along a session, which cannot be sent to a process: call load()."
    images = check.frames(3)
    with mock.patch.object(
        onnxruntime, "InferenceSession", wraps=onnxruntime.InferenceSession
    ) as session:
        labels = [np.asarray(check.called(function, image)) for image in images]
    if session.call_count > 1:
        times = f"{session.call_count} times for {len(images)} frames"
        return f"the network is loaded {times}: who keeps it from one call to the next?"
    for made, image in zip(labels, images, strict=True):
        check.expect_shape(made, image.shape, "Labels are one number per pixel.")
        hint = check.recognise(made, unet.segment(image), [], "are these the labels of split?")
        if hint:
            return hint
    return None


@check.exercise
def depth(answer):
    """Check the depth for tiles: a reach of 99 pixels, in complete blocks of 2**4 pixels."""
    reach, block = 99, 2**4
    right = -(-reach // block) * block
    corner = "the corner of a tile, rim included, has to lie at a multiple of the block."
    halvings = "four halvings join more pixels: how wide is a block then?"
    to_one_side = "the rim is added on each side: depth is to one side."
    mistakes = [
        (reach, f"that is as far as it looks, but {corner}"),
        (96, "a multiple of the block, but the network looks farther."),
        (100, halvings),
        (104, halvings),
        (2 * right, to_one_side),
        (2 * reach, to_one_side),
        (right // block, "those are blocks: depth is in pixels."),
        (512, "that would work, but a rim as wide as the tile makes nine times the pixels."),
    ]
    value = check.number(answer)
    otherwise = "the network looks farther than that."
    if value > reach:
        otherwise = "that is deeper than needed." if value % block == 0 else f"deep, but {corner}"
    return check.recognise(answer, right, mistakes, otherwise)
