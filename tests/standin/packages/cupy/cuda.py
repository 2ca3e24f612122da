"""Events, devices and the runtime of the stand-in: one device, without a driver."""

import time
from types import SimpleNamespace


class Device:
    """The only device."""

    def __init__(self, id=0):
        self.id = id

    def synchronize(self):
        """Do nothing: all is done at once."""

    mem_info = (2**33, 2**33)


class Event:
    """A moment; here by the host's clock."""

    def record(self, stream=None):
        """Note the time."""
        self.time = time.perf_counter()

    def synchronize(self):
        """Do nothing: all is done at once."""


def get_elapsed_time(start, stop):
    """Milliseconds between two events."""
    return 1000 * (stop.time - start.time)


runtime = SimpleNamespace(
    getDeviceCount=lambda: 1,
    getDeviceProperties=lambda number: {"name": b"Stand-in of NumPy", "totalGlobalMem": 2**33},
    driverGetVersion=lambda: 0,
    runtimeGetVersion=lambda: 0,
)
