"""The trained network: what it finds, on which frames, and that its card says what was recorded."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tifffile

from segkit import data, frame, run, score, simulate, unet

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def example():
    """Return a simulated frame with nuclei that touch, its truth, and what the network finds."""
    image, truth = simulate.frame(39, 1)
    return image, truth, frame.segment(image, method="unet")


def test_touching_nuclei_are_split(example):
    """The labels agree with the truth better than those of the watershed."""
    image, truth, found = example
    by_hand = score.f1(truth, frame.watershed(image)).mean()
    assert score.f1(truth, found).mean() > max(0.86, by_hand)


def test_small_pieces_are_dropped_and_the_others_numbered():
    """What is smaller than 30 pixels is not a nucleus, and leaves no gap in the numbers."""
    both = np.zeros((2, 9, 30))
    both[:, 2:7, 1:6] = both[:, 2:8, 8:14] = both[:, 2:8, 18:25] = 1  # 25, 36 and 42 pixels
    assert np.bincount(unet.split(both).ravel())[1:].tolist() == [36, 42]


def test_grey_levels_do_not_matter(example):
    """Another dtype, range or background gives the same nuclei."""
    image, _, found = example
    others = [image / np.float32(4095), image * 7.0 + 5000, image.astype(np.int32) - 40_000]
    for other in (*others, (image // 16).astype(np.uint8)):
        assert score.f1(found, unet.segment(other), [0.7]) > 0.97


def test_where_there_are_no_nuclei_none_are_found():
    """An empty field, a constant frame and noise hold nothing; noise is not stretched."""
    field, _ = simulate.frame(39, simulate.EMPTY)
    noise = np.random.default_rng(0).normal(1e4, 9, (200, 300))
    for image in (field, np.full((90, 70), 7.5), noise, np.zeros((1, 1), np.uint8)):
        assert unet.segment(image).max() == 0
    assert np.ptp(unet.levels(noise)) > 11 * 9


@pytest.mark.parametrize("shape", [(1, 90), (3, 2), (77, 9), (333, 445)])
def test_sides_need_not_be_multiples_of_eight(example, shape):
    """Frames of any shape are segmented, also when they are narrower than what is added to them."""
    image, _, found = example
    part = np.s_[: shape[0], : shape[1]]
    labels = unet.segment(image[part])
    assert labels.shape == shape
    if min(shape) > 8:  # not all of it lies within a nucleus
        assert ((labels > 0) == (found[part] > 0)).mean() > 0.95


def test_tiles_share_the_levels_of_the_whole_image(example):
    """With the grey levels of the whole, a tile has its probabilities, but for a margin."""
    image, whole = example[0], unet.probabilities(example[0])
    tile = unet.probabilities(image[160:400, 160:480], at=unet.levels(image))
    inner = tile[:, 80:-80, 80:-80] - whole[:, 240:320, 240:400]
    assert np.abs(inner).max() < 1e-4


def test_batches_and_threads_do_not_matter(tmp_path, simulated_frames):
    """A run in threads gives each frame the nuclei that it has alone, however it is cut."""
    files = data.images(simulated_frames)[:3]
    for batch in (1, 2):
        out = tmp_path / str(batch)
        run.segment(files, out, method="unet", batch=batch, progress=False)
        counts = pd.read_parquet(out / "nuclei.parquet").groupby("frame").size()
        assert counts.tolist() == [unet.segment(tifffile.imread(path)).max() for path in files]


def test_predictions_are_scored_as_the_method(tmp_path, simulated_frames, load, monkeypatch):
    """predict.py writes one label image per frame, with the score of the method itself."""
    monkeypatch.setattr(data, "split", lambda *at, known=data.split: known(*at)[:2])
    monkeypatch.setattr(sys, "argv", ["", str(simulated_frames), "--into", str(tmp_path)])
    load("benchmarks/unet/predict").main()
    written = score.evaluate(simulated_frames, labels=tmp_path)["averageF1"]
    assert written.equals(score.evaluate(simulated_frames, method="unet")["averageF1"])


def test_the_card_states_what_was_recorded():
    """The figures of the card are those of both trainings and of the leaderboard."""
    card = unet.MODEL.with_suffix(".md").read_text("utf-8")
    assert unet.MODEL.stat().st_size < 1_000_000
    for seed in (0, 1):
        recorded = json.loads((BENCHMARKS / "results" / f"unet-{seed}.json").read_text("utf-8"))
        assert recorded["command"] in card
        values = [*recorded["validation"].values(), *recorded["worst_frame"].values()]
        assert f"| {seed} | {' | '.join(f'{value:.3f}' for value in values)} |" in card
    rows = csv.DictReader((BENCHMARKS / "leaderboard.csv").read_text("utf-8").splitlines())
    for row in (row for row in rows if row["method"] == "unet"):
        assert f"{float(row['averageF1']):.3f} on the {row['split']} split" in card
