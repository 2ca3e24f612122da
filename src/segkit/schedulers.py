"""The schedulers that a run can use, each as a context that gives a function like dask.compute.

The function computes tasks that return (number of the batch, frames in it), and moves a bar on.
"""

from contextlib import contextmanager

import dask
from dask.callbacks import Callback

from segkit.cluster import client, results


@contextmanager
def threads(scheduler, bar, *, workers=None):
    """Use threads of this process.

    Parameters
    ----------
    scheduler : str
        "threads".
    bar : tqdm.tqdm
        Counts frames.
    workers : int, optional
        How many; one per core unless given.
    """
    import threadpoolctl

    def finished(key, result, *_):
        if isinstance(result, tuple):
            bar.update(result[1])

    settings = {"scheduler": scheduler, "num_workers": workers}
    with (
        threadpoolctl.threadpool_limits(1),
        dask.config.set(settings),
        Callback(posttask=finished),
    ):
        yield dask.compute


@contextmanager
def cluster(scheduler, bar, **options):
    """Use a cluster; its workers must see the same folders.

    Parameters
    ----------
    scheduler : str
        As `segkit.cluster.client` takes it.
    bar : tqdm.tqdm
        Counts frames.
    **options
        For `segkit.cluster.client`.
    """
    with client(scheduler, **options) as opened:

        def compute(*todo):
            bar.set_description("waiting for workers")
            for _, frames in results(opened, todo):
                bar.set_description("", refresh=False)
                bar.update(frames)

        yield compute
