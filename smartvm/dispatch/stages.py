"""Stages: kernels that a product takes along, run on its sums before they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from smartvm.dispatch.reference.elementwise import nearest_even, truncated
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

__all__ = [
    "ADD_CHANNEL",
    "ADD_MAP",
    "DIVIDE",
    "MOST_STAGES",
    "MULTIPLY",
    "RELU",
    "Range",
    "Stage",
    "complete",
    "product_range",
    "ranges",
    "stages_behind",
]

Range = tuple[int, int]
ADD_CHANNEL, ADD_MAP, MULTIPLY, DIVIDE, RELU = range(5)
"""As native/epilogue.h and cuda/epilogue.cuh number them."""
MOST_STAGES = 8
_INT64 = 1 << 63
_ORDERED = (DIVIDE, RELU)
Extents = tuple[int, int, int]
"""(batch, channels, plane) of the result of a product."""


class Stage(NamedTuple):
    """A kernel behind a product.

    Attributes:
        kind: the number of the kernel.
        addend: what it adds, or None.
        number: factor, divisor or cap.
        nearest: how a division rounds.
    """

    kind: int
    addend: Tensor | None
    number: int
    nearest: bool = False

    @property
    def ordered(self) -> bool:
        """Whether it keeps the order of items, so that bounds go the way of the items."""
        return self.kind in _ORDERED

    def reach(self, values: Range, terms: Range | None = None) -> Range:
        """What it makes of a range of values. Exact, bound for bound, where it is `ordered`.

        Args:
            values: the range.
            terms: the range of the addend, if not its bounds.
        """
        if self.addend is not None:
            low, high = terms or self.addend.bounds
            return values[0] + low, values[1] + high
        low, high = self._of(values[0]), self._of(values[1])
        return (low, high) if low <= high else (high, low)

    def _of(self, value: int) -> int:
        if self.kind == MULTIPLY:
            return value * self.number
        if self.kind == DIVIDE:
            return (nearest_even if self.nearest else truncated)(value, self.number)
        return max(0, min(value, self.number) if self.number else value)


def product_range(bounds: Range, positive: int, negative: int) -> Range:
    """The range of every output of a product.

    Args:
        bounds: of the map, which may be padded with zeros.
        positive: Σw⁺ of an output, the greatest of all.
        negative: Σw⁻, the same.
    """
    low, high = min(bounds[0], 0), max(bounds[1], 0)
    return low * positive - high * negative, high * positive - low * negative


def ranges(stages: Sequence[Stage], values: Range) -> list[Range]:
    """The range of the sums, then what each stage makes of it."""
    result = [values]
    for stage in stages:
        result.append(stage.reach(result[-1]))
    return result


def complete(stages: Sequence[Stage], found: list[Range]) -> None:
    """Put in the bounds that follow from those before: found[0] is that of the sums."""
    for index, stage in enumerate(stages):
        if stage.ordered:
            found[index + 1] = stage.reach(found[index])


def stages_behind(steps: Sequence[Step]) -> list[Stage]:
    """The stages of the steps behind a product, which is the first, as far as they have them."""
    extents = _extents(steps[0].arguments[1])
    stages: list[Stage] = []
    for step in steps[1 : MOST_STAGES + 1]:
        make = _STAGES.get(step.kernel)
        stage = make(*step.arguments, extents) if make else None  # type: ignore[operator]
        if stage is None:
            break
        stages.append(stage)
    return stages


def _extents(shape: ConvShape | MatmulShape) -> Extents:
    if isinstance(shape, MatmulShape):
        return shape.batch * shape.rows, shape.columns, 1
    return shape.batch, shape.out_channels, prod(shape.out_size)


def _add(addend: Tensor, plane: int, extents: Extents) -> Stage | None:
    batch, channels, cells = extents
    if addend.is_wide:
        return None
    if len(addend) == channels and plane == cells:
        return Stage(ADD_CHANNEL, addend, 0)
    if len(addend) == batch * channels * cells:
        return Stage(ADD_MAP, addend, 0)
    return None


def _multiply(factor: int, extents: Extents) -> Stage | None:
    return Stage(MULTIPLY, None, factor) if -_INT64 <= factor < _INT64 else None


def _divide(divisor: int, nearest: bool, extents: Extents) -> Stage:
    return Stage(DIVIDE, None, divisor, nearest)


def _relu(cap: int, slope: tuple[int, int], extents: Extents) -> Stage | None:
    return None if slope[0] or cap >= _INT64 else Stage(RELU, None, cap)


_STAGES = {"add": _add, "multiply": _multiply, "divide": _divide, "relu": _relu}
