"""The emulated device: numpy arrays as memory, compiled kernels as functions."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from functools import partial
from weakref import WeakValueDictionary

import numpy as np

from smartvm.dispatch.cupy_backend.device import (
    Device,
    DeviceError,
    Launch,
    Memory,
    OutOfDeviceMemory,
)
from smartvm.dispatch.cupy_backend.emulator.build import library

__all__ = ["EmulatedDevice"]

GARBAGE = 0xA5
ALIGNMENT = 256
GUARD = 256
"""Bytes before and after memory, which nobody may write."""
MOST_BLOCKS = ((1 << 31) - 1, 65_535, 65_535)
"""Of a grid's axes, on every card."""
MOST_THREADS = 1024
MOST_SHARED = 99 << 10
"""Shared memory that a block may have on every card from compute capability 8.0 on."""
MOST_ARGUMENTS = 4096
"""Bytes of a kernel's arguments."""


class HostMemory:
    """Host memory that plays device memory; it begins as garbage, with more of it around.

    Attributes:
        address: of the first byte.
        nbytes: the size.
    """

    def __init__(self, nbytes: int) -> None:
        self._bytes = np.full(nbytes + ALIGNMENT + 2 * GUARD, GARBAGE, np.uint8)
        start = GUARD + -(self._bytes.ctypes.data + GUARD) % ALIGNMENT
        self.items = self._bytes[start : start + nbytes]
        self.address = int(self.items.ctypes.data)
        self.nbytes = nbytes
        self._around = (self._bytes[:start], self._bytes[start + nbytes :])

    @property
    def is_intact(self) -> bool:
        """Whether nobody has written before or behind it."""
        return all((guard == GARBAGE).all() for guard in self._around)


class EmulatedDevice(Device):
    """A device that runs the CUDA kernels on this CPU.

    Attributes:
        limit: bytes that one allocation may take.
        order: in which threads run: 0 by number, 1 the reverse, else the seed of random ones.
    """

    name = "emulator"
    processors = 2

    def __init__(self, limit: int = 1 << 32, *, order: int = 0) -> None:
        self.limit = limit
        self.order = order
        self._memories: WeakValueDictionary[int, HostMemory] = WeakValueDictionary()

    def allocate(self, nbytes: int) -> Memory:
        """See `Device.allocate`."""
        if nbytes > self.limit:
            raise OutOfDeviceMemory(f"{nbytes:,} bytes asked for, at most {self.limit:,} there")
        memory = HostMemory(nbytes)
        self._memories[memory.address] = memory
        return memory

    def write(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.write`."""
        self._items(memory)[: items.nbytes] = np.ascontiguousarray(items).reshape(-1).view(np.uint8)

    def read(self, memory: Memory, items: np.ndarray) -> None:
        """See `Device.read`."""
        items.reshape(-1).view(np.uint8)[:] = self._items(memory)[: items.nbytes]

    def launch(self, launch: Launch) -> None:
        """See `Device.launch`.

        Raises:
            DeviceError: a card would refuse the launch, or the kernel wrote beside its memory.
        """
        module, name = launch.kernel.split(".")
        found = library(module)
        _check(launch, ctypes.c_size_t.in_dll(found, f"{name}_bytes").value)
        found.emulator_begin(ctypes.c_size_t(launch.shared), ctypes.c_uint64(self.order))
        grid = (ctypes.c_uint * 3)(*launch.grid)
        arguments = ctypes.c_void_p(launch.arguments.ctypes.data)
        getattr(found, name)(grid, ctypes.c_uint(launch.threads), arguments)
        for address in launch.arguments.tolist():
            memory = self._memories.get(address)
            if memory is not None and not memory.is_intact:
                raise DeviceError(f"{launch.kernel} wrote beside its {memory.nbytes:,} bytes")

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


def _check(launch: Launch, struct_bytes: int) -> None:
    """See that a card would take a launch.

    Raises:
        DeviceError: it would not, or would read other arguments than there are.
    """
    limits = (
        ("blocks", max(map(int.__sub__, launch.grid, MOST_BLOCKS)) <= 0 < min(launch.grid)),
        ("threads", 0 < launch.threads <= MOST_THREADS and launch.threads % 32 == 0),
        ("shared memory", 0 <= launch.shared <= MOST_SHARED),
        ("arguments", launch.arguments.nbytes == struct_bytes <= MOST_ARGUMENTS),
    )
    wrong = [what for what, holds in limits if not holds]
    if wrong:
        raise DeviceError(f"no card takes {launch.kernel} with such {' and '.join(wrong)}")
