"""Make the pictures of the start page and the README, from simulated frames.

    python site/make_pictures.py

They hold no pixel of real data, and are small enough for the repository. Run this again when the
simulated frames, the stages or the colours have changed.
"""

import tempfile
from pathlib import Path

import tifffile
from matplotlib import pyplot as plt

from segkit import data, frame, show, simulate

INTO = Path(__file__).parent / "pictures"


def stages(image, *, across):
    """Draw a frame, its mask, its labels and its nuclei as a scatter plot.

    Parameters
    ----------
    image : (rows, columns) ndarray of uint16
    across : bool
        Side by side, else two by two.

    Returns
    -------
    matplotlib.figure.Figure
    """
    smoothed = frame.smooth(image)
    mask = frame.open_mask(smoothed > frame.local_threshold(smoothed))
    labels = frame.label(mask)
    table = frame.measure(image, labels)
    shape, size = ((1, 4), (11, 2.5)) if across else ((2, 2), (5, 4))
    fig, axes = plt.subplots(*shape, figsize=size, layout="constrained")
    drawn, masked, labelled, plotted = axes.flat
    show.gray(drawn, image, title="a frame")
    show.masks(masked, mask, title="its mask")
    show.labels(labelled, labels, title="its labels")
    plotted.scatter(table["area"], table["mean_intensity"], s=6, alpha=0.7)
    plotted.set_title(f"{len(table)} objects, measured")
    plotted.set(xlabel="area (pixels)", ylabel="mean intensity (grey levels)")
    return fig


def main():
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as folder:
        simulated = simulate.write(Path(folder) / "simulated", frames=1)
        image = tifffile.imread(next(simulated.glob("images/*.tif")))
        show.set_pixel_size(data.pixel_size(simulated))
    INTO.mkdir(exist_ok=True)
    for name, across in (("stages", True), ("stages-narrow", False)):
        path = INTO / f"{name}.png"
        stages(image, across=across).savefig(path, dpi=140, pil_kwargs={"optimize": True})
        print(f"{path} {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
