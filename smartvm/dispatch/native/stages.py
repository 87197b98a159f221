"""Stages: kernels that a product takes along, run on its sums while they are in the cache."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from smartvm.dispatch.native.bounds import INT32_LIMIT, INT64_LIMIT, Range, fits
from smartvm.dispatch.reference.elementwise import nearest_even, truncated
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor

ADD_CHANNEL, ADD_MAP, MULTIPLY, DIVIDE, RELU = range(5)
"""As native/epilogue.h numbers them."""
MOST_STAGES = 8
Native = tuple[int, np.ndarray | None, int, bool, int]


class Stage(NamedTuple):
    """A kernel behind a product.

    Attributes:
        kind: the number of the kernel.
        items: the addends, or None.
        number: factor, divisor or cap.
        nearest: how a division rounds.
        reach: what the stage makes of a range of values. Exact, bound for bound, where `ordered`.
        ordered: whether it keeps the order of items, so that bounds go the way of the items.
    """

    kind: int
    items: np.ndarray | None
    number: int
    nearest: bool
    reach: Callable[[Range], Range]
    ordered: bool

    def native(self, before: Range) -> Native:
        """As native/stages.h takes it, for values in the range `before`."""
        number = self.number
        if self.kind == RELU and number > before[1]:
            number = 0  # a cap beyond all values is none, and might not fit
        return self.kind, self.items, number, self.nearest, self._shift(before)

    def _shift(self, before: Range) -> int:
        """The power of two that it divides by, if shifting wraps no value; else 0."""
        number = self.number
        if self.kind != DIVIDE or number & (number - 1) or number >= 1 << 30:
            return 0
        shifts = -INT32_LIMIT + number <= before[0] and before[1] < INT32_LIMIT - number
        return number.bit_length() - 1 if shifts else 0


_LIMITS = (
    *(INT32_LIMIT - (room and 1 << room) for room in (0, 20, 24, 28)),
    *(1 << bits for bits in range(30, 0, -1)),
    0,
)
"""Limits that are tried: biases take little of int32, other stages may take any part."""


class Epilogue:
    """The stages behind a product, with what follows from them once for all products.

    Attributes:
        stages: in order.
        limit: sums in [−limit, limit) leave int32 in no stage.
        native: the stages as the compiled kernels take them, for such sums.
        shrinks: whether a stage makes results smaller than products may be.
    """

    __slots__ = ("limit", "native", "shrinks", "stages")

    def __init__(self, stages: Sequence[Stage] = ()) -> None:
        self.stages = tuple(stages)
        self.limit = next(limit for limit in _LIMITS if self._is_safe(limit))
        self.native = self.native_for(self.ranges((-self.limit, self.limit - 1)))
        self.shrinks = any(stage.ordered for stage in stages)

    def _is_safe(self, limit: int) -> bool:
        ranges = self.ranges((-limit, limit - 1)) if limit else []
        return all(fits(values, INT32_LIMIT) for values in ranges)

    def ranges(self, values: Range) -> list[Range]:
        """The range of the sums, then what each stage makes of it."""
        result = [values]
        for stage in self.stages:
            result.append(stage.reach(result[-1]))
        return result

    def native_for(self, ranges: list[Range]) -> list[Native]:
        """The stages as the compiled kernels take them, for sums and results in these ranges."""
        return [stage.native(before) for stage, before in zip(self.stages, ranges, strict=False)]

    def complete(self, found: list[Range]) -> None:
        """Put in the bounds that follow from those before."""
        for index, stage in enumerate(self.stages):
            if stage.ordered:
                found[index + 1] = stage.reach(found[index])


NO_STAGES = Epilogue()
"""Of a product alone."""


def stage_of(step: Step, batch: int, channels: int, plane: int) -> Stage | None:
    """The stage of a step behind a product of (batch, channels, plane); None if it has none."""
    make = _STAGES.get(step.kernel)
    return make(*step.arguments, (batch, channels, plane)) if make else None  # type: ignore[operator]


def _add(addend: Tensor, plane: int, shape: tuple[int, int, int]) -> Stage | None:
    batch, channels, cells = shape
    if addend.is_wide:
        return None
    if len(addend) == channels and plane == cells:
        kind = ADD_CHANNEL
    elif len(addend) == batch * channels * cells:
        kind = ADD_MAP
    else:
        return None
    low, high = addend.bounds
    return Stage(kind, addend.data, 0, False, lambda r: (r[0] + low, r[1] + high), False)


def _multiply(factor: int, shape: tuple[int, int, int]) -> Stage | None:
    if not -INT32_LIMIT <= factor < INT32_LIMIT:
        return None

    def reach(values: Range) -> Range:
        ends = values[0] * factor, values[1] * factor
        return (min(ends), max(ends))

    return Stage(MULTIPLY, None, factor, False, reach, False)


def _divide(divisor: int, nearest: bool, shape: tuple[int, int, int]) -> Stage | None:
    if divisor >= INT32_LIMIT:
        return None
    quotient = nearest_even if nearest else truncated

    def reach(values: Range) -> Range:
        return quotient(values[0], divisor), quotient(values[1], divisor)

    return Stage(DIVIDE, None, divisor, nearest, reach, True)


def _relu(cap: int, slope: tuple[int, int], shape: tuple[int, int, int]) -> Stage | None:
    if slope[0] or cap >= INT64_LIMIT:
        return None

    def clipped(value: int) -> int:
        return max(0, min(value, cap) if cap else value)

    return Stage(RELU, None, cap, False, lambda r: (clipped(r[0]), clipped(r[1])), True)


_STAGES = {"add": _add, "multiply": _multiply, "divide": _divide, "relu": _relu}
