"""Run a trained network on many images, and load it once per worker.

    python snippets/model_per_worker.py

For a network in the ONNX format, whose session cannot be sent to a worker: the plugin loads it
there. Put its own scaling, thresholds and block size in place of these, which are those of
``src/segkit/unet.onnx``. It prints the number of nuclei of each image, in the order of the names.
Explained in notebooks/12_your_own_model.ipynb.
"""

from glob import glob

import numpy as np
import onnxruntime as ort
import tifffile
from dask.distributed import Client, LocalCluster, WorkerPlugin, get_worker
from scipy import ndimage
from skimage.segmentation import watershed

pattern = "images/*.tif"  # your images
network = "model.onnx"  # yours: from a frame, the probabilities of a nucleus and of its core


class Network(WorkerPlugin):
    """A network that each worker loads when it starts, and keeps."""

    def setup(self, worker):
        """Load the network."""
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        worker.session = ort.InferenceSession(network, options)


def count(file):
    image = tifffile.imread(file)
    rows, columns = image.shape
    dark, bright = np.percentile(image, (20, 99.5))
    noise = np.median(np.abs(np.diff(image.astype("float32"))))
    contrast = max(bright - dark, 13 * noise)  # so that an empty frame stays dark
    image = np.arcsinh(10 * (image - dark) / contrast).astype("float32")
    image = np.pad(image, [(0, -rows % 8), (0, -columns % 8)], mode="reflect")
    (found,) = get_worker().session.run(None, {"frame": image[None, None]})
    nucleus, core = found[0, :, :rows, :columns]
    mask = nucleus > 0.55
    seeds, _ = ndimage.label(mask & (core > 0.5))
    labels = watershed(-nucleus - core, seeds, mask=mask)
    return int((np.bincount(labels.ravel())[1:] >= 30).sum())  # without specks


if __name__ == "__main__":
    files = sorted(glob(pattern))
    if not files:
        raise FileNotFoundError(f"no files match {pattern}: change it")
    local = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(**local) as cluster, Client(cluster) as client:
        client.register_plugin(Network())
        nuclei = client.gather(client.map(count, files))
    print(nuclei, "nuclei per image")
