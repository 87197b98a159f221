"""Epilogue: the stages behind a product, on the device (cuda/epilogue.cuh)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from smartvm.dispatch.cupy_backend.calls import Call, Output, Range, fits
from smartvm.dispatch.cupy_backend.division import divisor_fields
from smartvm.dispatch.cupy_backend.tensors import Operand
from smartvm.dispatch.stages import DIVIDE, MOST_STAGES, Stage
from smartvm.dispatch.tensor import Tensor, form_of

__all__ = ["NO_STAGES", "Epilogue", "Fields"]

Fields = tuple[int, ...]
"""The fields of the kernels' struct Epilogue."""
Way = Callable[[Range], Range] | None
"""What a stage makes of bounds; None where those of its result are measured."""


class Epilogue:
    """The stages behind a product.

    Attributes:
        stages: in order.
        addends: the tensors that they add.
    """

    def __init__(self, stages: Sequence[Stage] = ()) -> None:
        self.stages = tuple(stages)
        self.addends = [stage.addend for stage in stages if stage.addend is not None]

    def fits(self, values: Range, terms: Sequence[Range]) -> bool:
        """Whether 64 bits hold the sums and what each stage makes of them.

        Args:
            values: the range of the sums.
            terms: the ranges of the addends.
        """
        rest = iter(terms)
        for stage in self.stages:
            if not fits(values):
                return False
            values = stage.reach(values, None if stage.addend is None else next(rest))
        return fits(values)

    def run(
        self,
        call: Call,
        length: int,
        item_bytes: int,
        launch: Callable[[Fields], None],
        *arguments: Any,
    ) -> list[Tensor]:
        """Launch a product with its stages, again in a wider form if the result needs one.

        Args:
            call: the call that it belongs to.
            length: of the result, in items.
            item_bytes: of the form that the result is likely to need: 2, 4 or 8.
            launch: starts what ends in the kernels' `run_epilogue`, with these fields.
            arguments: of a chain: its map and its steps.

        Returns:
            the results of the product and of each stage, the last of them computed.
        """
        first = len(call.slots)
        # Replays keep the function below, which must not keep maps.
        bare = [stage._replace(addend=None) for stage in self.stages]
        ways = [stage.reach if stage.ordered else None for stage in bare]
        slots = [call.slot()[1], *(0 if way else call.slot()[1] for way in ways)]
        terms = [call.operand(addend) for addend in self.addends]
        launches, kept = len(call.segment.launches), len(call.segment.kept)

        def stored(form: int) -> Operand:
            operand = Operand(call.segment.allocate(length * form), form)
            launch(self._fields(Output(operand.address, form, slots[0]), slots, terms))
            return operand

        item_bytes = call.likely(item_bytes)
        operand = stored(item_bytes)
        measured = call.segment.measured()
        bounds = _bounds(ways, [measured[number] for number in call.slots[first:]])[-1]
        needed = form_of(*bounds)
        if needed > item_bytes:
            del call.segment.launches[launches:]
            del call.segment.kept[kept:]
            operand = stored(needed)

        def make(arguments: Sequence[Any], ranges: list[Range]) -> list[Tensor]:
            *between, last = _bounds(ways, ranges[first:])
            results = call.intermediates(length, between, *arguments) if between else []
            results.append(call.on_device(length, last, operand))
            return results

        found: list[Tensor] = call.answer(make, *arguments)
        return found

    def _fields(self, out: Output, slots: list[int], terms: list[Operand]) -> Fields:
        """The struct; stages that are not there are zeros."""
        fields = [*out, len(self.stages)]
        rest = iter(terms)
        for stage, slot in zip(self.stages, slots[1:], strict=True):
            term = (0, 0) if stage.addend is None else _located(next(rest))
            number, by = (0, stage.number) if stage.kind == DIVIDE else (stage.number, 1)
            fields += [stage.kind, *term, number, stage.nearest, slot, *divisor_fields(by)]
        width = 6 + len(divisor_fields(1))
        return (*fields, *[0] * (width * (MOST_STAGES - len(self.stages))))


def _bounds(ways: Sequence[Way], measured: Sequence[Range]) -> list[Range]:
    """The bounds of the sums and of what each stage leaves, of those that were measured."""
    rest = iter(measured)
    found = [next(rest)]
    for way in ways:
        found.append(way(found[-1]) if way else next(rest))
    return found


def _located(operand: Operand) -> tuple[int, int]:
    return operand.address, operand.item_bytes


NO_STAGES = Epilogue()
"""Of a product alone."""
