"""Checks for notebook 13: busy workers, tasks without pixels, a prediction."""

import pickle

import cloudpickle
import dask
import numpy as np
import tifffile

from segkit import check

FRAMES = 20


def _sent_before(task):
    """Tell whether a task needs what is not in its graph: data that lie on a worker."""
    graph = dict(task.__dask_graph__())
    return any(getattr(node, "dependencies", frozenset()) - graph.keys() for node in graph.values())


@check.exercise
def busy(answer, tasks):
    """Check the share of the time that the workers of a task stream spent computing."""
    parts = [part for task in tasks for part in task["startstops"]]
    lengths = [part["stop"] - part["start"] for part in parts]
    everything = sum(lengths)
    pairs = zip(parts, lengths, strict=True)
    work = sum(length for part, length in pairs if part["action"] == "compute")
    elapsed = max(part["stop"] for part in parts) - min(part["start"] for part in parts)
    available = elapsed * len({task["worker"] for task in tasks})
    share = work / available
    percent = "right, but in percent; a share lies between 0 and 1: divide by 100."
    mistakes = [
        (100 * share, percent),
        (round(100 * share), percent),
        (work / elapsed, "how many seconds of work can several workers do in one second?"),
        (work, "those are the seconds of work; which part of the time there was is that?"),
        (1 - share, "that is the share they waited."),
        (everything / available, "that counts every action; only one of them is computing."),
        (work / everything, "that is the share of all actions, and leaves the waiting out."),
        (work / len(tasks), "that is the mean length of a task."),
    ]
    otherwise = f"{answer} is not the share; add up the lengths of the compute parts first."
    # two decimals are enough
    return check.recognise(answer, share, mistakes, otherwise, rtol=0.005, atol=0.005)


@check.exercise
def light(answer):
    """Check a list of Delayed: the mean level of each of the first frames, from its path."""
    parts = check.delayed_calls(answer)
    if len(parts) != FRAMES:
        return f"{len(parts)} are there, and {FRAMES} were asked for."
    if any(map(_sent_before, parts)):
        return "the pixels were sent to a worker before; each worker sees the files: send the path."
    size = max(len(cloudpickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)) for task in parts)
    files = check.paths(FRAMES)
    if size > files[0].stat().st_size / 2:
        return f"a task weighs {size / 1e6:.1f} MB: are there pixels in it? Who opens the file?"
    values = check.computed(dask.compute(*parts, scheduler="sync"))
    check.expect_shape(values, (FRAMES,), "One number per frame was asked for.")
    right = np.array([tifffile.imread(path).mean() for path in files])
    otherwise = "what comes out is not the mean level of each frame."
    if np.allclose(sorted(values), sorted(right)):
        otherwise = "the numbers are right, but in another order than the files."
    return check.recognise(values, right, [], otherwise)


@check.exercise
def expected_seconds(answer):
    """Check the seconds for 100,000 frames on ten workers, from two runs of one worker."""
    first = "5 s for 200 frames: not all of it is paid for each frame. Compare the two runs."
    second = "8 s for 400 frames: not all of it is paid for each frame. Compare the two runs."
    mistakes = [
        (150, "what is paid once, before the first frame?"),
        (150.2, "ten workers share the frames; do they share the start, too?"),
        (1502, "that is one worker."),
        (1500, "that is one worker, and what is paid once is missing."),
        (2500, first),
        (250, first),
        (2000, second),
        (200, second),
    ]
    otherwise = "what do 200 frames more cost, and what is left of the 5 seconds then?"
    return check.recognise(answer, 152, mistakes, otherwise, rtol=1e-3)
