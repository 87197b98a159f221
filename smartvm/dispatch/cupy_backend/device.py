"""Device: memory, copies and launches. All that the kernels' callers know of CUDA.

`smartvm.dispatch.cupy_backend.cuda_device` has the one of a real card, `….emulator` one that runs
the same kernels on the CPU, so that they can be tested where there is no card.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

__all__ = ["THREADS", "Device", "DeviceError", "Grid", "Launch", "Memory", "OutOfDeviceMemory"]

Grid = tuple[int, int, int]
THREADS = 256
"""Threads of a block, unless a kernel wants another number; always whole warps of 32."""


class DeviceError(Exception):
    """The device failed: what lies in its memory is lost."""


class OutOfDeviceMemory(DeviceError):
    """There is not as much device memory; what lies in it is still good."""


class Memory(Protocol):
    """Device memory, given back when nobody refers to it any more."""

    address: int
    nbytes: int


class Launch(NamedTuple):
    """A kernel with its grid and arguments; it can be repeated as long as its memory is there.

    Attributes:
        kernel: `module.name`, as `elementwise.clip` for the kernel `clip` in elementwise.cu.
        grid: blocks.
        threads: of each block.
        arguments: (n,) int64, the fields of the kernel's one struct: addresses and numbers.
        shared: bytes of shared memory of each block.
    """

    kernel: str
    grid: Grid
    threads: int
    arguments: np.ndarray
    shared: int = 0


class Device(ABC):
    """A device that runs launches in the order in which they come.

    Every method may raise a `DeviceError`.
    """

    name: str
    """What it calls itself."""
    processors: int
    """Blocks that run at once, one on each multiprocessor."""

    @abstractmethod
    def allocate(self, nbytes: int) -> Memory:
        """Memory of at least one byte, aligned to 256, with anything in it."""

    @abstractmethod
    def write(self, memory: Memory, items: np.ndarray) -> None:
        """Copy an array to the beginning of the memory, after all that was launched before."""

    @abstractmethod
    def read(self, memory: Memory, items: np.ndarray) -> None:
        """Fill a contiguous array from the beginning of the memory, after all launches."""

    @abstractmethod
    def launch(self, launch: Launch) -> None:
        """Start a kernel; it may still run when this returns."""

    @abstractmethod
    def graph(self, launches: Sequence[Launch]) -> Callable[[], None]:
        """Something that starts all of these launches at once, as often as it is called."""

    def upload(self, items: np.ndarray) -> Memory:
        """A copy of an array in new memory."""
        memory = self.allocate(max(items.nbytes, 1))
        self.write(memory, items)
        return memory
