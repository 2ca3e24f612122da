"""Train the network of ``segkit.unet`` on the training frames of BBBC039.

    python benchmarks/unet/train.py FOLDER --seed 0 --into DIR

Writes ``unet.onnx`` into DIR, and every figure into ``unet.json``. It needs PyTorch and onnx beside
the package, no GPU, and never reads a mask of the test split. On a machine that is busy set
``OMP_WAIT_POLICY=PASSIVE``, or the threads of PyTorch spend their time waiting for one another.

The network is a small U-Net (Ronneberger et al., 2015, doi:10.1007/978-3-319-24574-4_28). It gives
two probabilities for each pixel: that it lies in a nucleus, and that it lies in the *core* of one,
some pixels from the background and from every other nucleus. Touching nuclei have separate cores,
from which a watershed finds each of them.
"""

import argparse
import datetime
import itertools
import json
import platform
import time
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from scipy import ndimage
from skimage.morphology import disk
from torch import nn, optim
from torch.nn import functional

from segkit import data, reading, score, unet

WIDTHS = 16, 32, 48, 64  # channels at full size, and at a half, a quarter and an eighth of it
CROP, BATCH = 224, 4  # pixels, and crops per step
STEPS, RATE = 4500, 3e-3  # the learning rate rises to RATE and falls to zero (one cycle)
DEPTH = 3  # pixels from the outline to the core; in a small nucleus half of its depth
RIM, GAP = 3, 6  # a pixel near an outline, and near two nuclei, counts this much more
MEAN = 12  # the weights that are shipped are a running mean over one in so many of the steps


# ---- the network


def block(before, after):
    """Return two convolutions, each with batch normalisation."""
    layers = []
    for channels in (before, after):
        layers += [nn.Conv2d(channels, after, 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """From frames, (N, 1, rows, columns), to two logits per pixel, (N, 2, rows, columns)."""

    def __init__(self, widths=WIDTHS):
        super().__init__()
        steps = list(itertools.pairwise(widths))
        self.down = nn.ModuleList(itertools.starmap(block, [(1, widths[0]), *steps]))
        self.narrow = nn.ModuleList(nn.Conv2d(deep, wide, 1) for wide, deep in steps[::-1])
        self.up = nn.ModuleList(block(wide, wide) for wide, _ in steps[::-1])
        self.out = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x):
        """Go down and keep what each stage sees; go up and add it, cheaper than joining."""
        kept = []
        for stage in self.down:
            x = stage(functional.max_pool2d(x, 2) if kept else x)
            kept.append(x)
        for narrow, stage, seen in zip(self.narrow, self.up, kept[-2::-1], strict=True):
            x = stage(functional.interpolate(narrow(x), scale_factor=2) + seen)
        return self.out(x)


# ---- the examples


def frames(folder, split):
    """Yield name, frame and true labels of a split."""
    stems = set(data.split(folder, split))
    files = [path for path in data.images(folder) if path.stem in stems]
    for path, mask in zip(files, data.masks(folder, split), strict=True):
        yield path.stem, reading.read_frame(path), score.read_truth(mask)


def targets(truth):
    """Return, for true labels, the two masks to predict, and how much each pixel counts."""

    def differ(low, high, reach):
        """Tell where two label images hold different labels within reach."""
        least = ndimage.minimum_filter(low, footprint=disk(reach))
        return least < ndimage.maximum_filter(high, footprint=disk(reach))

    nucleus = truth > 0
    depth = ndimage.distance_transform_edt(~differ(truth, truth, 1)) + 1  # to the next label
    deepest = ndimage.maximum(depth, truth, np.arange(truth.max() + 1))
    core = nucleus & (depth > np.minimum(DEPTH, deepest / 2)[truth])
    nuclei_only = np.where(nucleus, truth, truth.max() + 1)
    weight = 1 + RIM * differ(truth, truth, 2) + GAP * differ(nuclei_only, truth, 3)
    return np.stack([nucleus, core, weight]).astype(np.uint8)


def augmented(image, at, rng):
    """Scale a crop, after changes that do not matter: brightness, uneven light, focus and noise."""
    dark, bright = at
    span = bright - dark
    if rng.random() < 0.1:
        image = ndimage.gaussian_filter(image, rng.uniform(0.3, 0.8))
    ramp = rng.uniform(-0.05, 0.05, 2) * np.linspace(-1, 1, CROP)[:, None]
    noise = rng.normal(0, rng.uniform(0, 0.005), image.shape)
    image = image + span * (ramp[:, 0] + ramp[:, 1:] + noise)
    return unet.scaled(image, at=(dark, dark + span * np.exp(rng.uniform(-0.5, 0.5))))


def batches(examples, rng):
    """Yield random crops without end, turned and flipped: scaled frames, and their targets."""
    while True:
        crops = []
        for image, at, wanted in (examples[rng.integers(len(examples))] for _ in range(BATCH)):
            row, column = (rng.integers(size - CROP + 1) for size in image.shape)
            cut = np.s_[..., row : row + CROP, column : column + CROP]
            crop = np.stack([augmented(image[cut], at, rng), *wanted[cut]])
            crop = np.rot90(crop, rng.integers(4), axes=(1, 2))
            crops.append(crop[..., ::-1] if rng.random() < 0.5 else crop)
        batch = torch.from_numpy(np.stack(crops))
        yield batch[:, :1].contiguous(memory_format=torch.channels_last), batch[:, 1:]


# ---- the training


def loss(logits, wanted):
    """Cross entropy, more of it near outlines, plus the Dice loss of both outputs."""
    truth, weight = wanted[:, :2], wanted[:, 2:]
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    found = torch.sigmoid(logits)
    overlap = 2 * (found * truth).sum((0, 2, 3)) + 1
    dice = overlap / (found.sum((0, 2, 3)) + truth.sum((0, 2, 3)) + 1)
    return (weight * entropy).sum() / weight.sum() / 2 + (1 - dice).mean()


def train(examples, *, seed):
    """Train a network; return the running mean of its weights as a network, and the losses."""
    torch.manual_seed(seed)
    model = UNet().to(memory_format=torch.channels_last)
    decay = optim.swa_utils.get_ema_multi_avg_fn(1 - MEAN / STEPS)
    mean = optim.swa_utils.AveragedModel(model, multi_avg_fn=decay, use_buffers=True)
    optimiser = optim.AdamW(model.parameters(), weight_decay=1e-3)
    rate = optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=STEPS, pct_start=0.1)
    losses = []
    for batch, wanted in itertools.islice(batches(examples, np.random.default_rng(seed)), STEPS):
        with torch.autocast("cpu", torch.bfloat16):  # faster where the CPU has it
            logits = model(batch)
        value = loss(logits.float(), wanted)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        rate.step()
        mean.update_parameters(model)
        losses.append(value.item())
        if len(losses) % 100 == 0:
            print(f"step {len(losses)} loss {np.mean(losses[-100:]):.4f}", flush=True)
    return mean.module.eval(), losses


