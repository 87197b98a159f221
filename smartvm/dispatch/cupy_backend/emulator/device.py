"""The emulated device: numpy arrays as memory, compiled kernels as functions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from smartvm.dispatch.cupy_backend.device import Device, Launch, Memory, OutOfDeviceMemory
from smartvm.dispatch.cupy_backend.emulator.build import library

__all__ = ["EmulatedDevice"]

GARBAGE = 0xA5
ALIGNMENT = 256


class HostMemory:
    """Host memory that plays device memory; it begins as garbage.

    Attributes:
        address: of the first byte.
        nbytes: the size.
    """

    def __init__(self, nbytes: int) -> None:
        self._bytes = np.full(nbytes + ALIGNMENT, GARBAGE, np.uint8)
        start = -self._bytes.ctypes.data % ALIGNMENT
        self.items = self._bytes[start : start + nbytes]
        self.address = int(self.items.ctypes.data)
        self.nbytes = nbytes


class EmulatedDevice(Device):
    """A device that runs the CUDA kernels on this CPU.

    Attributes:
        limit: bytes that one allocation may take.
        reverse: whether threads and blocks run in the reverse order.
    """

    name = "emulator"
    processors = 2

    def __init__(self, limit: int = 1 << 32, *, reverse: bool = False) -> None:
        self.limit = limit
        self.reverse = reverse

    def allocate(self, nbytes: int) -> Memory:
        """See `Device.allocate`."""
        if nbytes > self.limit:
            raise OutOfDeviceMemory(f"{nbytes:,} bytes asked for, at most {self.limit:,} there")
        return HostMemory(nbytes)

    def write(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.write`."""
        self._items(memory)[: items.nbytes] = np.ascontiguousarray(items).reshape(-1).view(np.uint8)

    def read(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.read`."""
        items.reshape(-1).view(np.uint8)[:] = self._items(memory)[: items.nbytes]

    def launch(self, launch: Launch) -> None:
        """See `Device.launch`."""
        module, name = launch.kernel.split(".")
        found = library(module)
        found.emulator_reversed(int(self.reverse))
        grid = (ctypes.c_uint * 3)(*launch.grid)
        arguments = ctypes.c_void_p(launch.arguments.ctypes.data)
        getattr(found, name)(grid, ctypes.c_uint(launch.threads), arguments)

    def graph(self, launches: Sequence[Launch]) -> Callable[[], None]:
        """See `Device.graph`."""
        return partial(self._launch_all, tuple(launches))

    def _launch_all(self, launches: Sequence[Launch]) -> None:
        for launch in launches:
            self.launch(launch)

    @staticmethod
    def _items(memory: Memory) -> np.ndarray:
        assert isinstance(memory, HostMemory)
        return memory.items
