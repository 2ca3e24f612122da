"""Choose the parameters of segkit.methods.split on training frames, then check on validation once.

    python benchmarks/tune.py FOLDER

FOLDER holds BBBC039 as `segkit fetch` leaves it. The test split is never opened. The parameters
are printed and written to benchmarks/results/tune.json; segkit/methods/split.py, regions.py and
landscape.py hold the same ones. About eight minutes on two cores; the same every time.
"""

import argparse
import json
import multiprocessing
import sys
from pathlib import Path

import numpy as np
import report
from scipy import ndimage
from skimage.segmentation import expand_labels

from segkit import data, reading, score
from segkit.methods import landscape, merging, regions, split

RESULT = Path(__file__).parent / "results" / "tune.json"

START = {
    "NOISE": 12,
    "REGIONS": {
        "share": 20,
        "blur": 0.7,
        "window": 15,
        "typical": 1.3,
        "holes": 60,
        "gaps": 150,
    },
    "CORE": 0.5,
    "SCALES": (1.0, 2.0, 4.0),
    "SEAM": 3.0,  # how much more a pixel near the seam of two nuclei weighs than another one
    "WATERSHED": {
        "mask": 0.3,
        "core": 0.4,
        "sigma": 1.5,
        "radius": 4,
        "level": 0.45,
        "common": 0.0,
        "smallest": 40,
    },
    "BEST": {"mask": 0.3, "keep": 0.96, "join": 0.3, "level": 0.45, "common": 0.0, "smallest": 40},
}
GRID = {
    "OTSU": {"smallest": (10, 20, 40, 60, 80)},
    "REGIONS": {
        "share": (10, 20, 30),
        "blur": (0.5, 0.7, 1.0),
        "window": (11, 15, 19),
        "typical": (1.1, 1.3, 1.6),
        "holes": (30, 60, 120),
        "gaps": (75, 150, 300),
    },
    "WATERSHED": {
        "sigma": (1.0, 1.5, 2.0),
        "radius": (3, 4, 5),
        "core": (0.35, 0.4, 0.45, 0.5),
        "mask": (0.2, 0.25, 0.3, 0.35),
        "common": (0.0, 0.25, 0.5, 0.75),
        "level": (0.45, 0.47, 0.49, 0.51),
        "smallest": (20, 40, 60, 80),
    },
    "BEST": {
        "mask": (0.2, 0.25, 0.3, 0.35),
        "join": (0.25, 0.3, 0.35, 0.4, 0.45),
        "common": (0.0, 0.25, 0.5, 0.75),
        "level": (0.45, 0.47, 0.49, 0.51),
        "smallest": (20, 40, 60, 80),
    },
    "NOISE": (9, 12, 15, 20),
}
# What the fits of `best` depend on: after each change the weights are fitted anew.
FITTED = {
    "CORE": (0.4, 0.45, 0.5, 0.55),
    "SCALES": ((1.0, 2.0), (1.0, 2.0, 4.0), (1.5, 3.0, 6.0)),
    "SEAM": (1.0, 2.0, 3.0, 5.0),
}
KEEP = (0.92, 0.94, 0.96, 0.98)
WHERE = {"LANDSCAPE": landscape, "CORE": landscape, "SCALES": landscape, "REGIONS": regions}

# The training frames and their truth, shared with the worker processes by fork.
FRAMES = []


def apply(settings):
    """Put settings where the modules split, regions and landscape of segkit.methods look."""
    for name, value in settings.items():
        setattr(WHERE.get(name, split), name, value)


def f1_of(job):
    """F1 at the nine thresholds of one method on one frame."""
    method, settings, index = job
    apply(settings)
    image, truth = FRAMES[index]
    return score.f1(truth, getattr(split, method)(image))


def average(pool, method, settings, indices):
    """Average F1 of a method over some of the frames."""
    table = pool.map(f1_of, [(method, settings, i) for i in indices], chunksize=2)
    return float(np.nanmean(table, axis=0).mean())


