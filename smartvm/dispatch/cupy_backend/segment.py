"""Segment: launches that can be made again, with the memory that they use and measure bounds in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from smartvm.dispatch.cupy_backend.device import THREADS, Device, Grid, Launch, Memory
from smartvm.dispatch.cupy_backend.tensors import Home, Operand, uploaded
from smartvm.dispatch.tensor import Tensor

__all__ = ["Mark", "NoSlots", "Range", "Segment"]

Range = tuple[int, int]
MOST_SLOTS = 4096
MOST_BLOCKS = 1 << 16
"""Of a kernel that loops over its grid."""


class NoSlots(Exception):
    """A segment has no slots left."""


class Mark(NamedTuple):
    """A place in a segment, to which it can be cut."""

    launches: int
    kept: int
    used: int
    roots: int
    nbytes: int


class Segment:
    """What was launched since the last map that came from the host.

    Attributes:
        device: where.
        home: what its tensors are brought to the host by.
        launches: in order; repeated in this order they give the same results.
        kept: the memory that they use.
        roots: the maps of the host that they read, each with its items on the device.
        slots: (MOST_SLOTS, 2) int64 on the device.
        used: slots taken.
        nbytes: bytes that `allocate` has given and no cut has taken back.
        replayable: whether the call that is being made can be repeated; a module may deny it.
    """

    def __init__(self, device: Device, home: Home | None = None) -> None:
        self.device = device
        self.home = home or Home(device)
        self.launches: list[Launch] = []
        self.kept: list[Memory] = []
        self.roots: list[tuple[Tensor, Operand]] = []
        self.slots = device.allocate(MOST_SLOTS * 16)
        self.used = 0
        self.nbytes = 0
        self.replayable = True
        device.launch(self.reset(0, MOST_SLOTS))

    def reset(self, first: int, count: int) -> Launch:
        """What makes slots those of no value."""
        arguments = np.array([self.slot_address(first), count], np.int64)
        grid = (max(1, -(-count // THREADS)), 1, 1)
        return Launch("slots.reset_slots", grid, THREADS, arguments)

    def launch(
        self,
        kernel: str,
        arguments: Sequence[int],
        *,
        items: int = 1,
        grid: Grid | None = None,
        threads: int = THREADS,
        shared: int = 0,
    ) -> None:
        """Start a kernel, with a thread for each item unless the grid is given."""
        grid = grid or (max(1, min(-(-items // threads), MOST_BLOCKS)), 1, 1)
        launch = Launch(kernel, grid, threads, np.array(arguments, np.int64), shared)
        self.device.launch(launch)
        self.launches.append(launch)

    def allocate(self, nbytes: int) -> Memory:
        """Memory that is kept as long as the segment."""
        memory = self.device.allocate(max(nbytes, 1))
        self.kept.append(memory)
        self.nbytes += memory.nbytes
        return memory

    def root(self, tensor: Tensor) -> Operand:
        """The items of a map of the host, copied to the device once."""
        number = self.root_number(tensor)
        if number is None:
            number = len(self.roots)
            self.roots.append((tensor, uploaded(self.device, tensor)))
        return self.roots[number][1]

    def root_number(self, tensor: Tensor) -> int | None:
        """Which of the maps of the host a tensor is, None if it is none of them."""
        return next((i for i, (root, _) in enumerate(self.roots) if root is tensor), None)

    def take_slots(self, count: int) -> int:
        """The number of the first of some slots.

        Raises:
            NoSlots: there are no more.
        """
        if self.used + count > MOST_SLOTS:
            raise NoSlots(f"{self.used} of {MOST_SLOTS} slots are taken")
        self.used += count
        return self.used - count

    def slot_address(self, number: int) -> int:
        """Where a slot lies."""
        return self.slots.address + 16 * number

    def measured(self) -> list[Range]:
        """The bounds in all slots that are taken, after all launches; (0, 0) of no values."""
        found = np.empty((self.used, 2), np.int64)
        self.device.read(self.slots, found)
        return [(low, high) if low <= high else (0, 0) for low, high in found.tolist()]

    def mark(self) -> Mark:
        """The place that has been reached."""
        return Mark(len(self.launches), len(self.kept), self.used, len(self.roots), self.nbytes)

    def cut(self, mark: Mark) -> None:
        """Forget what came after a place; tensors keep their memory as long as they are there."""
        del self.launches[mark.launches :]
        del self.kept[mark.kept :]
        del self.roots[mark.roots :]
        if self.used > mark.used:
            self.device.launch(self.reset(mark.used, self.used - mark.used))
        self.used, self.nbytes = mark.used, mark.nbytes
