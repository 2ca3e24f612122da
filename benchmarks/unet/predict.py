"""Write the label images of ``segkit.unet`` for one split of BBBC039, for any scorer.

    python benchmarks/unet/predict.py FOLDER --split validation --into DIR

DIR gets one TIFF per frame, under the frame's name: 0 is background, the nuclei are 1, 2, ...
``segkit score FOLDER --labels DIR`` takes it.
"""

import argparse
from pathlib import Path

import numpy as np
import tifffile

from segkit import data, frame, reading


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds images and metadata of BBBC039")
    parser.add_argument("--split", default="validation")
    parser.add_argument("--into", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    options.into.mkdir(parents=True, exist_ok=True)
    stems = set(data.split(options.folder, options.split))
    for path in data.images(options.folder):
        if path.stem in stems:
            labels = frame.segment(reading.read_frame(path), method="unet")
            tifffile.imwrite(options.into / path.name, labels.astype(np.uint16))


if __name__ == "__main__":
    main()