def own_distance(truth, *, most=8):
    """Distance of each pixel of the half frame to the border of its own nucleus, capped."""
    truth = truth[::2, ::2]
    distance = np.zeros(truth.shape, dtype=np.float32)
    for number, box in enumerate(ndimage.find_objects(truth), start=1):
        if box is None:
            continue
        own = truth[box] == number
        # The border of the frame is not one of the nucleus.
        edges = [
            (0 if s.start == 0 else 1, 0 if s.stop == n else 1)
            for s, n in zip(box, truth.shape, strict=True)
        ]
        padded = np.pad(np.pad(own, edges), 8, mode="edge")
        inner = tuple(slice(8 + a, -(8 + b) or None) for a, b in edges)
        distance[box][own] = ndimage.distance_transform_edt(padded)[inner][own]
    return np.minimum(distance, most)


def landscape_sums(job):
    """Least squares over the masked pixels of one frame: sums of squares and of products."""
    settings, index = job
    apply(settings)
    image, truth = FRAMES[index]
    _, small, smooth, local, floor = regions.prepare(image, noise=split.NOISE)
    mask = regions.fill(smooth > np.maximum(floor, settings["BEST"]["mask"] * local))
    if not mask.any():
        return 0.0, 0.0
    features = landscape.pixel_features(small, smooth, local, floor, mask).astype(float)
    features = np.append(features, np.ones((len(features), 1)), axis=1)
    near = expand_labels(truth[::2, ::2], 2)
    most, least = ndimage.maximum_filter(near, 3), ndimage.minimum_filter(near, 3)
    seam = ndimage.binary_dilation((most != least) & (least > 0), iterations=3)[mask]
    weighted = features * np.where(seam, settings["SEAM"], 1.0)[:, None]
    return weighted.T @ features, weighted.T @ own_distance(truth)[mask]


def fit_landscape(pool, settings, indices):
    """Weights by least squares, to five digits."""
    parts = pool.map(landscape_sums, [(settings, i) for i in indices], chunksize=2)
    squares, products = (sum(part[k] for part in parts) for k in (0, 1))
    weights = np.linalg.solve(squares + 1e-6 * np.diag(np.diag(squares)), products)
    return tuple(float(f"{w:.5g}") for w in weights)


def pairs_of(job):
    """Features of the pairs of regions of one frame, and whether each pair is one nucleus."""
    settings, index = job
    apply(settings)
    image, truth = FRAMES[index]
    _, small, smooth, local, floor = regions.prepare(image, noise=split.NOISE)
    mask = regions.fill(smooth > np.maximum(floor, settings["BEST"]["mask"] * local))
    heights = landscape.heights(small, smooth, local, floor, mask)
    parts = split.pieces(heights, mask, settings["BEST"]["keep"])
    sums, summit, seams = merging.measure(parts, heights, smooth)
    if not seams:
        return np.zeros((0, len(merging.PAIR_FEATURES))), np.zeros(0, dtype=bool)
    a, b = np.array(list(seams)).T
    features = merging.pair_features(
        sums[a], sums[b], summit[a], summit[b], np.array(list(seams.values()))
    )
    truth = truth[::2, ::2]
    count = int(truth.max()) + 1
    shared = np.bincount(parts.ravel() * count + truth.ravel(), minlength=len(sums) * count)
    shared = shared.reshape(len(sums), count)
    shared[:, 0] = 0
    owner = shared.argmax(axis=1)
    return features, owner[a] == owner[b]


def fit_join(pool, settings, indices, *, ridge=1.0):
    """Logistic regression by Newton's method; weights for the raw features, to five digits."""
    parts = pool.map(pairs_of, [(settings, i) for i in indices], chunksize=2)
    raw, same = np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])
    centre, width = raw.mean(axis=0), raw.std(axis=0) + 1e-9
    features = np.append((raw - centre) / width, np.ones((len(raw), 1)), axis=1)
    penalty = np.diag([ridge] * len(centre) + [0.0])
    weights = np.zeros(len(centre) + 1)
    for _ in range(25):
        chance = 1 / (1 + np.exp(-np.clip(features @ weights, -50, 50)))
        slope = features.T @ (same - chance) - penalty @ weights
        curve = (features * (chance * (1 - chance))[:, None]).T @ features + penalty
        weights += np.linalg.solve(curve, slope)
    inner = weights[:-1] / width
    weights = (*inner, weights[-1] - inner @ centre)
    return tuple(float(f"{w:.5g}") for w in weights), len(same), float(same.mean())


