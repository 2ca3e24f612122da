"""Record what the snippets print and draw on eight simulated frames, for the gallery.

    python tests/snippets/printed.py

It writes site/printed.json and site/pictures/copy; a test compares them with a new run.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

from segkit import frame, simulate, unet

CHECKOUT = Path(__file__).resolve().parents[2]
RECORD, PICTURES = CHECKOUT / "site" / "printed.json", CHECKOUT / "site" / "pictures" / "copy"
# A display, a GPU, or a width of nuclei that has to be set
NOT_RUN = {"napari_layers", "gpu_segment", "gpu_dask_image", "own_folder"}
# What a snippet finds beside it, where that is not the folder images alone; a:b is a as b
BESIDE = {
    "find_odd_files": "damaged:images",
    "skip_bad_files": "damaged:images",
    "read_multipage": "stack.tif",
    "split_multipage": "stack.tif",
    "read_own_format": "pictures:images",
    "read_ome_zarr": "labels.ome.zarr",
    "label_large_image": "large.tif",
    "label_tiles": "large.tif",
    "label_volume": "volume.tif",
    "model_per_worker": "images model.onnx",
    "measure_second_channel": "channels:images",
    "corrected_labels": "images corrected nuclei.parquet",
    "score_labels": "images masks labels",
    "summarise_parquet": "nuclei.parquet",
}
# Alternative texts of the pictures
DRAWN = {
    "contact_sheet": "Eight small grey frames of bright nuclei, side by side on one sheet.",
    "show_outlines": "A frame of bright nuclei, each with an outline in colour.",
    "whole_pipeline": "A plot of the nuclei as dots: mean intensity against area.",
    "score_labels": "A frame with its errors: nuclei found, missed, merged, split and extra.",
}
FIRST = {"files_to_parquet": "nuclei.parquet", "save_ome_zarr": "labels.ome.zarr"}
START = """
import runpy, sys
import matplotlib.pyplot as plt
plt.show = lambda: plt.savefig("shown.png")
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def prepare(inputs):
    """Write the frames and all else that a snippet may find beside it."""
    made = simulate.write(inputs.with_name("simulated"), frames=8)
    for kind in ("images", "masks"):
        (inputs / kind).mkdir(parents=True)
        for number, path in enumerate(sorted((made / kind).iterdir())):
            shutil.copyfile(path, inputs / kind / f"frame_{number}{path.suffix}")
    paths = sorted((inputs / "images").iterdir())
    images = np.stack([tifffile.imread(path) for path in paths])
    labels = np.stack([frame.segment(image) for image in images])
    (inputs / "model.onnx").symlink_to(unet.MODEL)
    for name in ("labels", "corrected", "damaged", "pictures", "channels"):
        (inputs / name).mkdir()
    for number, (path, image, found) in enumerate(zip(paths, images, labels, strict=True)):
        tifffile.imwrite(inputs / "labels" / path.name, found.astype("uint16"))
        (inputs / "damaged" / path.name).write_bytes(
            path.read_bytes()[: 10**6 if number else 300_000]
        )
        grey = (image / 16).astype("uint8")
        Image.fromarray(np.stack([grey, grey // 2, grey], axis=-1)).save(
            inputs / "pictures" / f"{number}.png"
        )
        both = np.stack([image, ndimage.uniform_filter(image, 15)])
        options = {"imagej": True, "metadata": {"axes": "CYX"}}
        tifffile.imwrite(inputs / "channels" / path.name, both, **options)
    labels[1][labels[1] < 4] = 0
    tifffile.imwrite(inputs / "corrected" / paths[1].name, labels[1].astype("uint16"))
    tifffile.imwrite(inputs / "stack.tif", images, photometric="minisblack")
    large = np.block([[images[0], images[1]], [images[2], images[3]]])
    tifffile.imwrite(inputs / "large.tif", large, tile=(256, 256))
    volume = np.random.default_rng(0).normal(500, 20, (32, 100, 120))
    for plane, row, column, light in ((8, 30, 30, 900), (20, 60, 80, 1100), (14, 75, 25, 1000)):
        z, y, x = np.indices(volume.shape)
        volume += light * (9 * (z - plane) ** 2 + (y - row) ** 2 + (x - column) ** 2 < 225)
    tifffile.imwrite(inputs / "volume.tif", volume.astype("uint16"))


def printed(name, inputs, work):
    """Run a snippet in a folder of its own below `work`; return what it prints."""
    folder = work / name
    folder.mkdir()
    for one in BESIDE.get(name, "images").split():
        source, _, target = one.partition(":")
        (folder / (target or source)).symlink_to(inputs / source)
    env = {**os.environ, "MPLBACKEND": "agg", "COLUMNS": "100"}
    command = [sys.executable, "-c", START, CHECKOUT / "snippets" / f"{name}.py"]
    options = {"capture_output": True, "timeout": 200, "check": True}
    lines = subprocess.run(command, cwd=folder, env=env, **options).stdout.decode()
    return "\n".join(line.split("\r")[-1].rstrip() for line in lines.strip("\n").split("\n"))


def run_all(folder):
    """Run the snippets, two at a time; return what each prints, by name."""
    inputs, work = folder / "inputs", folder / "work"
    work.mkdir()
    prepare(inputs)
    names = sorted({path.stem for path in (CHECKOUT / "snippets").glob("*.py")} - NOT_RUN)
    for name, written in FIRST.items():  # others read what these write
        names.remove(name)
        (inputs / written).symlink_to(work / name / written)
    names = [*FIRST, *names]
    with ThreadPoolExecutor(2) as pool:
        texts = [pool.submit(printed, name, inputs, work) for name in FIRST]
        texts = [text.result() for text in texts]
        texts += pool.map(lambda name: printed(name, inputs, work), names[2:])
    return dict(sorted(zip(names, texts, strict=True)))


def pictures(folder):
    """Return what the snippets drew in a folder given to `run_all`, made small, by name."""
    found = {}
    for path in sorted(folder.glob("work/*/*.png")):
        found[path.parent.name] = picture = Image.open(path).convert("RGB")
        picture.thumbnail((640, 480))
    return found


def main():
    """Record what they print, and the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        record = {"printed": run_all(Path(folder)), "pictures": DRAWN}
        for name, picture in pictures(Path(folder)).items():
            picture.quantize(64).save(PICTURES / f"{name}.png")
    RECORD.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", "utf-8")


if __name__ == "__main__":
    main()
