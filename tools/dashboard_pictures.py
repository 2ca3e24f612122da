"""Take the pictures of Dask's dashboard for notebook 13, in Chromium, from simulated frames.

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
STATUS, STREAM = ("status", 1160, 640), ("individual-task-stream", 900, 230)  # pane, width, height


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


def batches(client, paths, *sizes):
    """Submit batches of the given sizes."""
    stops = np.cumsum(sizes)
    parts = [paths[stop - size : stop] for size, stop in zip(sizes, stops, strict=True)]
    return client.map(several, parts, pure=False)


def kept(client, paths, **options):
    """Submit the loading of stacks of ten frames, which stay on their workers."""
    return [client.submit(load, paths[i : i + 10], **options) for i in range(0, len(paths), 10)]


def transfers(client, paths):
    """Submit differences of stacks that lie on two workers in turn."""
    pairs = zip(client.scheduler_info()["workers"], (paths[:60], paths[60:120]), strict=True)
    one, two = (kept(client, some, workers=worker) for worker, some in pairs)
    wait(one + two)
    return client.map(change, [*one, *one[1:]], [*two, *two[:-1]])


# name: view, MB per worker, share of the tasks that are done when it is taken, what to run
RUNS = {
    "dashboard": (STATUS, 600, 0.7, lambda client, paths: batches(client, paths, *[6] * 20)),
    "small-tasks": (STREAM, 600, 1, lambda client, paths: client.map(level, paths)),
    "one-idle": (STREAM, 600, 1, lambda client, paths: batches(client, paths, *[6] * 5, 60)),
    "transfers": (STREAM, 1000, 1, transfers),
    "spilling": (STATUS, 400, 0.7, kept),
}


def take(browser, name, paths, into):
    """Run one of `RUNS` on two workers and take its picture."""
    (pane, width, height), megabytes, share, submit = RUNS[name]
    options = {"threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with (
        LocalCluster(n_workers=2, memory_limit=f"{megabytes}MB", **options) as cluster,
        Client(cluster) as client,
    ):
        client.run(several, paths[:1])  # imports
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(client.dashboard_link.removesuffix("status") + pane)
        page.wait_for_timeout(3000)
        futures = submit(client, paths)
        while sum(future.done() for future in futures) < share * len(futures):
            page.wait_for_timeout(50)
        page.wait_for_timeout(1500)
        page.screenshot(path=into / f"{name}.png")
        page.close()


def main():
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--into", type=Path, default=INTO)
    parser.add_argument("names", nargs="*", help="default: all")
    args = parser.parse_args()
    args.into.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as driver:
        paths = data.images(simulate.write(Path(scratch) / "simulated")) * 5
        path = shutil.which(os.environ.get("SEGKIT_CHROMIUM") or "chromium")
        options = ["--no-sandbox", "--disable-gpu"]  # root cannot start Chromium in a sandbox
        chromium = driver.chromium.launch(executable_path=path, args=options)
        for name in args.names or RUNS:
            take(chromium, name, paths, args.into)
        chromium.close()


if __name__ == "__main__":
    main()
