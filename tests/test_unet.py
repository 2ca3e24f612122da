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
    """Labels are 1, 2, ... and agree with the truth better than those of the watershed."""
    image, truth, found = example
    assert set(np.unique(found)) == {*range(found.max() + 1)}
    by_hand = score.f1(truth, frame.watershed(image)).mean()
    assert score.f1(truth, found).mean() > max(0.86, by_hand)


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image / np.float32(4095),
        lambda image: image * 7.0 + 5000,
        lambda image: image.astype(np.int32) - 40_000,
        lambda image: (image // 16).astype(np.uint8),
    ],
)
def test_grey_levels_do_not_matter(example, change):
    """Another dtype, range or background gives the same nuclei."""
    image, _, found = example
    assert score.f1(found, unet.segment(change(image)), [0.7]) > 0.97


def test_where_there_are_no_nuclei_none_are_found():
    """An empty field, a constant frame and noise hold nothing."""
    field, _ = simulate.frame(39, simulate.EMPTY)
    noise = np.random.default_rng(0).normal(1e4, 9, (200, 300))
    for image in (field, np.full((90, 70), 7.5), noise, np.zeros((1, 1), np.uint8)):
        assert unet.segment(image).max() == 0


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
    image, *_ = example
    whole = unet.probabilities(image)
    tile = unet.probabilities(image[160:400, 160:480], at=unet.levels(image))
    inner = tile[:, 80:-80, 80:-80] - whole[:, 240:320, 240:400]
    assert np.abs(inner).max() < 1e-4


def test_batches_and_threads_do_not_matter(tmp_path, simulated_frames):
    """A run in threads gives each frame the nuclei that it has alone, however it is cut."""
    files = data.images(simulated_frames)[:3]
    alone = [len(np.unique(unet.segment(tifffile.imread(path)))) - 1 for path in files]
    tables = []
    for batch in (1, 2):
        out = tmp_path / str(batch)
        run.segment(files, out, method="unet", batch=batch, progress=False)
        tables.append(pd.read_parquet(out / "nuclei.parquet"))
    assert tables[0].equals(tables[1])
    assert tables[0].groupby("frame").size().tolist() == alone


def test_predictions_are_scored_as_the_method(tmp_path, simulated_frames, load, monkeypatch):
    """predict.py writes one label image per frame, with the score of the method itself."""
    monkeypatch.setattr(
        data, "split", lambda folder, name, known=data.split: known(folder, name)[:2]
    )
    arguments = [str(simulated_frames), "--split", "validation", "--into", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", ["predict.py", *arguments])
    load("benchmarks/unet/predict").main()
    written = score.evaluate(simulated_frames, labels=tmp_path)
    expected = score.evaluate(simulated_frames, method="unet")
    assert written["averageF1"].equals(expected["averageF1"])


def test_the_card_states_what_was_recorded():
    """The figures of the card are those of both trainings and of the leaderboard."""
    card = unet.MODEL.with_suffix(".md").read_text("utf-8")
    assert 100_000 < unet.MODEL.stat().st_size < 1_000_000
    for seed in (0, 1):
        recorded = json.loads((BENCHMARKS / "results" / f"unet-{seed}.json").read_text("utf-8"))
        assert recorded["command"] in card
        values = [*recorded["validation"].values(), *recorded["worst_frame"].values()]
        assert f"| {seed} | {' | '.join(f'{value:.3f}' for value in values)} |" in card
    with (BENCHMARKS / "leaderboard.csv").open(encoding="utf-8") as lines:
        rows = {row["split"]: row for row in csv.DictReader(lines) if row["method"] == "unet"}
    for split in ("validation", "test"):
        assert f"{float(rows[split]['averageF1']):.3f} on the {split} split" in card
