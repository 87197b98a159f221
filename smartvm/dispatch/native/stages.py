"""The stages behind a product (`smartvm.dispatch.stages`) as the compiled kernels take them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from smartvm.dispatch.native.bounds import INT32_LIMIT, fits
from smartvm.dispatch.stages import (
    DIVIDE,
    MULTIPLY,
    RELU,
    Range,
    Stage,
    complete,
    ranges,
    stages_behind,
)
from smartvm.dispatch.steps import Step

__all__ = ["NO_STAGES", "Epilogue", "Native", "native_stages"]

Native = tuple[int, np.ndarray | None, int, bool, int]


def native_stages(steps: Sequence[Step]) -> list[Stage]:
    """The stages of the steps behind a product, as far as the compiled kernels have them."""
    stages = stages_behind(steps)
    counts = (index for index, stage in enumerate(stages) if not _is_native(stage))
    return stages[: next(counts, None)]


def _is_native(stage: Stage) -> bool:
    return stage.kind not in (MULTIPLY, DIVIDE) or -INT32_LIMIT <= stage.number < INT32_LIMIT


def _native(stage: Stage, before: Range) -> Native:
    """A stage as native/stages.h takes it, for values in the range `before`."""
    number = stage.number
    if stage.kind == RELU and number > before[1]:
        number = 0  # a cap beyond all values is none, and might not fit
    items = None if stage.addend is None else stage.addend.data
    return stage.kind, items, number, stage.nearest, _shift(stage, before)


def _shift(stage: Stage, before: Range) -> int:
    """The power of two that it divides by, if shifting wraps no value; else 0."""
    number = stage.number
    if stage.kind != DIVIDE or number & (number - 1) or number >= 1 << 30:
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
        return ranges(self.stages, values)

    def native_for(self, befores: list[Range]) -> list[Native]:
        """The stages as the compiled kernels take them, for sums and results in these ranges."""
        return [_native(stage, before) for stage, before in zip(self.stages, befores, strict=False)]

    def complete(self, found: list[Range]) -> None:
        """Put in the bounds that follow from those before."""
        complete(self.stages, found)


NO_STAGES = Epilogue()
"""Of a product alone."""
