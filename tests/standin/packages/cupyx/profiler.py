"""Timing, by the host's clock."""

import time
from types import SimpleNamespace

import numpy as np


def benchmark(func, args=(), kwargs=None, n_repeat=10000, *, name=None, n_warmup=10):
    """Call a function again and again; return the times of host and device, in seconds."""
    for _ in range(n_warmup):
        func(*args, **(kwargs or {}))
    seconds = []
    for _ in range(n_repeat):
        began = time.perf_counter()
        func(*args, **(kwargs or {}))
        seconds.append(time.perf_counter() - began)
    return SimpleNamespace(cpu_times=np.array(seconds), gpu_times=np.array([seconds]))
