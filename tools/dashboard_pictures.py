"""Take the pictures of Dask's dashboard that notebook 13 shows, with Chromium, from simulated frames.

    python tools/dashboard_pictures.py [--into notebooks/pictures]

It needs Playwright (``pip install -e ".[browser]"``) and a Chromium (``.ci/browser`` finds or
installs one). Take them on a machine that does nothing else: they are pictures of real runs, one
that goes well and four that do not.
"""

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from distributed import Client, LocalCluster, wait
from playwright.sync_api import sync_playwright

from segkit import data, frame, simulate

INTO = Path(__file__).resolve().parents[1] / "notebooks" / "pictures"
CHROMIUM = os.environ.get("SEGKIT_CHROMIUM") or "chromium"
WIDE, FLAT = (1160, 560), (900, 230)  # pixels


def several(paths):
    """Segment and measure some frames."""
    return [frame.measure(image, frame.segment(image)) for image in map(tifffile.imread, paths)]


def level(path):
    """Return the mean level of a frame: a small task."""
    return float(tifffile.imread(path).mean())


def load(paths):
    """Return frames as one array of float64."""
    return np.stack([tifffile.imread(path) for path in paths]).astype(float)


def change(earlier, later):
    """Return how much two stacks differ."""
    return float(np.abs(later - earlier).mean())


def batches(client, paths, sizes):
    """Submit batches of the given sizes."""
    stops = np.cumsum(sizes)
    parts = [paths[stop - size : stop] for size, stop in zip(sizes, stops, strict=True)]
    return client.map(several, parts, pure=False)


def transfers(client, paths):
    """Submit differences of stacks that lie on two workers in turn."""
    workers = list(client.scheduler_info()["workers"])
    starts = range(0, 120, 10)
    stacks = [
        client.submit(load, paths[i : i + 10], workers=workers[i // 10 % 2], pure=False)
        for i in starts
    ]
    wait(stacks)
    return client.map(change, stacks[:-1], stacks[1:], pure=False)


# name: pane, size, what to run, memory per worker; taken when half of the tasks are done, or all
RUNS = {
    "dashboard": ("status", WIDE, lambda client, paths: batches(client, paths, [6] * 20), 600),
    "small-tasks": ("individual-task-stream", FLAT, lambda c, paths: c.map(level, paths * 2), 600),
    "one-idle": ("individual-task-stream", FLAT, lambda c, p: batches(c, p, [6] * 5 + [60]), 600),
    "transfers": ("individual-task-stream", FLAT, transfers, 1000),
    "spilling": ("status", WIDE, lambda c, p: c.map(load, [p[i : i + 10] for i in range(0, 240, 10)]), 400),
}


def take(browser, name, paths, into):
    """Run one of `RUNS` on two workers and take its picture."""
    pane, (width, height), submit, megabytes = RUNS[name]
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(2, memory_limit=f"{megabytes}MB", **options) as cluster,
        Client(cluster) as client,
    ):
        client.run(several, paths[:1])  # imports
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(client.dashboard_link.removesuffix("status") + pane)
        page.wait_for_timeout(3000)
        futures = submit(client, paths)
        while sum(future.done() for future in futures) < len(futures) * (0.7 if pane == "status" else 1):
            page.wait_for_timeout(50)
        page.wait_for_timeout(1500)
        page.screenshot(path=into / f"{name}.png")
        page.close()


def main():
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--into", type=Path, default=INTO)
    parser.add_argument("names", nargs="*")
    args = parser.parse_args()
    args.into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        paths = data.images(simulate.write(Path(scratch) / "simulated")) * 5
        chromium = driver.chromium.launch(
            executable_path=shutil.which(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        for name in args.names or RUNS:
            take(chromium, name, paths, args.into)
        chromium.close()


if __name__ == "__main__":
    main()