def export(model, path):
    """Write a network, with the sigmoid behind it, as one ONNX file."""
    model = nn.Sequential(model, nn.Sigmoid()).to(memory_format=torch.contiguous_format)
    names = {"input_names": ["frame"], "output_names": ["probability"]}
    free = {name: {0: "N", 2: "rows", 3: "columns"} for [name] in names.values()}
    options = {"dynamo": False, "opset_version": 17, "dynamic_axes": free, **names}
    torch.onnx.export(model, (torch.zeros(1, 1, 64, 64),), str(path), **options)


def validate(folder):
    """Score the network on the validation split, and count what it finds in the empty fields."""
    table = score.evaluate(folder, split="validation", method="unet")
    worst = table.loc[table["averageF1"].idxmin()]
    pairs = itertools.chain(frames(folder, "training"), frames(folder, "validation"))
    times = []
    for image in (image for _, image, _ in frames(folder, "validation")):
        start = time.process_time()
        unet.probabilities(image)
        times.append(1000 * (time.process_time() - start))
    means = ("averageF1", "F1@0.5", "F1@0.7", "F1@0.9")
    return {
        "validation": {name: round(float(table[name].mean()), 4) for name in means},
        "worst_frame": {worst["file"]: round(float(worst["averageF1"]), 4)},
        "objects_in_empty_fields": {
            name: int(unet.segment(image).max()) for name, image, truth in pairs if not truth.any()
        },
        "cpu_ms_a_frame": {
            "network": round(float(np.median(times))),
            "all": round(float(table["cpu_ms"].median())),
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds images, masks and metadata of BBBC039")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    examples = [
        (image.astype(np.float32), unet.levels(image), targets(truth))
        for _, image, truth in frames(options.folder, "training")
    ]
    model, losses = train(examples, seed=options.seed)
    seconds, cpu = time.perf_counter() - began, time.process_time()
    unet.MODEL = options.into / "unet.onnx"
    export(model, unet.MODEL)
    tools = {module.__name__: module.__version__ for module in (np, onnxruntime, torch)}
    result = {
        "command": f"python benchmarks/unet/train.py FOLDER --seed {options.seed} --into DIR",
        "date": datetime.date.today().isoformat(),
        "device": f"{torch.get_num_threads()} threads, {platform.machine()}",
        "versions": {"python": platform.python_version(), **tools},
        "frames": len(examples),
        "parameters": sum(values.numel() for values in model.parameters()),
        "bytes": unet.MODEL.stat().st_size,
        "steps": STEPS,
        "seconds": round(seconds),
        "cpu_seconds": round(cpu),
        "loss": [round(float(part.mean()), 4) for part in np.array_split(losses, 20)],
        **validate(options.folder),
    }
    (options.into / "unet.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
