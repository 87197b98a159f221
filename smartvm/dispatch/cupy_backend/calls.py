"""Call: one kernel call on the device, and Segment, the calls since the last map of the host.

A kernel's module gets a `Call` and the kernel's arguments. It proves that 64 bits hold all that
happens (`Call.domains`), launches, and returns what `Call.result` makes of it; or None where it
has no way, and the CPU computes.

All that it launches goes down in the segment, with what the proofs assumed and where bounds were
measured. So a segment can be run again on another map of the host, as one graph and without the
host in between, and be checked afterwards (`tape`). For that, a module must let nothing but its
arguments' lengths, forms and `domains` decide what it launches, and read no item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from smartvm.dispatch.cupy_backend.device import THREADS, Device, Grid, Launch, Memory
from smartvm.dispatch.cupy_backend.tensors import OnDevice, Operand, downloaded, uploaded
from smartvm.dispatch.tensor import Tensor, form_bytes
from smartvm.words import limbs_for

__all__ = ["INT64", "Call", "Output", "Range", "Segment", "fits"]

Range = tuple[int, int]
INT64 = (-(1 << 63), (1 << 63) - 1)
MOST_SLOTS = 1024
MOST_BLOCKS = 1 << 16
"""Of a kernel that loops over its grid."""


def fits(values: Range, limits: Range = INT64) -> bool:
    """Whether a range lies in another one."""
    return limits[0] <= values[0] and values[1] <= limits[1]


class Output(NamedTuple):
    """Where a kernel puts its result.

    Attributes:
        address: of the first item.
        item_bytes: the form to store in, truncated: 2, 4 or 8.
        slot: the address of two int64, the least and the greatest result so far.
    """

    address: int
    item_bytes: int
    slot: int


class Segment:
    """What was launched since the last map that came from the host.

    Attributes:
        device: where.
        launches: in order; repeated in this order they give the same results.
        kept: the memory that they use.
        slots: (MOST_SLOTS, 2) int64 on the device.
        used: slots taken.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.launches: list[Launch] = []
        self.kept: list[Memory] = []
        self.slots = device.allocate(MOST_SLOTS * 16)
        self.used = 0
        self.launch("slots.reset_slots", (self.slots.address, MOST_SLOTS), items=MOST_SLOTS)

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
        return memory

    def take_slots(self, count: int) -> int:
        """The number of the first of some slots.

        Raises:
            IndexError: there are no more.
        """
        if self.used + count > MOST_SLOTS:
            raise IndexError("no slots left")
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


class Call:
    """One kernel call.

    Attributes:
        segment: where it goes down.
        device: where it runs.
        checks: the maps that a proof is about, each with the range that it assumed.
        slots: the numbers of the slots that it has taken.
    """

    def __init__(self, segment: Segment) -> None:
        self.segment = segment
        self.device = segment.device
        self.checks: list[tuple[Tensor, Range]] = []
        self.slots: list[int] = []
        self.launch = segment.launch

    def operand(self, tensor: Tensor) -> Operand:
        """The items of a tensor on the device."""
        if isinstance(tensor, OnDevice):
            return tensor.operand
        found = uploaded(self.device, tensor)
        self.segment.kept.append(found.memory)
        return found

    def scratch(self, nbytes: int) -> Memory:
        """Memory for what lies between two launches."""
        return self.segment.allocate(nbytes)

    def domains(self, proof: Callable[..., bool], *maps: Tensor) -> list[Range] | None:
        """For each tensor a range that holds its items and satisfies the proof, all together.

        The wider the range, the more maps can take this call's launches again. So those of the
        narrowest forms are tried first, then the next powers of two, then the exact bounds.

        Returns:
            None where not even the exact bounds satisfy the proof.
        """
        for widen in (_form_range, _power_range, _exact_range):
            ranges = [x.bounds if x.memo is not None else widen(x) for x in maps]
            if proof(*ranges):
                pairs = zip(maps, ranges, strict=True)
                self.checks += [(x, values) for x, values in pairs if x.memo is None]
                return ranges
        return None

    def slot(self) -> tuple[int, int]:
        """A slot for the bounds of a result: its number and its address."""
        number = self.segment.take_slots(1)
        self.slots.append(number)
        return number, self.segment.slot_address(number)

    def result(
        self,
        length: int,
        item_bytes: int,
        launch: Callable[[Output], None],
    ) -> OnDevice:
        """The result of a launch, run again in a wider form if it needs one.

        Args:
            length: in items.
            item_bytes: of the form that it is likely to need: 2, 4 or 8.
            launch: starts the kernel, which puts its result and its bounds into the output.
        """
        number, slot = self.slot()
        mark = len(self.segment.launches)
        operand = Operand(self.segment.allocate(length * item_bytes), item_bytes)
        launch(Output(operand.address, item_bytes, slot))
        bounds = self.segment.measured()[number]
        needed = form_bytes(limbs_for(*bounds))
        if needed > item_bytes:
            del self.segment.launches[mark:]
            operand = Operand(self.segment.allocate(length * needed), needed)
            launch(Output(operand.address, needed, slot))
        return self.on_device(length, bounds, operand)

    def on_device(self, length: int, bounds: Range, operand: Operand) -> OnDevice:
        """A tensor of items that lie on the device."""
        device = self.device
        return OnDevice(length, bounds, operand, lambda: downloaded(device, operand, length))


def _form_range(x: Tensor) -> Range:
    half = 1 << (8 * x.item_bytes - 1)
    return -half, half - 1


def _power_range(x: Tensor) -> Range:
    power = 1 << max(x.bounds[1], ~x.bounds[0]).bit_length()
    return -power, power - 1


def _exact_range(x: Tensor) -> Range:
    return x.bounds
