"""Checks for the exercises of notebook 13."""

import math
import pickle

import cloudpickle
import dask
import numpy as np
import tifffile
from dask.delayed import Delayed

from segkit import data
from segkit.check import exercise, expect_calls

FRAMES = 20


def _near(value, expected):
    rounded = float(value) == round(expected, 2)  # two decimals are enough
    return rounded or math.isclose(float(value), expected, rel_tol=0.005, abs_tol=1e-9)


def _sent_before(task):
    """Tell whether a task needs what is not in its graph: data that lie on a worker."""
    graph = dict(task.__dask_graph__())
    return any(getattr(node, "dependencies", frozenset()) - graph.keys() for node in graph.values())


@exercise
def busy(answer, tasks):
    """Share of the time that the workers of a task stream spent computing."""
    parts = [part for task in tasks for part in task["startstops"]]
    first, last = min(p["start"] for p in parts), max(p["stop"] for p in parts)
    work = sum(p["stop"] - p["start"] for p in parts if p["action"] == "compute")
    everything = sum(p["stop"] - p["start"] for p in parts)
    workers = len({task["worker"] for task in tasks})
    share = work / (workers * (last - first))
    if _near(answer, share):
        return None
    if _near(answer, 100 * share) or float(answer) == round(100 * share):
        return "right, but in percent; a share lies between 0 and 1: divide by 100."
    if _near(answer, work / (last - first)):
        return "how many seconds of work can several workers do in one second?"
    if _near(answer, work):
        return "those are the seconds of work; which part of the time there was is that?"
    if not _near(share, 1) and _near(answer, 1 - share):
        return "that is the share they waited."
    if _near(answer, everything / (workers * (last - first))):
        return "that counts every action; only one of them is computing."
    if _near(answer, work / everything):
        return "that compares computing with the other actions, and leaves the waiting out."
    if _near(answer, work / len(tasks)):
        return "that is the mean length of a task."
    return f"{answer} is not the share; add up the lengths of the compute parts first."


@exercise
def light(answer):
    """List of Delayed: the mean level of each of the first frames, from its path."""
    if isinstance(answer, Delayed):
        return "this is one Delayed: make a list of them, one for each frame."
    if len(answer) != FRAMES:
        return f"{len(answer)} are there, and {FRAMES} were asked for."
    other = next((task for task in answer if not isinstance(task, Delayed)), None)
    if dask.is_dask_collection(other):
        return "that is lazy too, but not a Delayed: wrap a function of the path with dask.delayed."
    if other is not None:
        return f"the list holds {type(other).__name__}: wrap the function, not its result."
    expect_calls(answer)
    if any(_sent_before(task) for task in answer):
        return "the pixels were sent to a worker before; each worker sees the files: send the path."
    size = max(len(cloudpickle.dumps(task, protocol=pickle.HIGHEST_PROTOCOL)) for task in answer)
    files = data.images(data.locate())[:FRAMES]
    if size > files[0].stat().st_size / 2:
        return f"a task weighs {size / 1e6:.1f} MB: are there pixels in it? Who opens the file?"
    values = dask.compute(*answer, scheduler="sync")
    if not all(np.isscalar(value) for value in values):
        return f"a {type(values[0]).__name__} comes out, and one number a frame was asked for."
    expected = [tifffile.imread(path).mean() for path in files]
    if not np.allclose(values, expected):
        if np.allclose(sorted(values), sorted(expected)):
            return "the numbers are right, but in another order than the files."
        return "what comes out is not the mean level of each frame."
    return None


@exercise
def expected_seconds(answer):
    """Seconds for 100,000 frames on ten workers, from two runs of one worker."""
    hints = {
        150: "what is paid once, before the first frame?",
        150.2: "ten workers share the frames; do they share the start, too?",
        1502: "that is one worker.",
        1500: "that is one worker, and what is paid once is missing.",
        2500: "5 s for 200 frames: not all of it is paid for each frame. Compare the two runs.",
        250: "5 s for 200 frames: not all of it is paid for each frame. Compare the two runs.",
        2000: "8 s for 400 frames: not all of it is paid for each frame. Compare the two runs.",
        200: "8 s for 400 frames: not all of it is paid for each frame. Compare the two runs.",
    }
    for value, hint in hints.items():
        if math.isclose(float(answer), value, rel_tol=1e-4):
            return hint
    if math.isclose(float(answer), 152, rel_tol=1e-3):
        return None
    return "what do 200 frames more cost, and what is left of the 5 seconds then?"
