"""Call: one kernel call on the device, and Segment, the calls since the last map of the host.

A kernel's module gets a `Call` and the kernel's arguments. It proves that 64 bits hold all that
happens (`Call.domains`), launches, and returns what `Call.result` makes of it; or None where it
has no way, and the CPU computes.

All that it launches goes down in the segment, with what the proofs assumed and where bounds were
measured. So a segment can be run again on another map of the host, as one graph and without the
host in between, and be checked afterwards (`tape`). For that, a module must let nothing but its
arguments' lengths, forms and `domains` decide what it launches, and read no item; its kernels must
stay within their memory whatever the items are; and its result comes from `Call.result`, or from
`Call.answer` with a function that makes it again from other arguments and bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from smartvm.dispatch.cupy_backend.device import Memory
from smartvm.dispatch.cupy_backend.segment import Range, Segment
from smartvm.dispatch.cupy_backend.tensors import Intermediate, OnDevice, Operand, placed, uploaded
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor, form_of

__all__ = [
    "INT64",
    "Call",
    "Make",
    "Misfit",
    "Output",
    "Range",
    "Segment",
    "fits",
]

Make = Callable[[Sequence[Any], list[Range]], Any]
"""Makes a call's result from its arguments and the bounds in its slots."""
INT64 = (-(1 << 63), (1 << 63) - 1)


class Misfit(Exception):
    """The form in which a result was stored does not hold it."""


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


class Call:
    """One kernel call.

    Attributes:
        segment: where it goes down.
        device: where it runs.
        checks: the maps that a proof is about, each with the range that it assumed.
        slots: the numbers of the slots that it has taken.
        expectations: the ranges in which the bounds in some slots must lie (`expect`).
        make: what makes the result from the arguments and the bounds in the slots, or None.
    """

    def __init__(self, segment: Segment, seen: Range = (0, 0)) -> None:
        """Make a call whose result had bounds in the range `seen` in earlier runs."""
        self.segment = segment
        self._seen_bytes = form_of(*seen)
        self.device = segment.device
        self.checks: list[tuple[Tensor, Range]] = []
        self.slots: list[int] = []
        self.expectations: list[tuple[int, Range]] = []
        self.make: Make | None = None
        self.launch = segment.launch

    def operand(self, tensor: Tensor) -> Operand:
        """The items of a tensor on the device."""
        found = placed(tensor)
        if found is None and tensor.memo is None:
            return self.segment.root(tensor)
        found = found or uploaded(self.device, tensor)
        self.segment.kept.append(found.memory)
        return found

    def scratch(self, nbytes: int) -> Memory:
        """Memory for what lies between two launches."""
        return self.segment.allocate(nbytes)

    def domains(self, proof: Callable[..., bool], *maps: Tensor) -> list[Range] | None:
        """For each tensor a range that holds its items and satisfies the proof, all together.

        The wider the range, the more maps can take this call's launches again. So those of the
        narrowest forms are tried first, then the next powers of two, then the bounds: those of
        all runs before those of this one.

        Returns:
            None where not even the exact bounds satisfy the proof.
        """
        for known in (_seen, _exact):
            for widen in (_form_range, _power_range, _same_range):
                ranges = [x.bounds if x.memo is not None else widen(known(x)) for x in maps]
                if proof(*ranges):
                    pairs = zip(maps, ranges, strict=True)
                    self.checks += [(x, values) for x, values in pairs if x.memo is None]
                    return ranges
        return None

    def likely(self, item_bytes: int) -> int:
        """A form that the result is likely to need: at least the one that earlier runs needed."""
        return max(item_bytes, self._seen_bytes)

    def slot(self) -> tuple[int, int]:
        """A slot for the bounds of a result: its number and its address."""
        number = self.segment.take_slots(1)
        self.slots.append(number)
        return number, self.segment.slot_address(number)

    def expect(self, number: int, values: Range) -> None:
        """What was launched is void unless the bounds in this slot lie in the range."""
        self.expectations.append((number, values))

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
        item_bytes = self.likely(item_bytes)
        number, slot = self.slot()
        launches, kept = len(self.segment.launches), len(self.segment.kept)
        operand = Operand(self.segment.allocate(length * item_bytes), item_bytes)
        launch(Output(operand.address, item_bytes, slot))
        needed = form_of(*self.segment.measured()[number])
        if needed > item_bytes:
            del self.segment.launches[launches:]
            del self.segment.kept[kept:]
            operand = Operand(self.segment.allocate(length * needed), needed)
            launch(Output(operand.address, needed, slot))
        position = self.slots.index(number)
        found = self.answer(lambda _, ranges: self.on_device(length, ranges[position], operand))
        assert isinstance(found, OnDevice)
        return found

    def answer(self, make: Make, *arguments: Any) -> Any:
        """The result of the call, made now and again at each replay.

        Args:
            make: given the arguments of the time and the bounds in `slots`, in their order, makes
                the result: by `on_device` and `intermediates`, of memory that stays the same.
            arguments: this time's, if the function looks at them.
        """
        self.make = make
        measured = self.segment.measured()
        return make(arguments, [measured[number] for number in self.slots])

    def on_device(self, length: int, bounds: Range, operand: Operand) -> OnDevice:
        """A tensor of items that lie on the device.

        Raises:
            Misfit: this form does not hold values in these bounds.
        """
        found = OnDevice(length, bounds, operand, self.segment.home)
        if found.item_bytes > operand.item_bytes:
            raise Misfit(f"{bounds} in {operand.item_bytes} bytes an item")
        return found

    def intermediates(
        self, length: int, bounds: Sequence[Range], x: Tensor, steps: Sequence[Step]
    ) -> list[Tensor]:
        """What each of the first steps of a chain leaves of x, worked out if somebody wants it."""
        home = self.segment.home
        return [
            Intermediate(length, values, home, x, steps, index + 1)
            for index, values in enumerate(bounds)
        ]


def _seen(x: Tensor) -> Range:
    return x.seen if isinstance(x, OnDevice) else x.bounds


def _exact(x: Tensor) -> Range:
    return x.bounds


def _form_range(values: Range) -> Range:
    half = 1 << (8 * form_of(*values) - 1)
    return -half, half - 1


def _power_range(values: Range) -> Range:
    power = 1 << max(values[1], ~values[0]).bit_length()
    return -power, power - 1


def _same_range(values: Range) -> Range:
    return values