def climb(pool, method, settings, indices, log, *, name=None):
    """Try the values of one parameter after another, twice round, and keep the best."""
    name = name or method.upper()
    reached = average(pool, method, settings, indices)
    for round_ in (1, 2):
        before = dict(settings[name])
        for key, values in GRID[name].items():
            for value in values:
                if value == settings[name][key]:
                    continue
                trial = settings | {name: settings[name] | {key: value}}
                found = average(pool, method, trial, indices)
                log(method, f"{key}={value}", found)
                if found > reached + 1e-5:
                    reached, settings = found, trial
        if settings[name] == before:
            break
        log(method, f"after round {round_}", reached)
    return settings


def fitted(pool, settings, indices):
    """Fit the landscape and the joining of regions to the other settings; return all of them."""
    settings = settings | {"LANDSCAPE": fit_landscape(pool, settings, indices)}
    weights, pairs, share = fit_join(pool, settings, indices)
    print(f"           {pairs} pairs of regions, {share:.2f} of them one nucleus")
    return settings | {"JOIN": weights}


def climb_fitted(pool, settings, every, some, log):
    """Try what the fits depend on, one after another, and keep the best with its weights."""
    settings = fitted(pool, settings, every)
    reached = average(pool, "best", settings, some)
    log("best", "fitted", reached)
    trials = [{name: value} for name, values in FITTED.items() for value in values]
    trials += [{"keep": value} for value in KEEP]
    for change in trials:
        if "keep" in change:
            change = {"BEST": settings["BEST"] | change}
        if all(settings[name] == value for name, value in change.items()):
            continue
        trial = fitted(pool, settings | change, every)
        found = average(pool, "best", trial, some)
        log("best", ", ".join(f"{name}={value}" for name, value in change.items()), found)
        if found > reached + 1e-5:
            reached, settings = found, trial
    return settings


def load(folder, name):
    """Frames and truth of a split."""
    stems, masks = data.split(folder, name), data.masks(folder, name)
    images = [path for path in data.images(folder) if path.stem in stems]
    return stems, [
        (reading.read_frame(image), score.read_truth(mask))
        for image, mask in zip(images, masks, strict=True)
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds images, masks and metadata of BBBC039")
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--every", type=int, default=1, help="search on every n-th frame")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    stems, frames = load(options.folder, "training")
    FRAMES[:] = frames
    every, some = list(range(len(frames))), list(range(0, len(frames), options.every))
    steps = []

    def log(method, what, value):
        steps.append({"method": method, "step": what, "averageF1": round(value, 4)})
        print(f"{method:10s} {what:20s} {value:.4f}", flush=True)

    with multiprocessing.get_context("fork").Pool(options.processes) as pool:
        settings = {"OTSU": {"smallest": 20}, **START}
        settings = climb(pool, "otsu", settings, some, log)
        settings = climb(pool, "watershed", settings, some, log)
        settings = climb(pool, "watershed", settings, some, log, name="REGIONS")
        found = {
            n: average(pool, "watershed", settings | {"NOISE": n}, every) for n in GRID["NOISE"]
        }
        for value, reached in found.items():
            log("watershed", f"NOISE={value}", reached)
        settings["NOISE"] = max(found, key=found.get)
        settings = climb_fitted(pool, settings, every, some, log)
        settings = climb(pool, "best", settings, some, log)
        final = {m: average(pool, m, settings, every) for m in ("otsu", "watershed", "best")}
    for method, value in final.items():
        log(method, f"all {len(every)} training", value)
    stems, frames = load(options.folder, "validation")
    apply(settings)
    checked = {}
    for method in final:
        table = [score.f1(truth, getattr(split, method)(image)) for image, truth in frames]
        checked[method] = float(np.nanmean(table, axis=0).mean())
        log(method, f"{len(stems)} validation", checked[method])
    for name, value in settings.items():
        print(f"{name} = {value}")
    options.out.parent.mkdir(exist_ok=True)
    result = {
        "command": " ".join(["python benchmarks/tune.py FOLDER", *options_given()]),
        **{k: v for k, v in report.environment().items() if k != "blas_threads"},
        "chosen": settings,
        "averageF1": {
            "training": {k: round(v, 4) for k, v in final.items()},
            "validation": {k: round(v, 4) for k, v in checked.items()},
        },
        "steps": steps,
    }
    options.out.write_text(json.dumps(result, indent=1) + "\n")


def options_given():
    """Options on the command line other than the folder and the output."""
    return [word for word in sys.argv[2:] if word.startswith("--every")]


if __name__ == "__main__":
    main()
