"""A product and its stages: which arithmetic is exact, which form the result gets, what it returns.

Convolutions and matrix products hand over a `Plan`: a compiled object that holds the packed weights
and runs the product, with what bounds its sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from smartvm.dispatch.native import bounds
from smartvm.dispatch.native.bounds import DOUBLE_LIMIT, INT16_LIMIT, INT64_LIMIT
from smartvm.dispatch.native.forms import INT16, INT32, INT64, Dtype, narrow_dtype
from smartvm.dispatch.native.stages import NO_STAGES, Epilogue, Native
from smartvm.dispatch.stages import Range, product_range
from smartvm.dispatch.steps import Step
from smartvm.dispatch.tensor import Tensor


class Compiled(Protocol):
    """What a compiled plan has."""

    positive: int
    negative: int
    norm: int
    nbytes: int
    whole: bool

    def narrow(
        self, x: np.ndarray, out: np.ndarray, stages: Sequence[Native], offset: int
    ) -> list[Range] | None:
        """The product in int32, of the map less an offset that brings it to int16."""

    def doubles(
        self, x: np.ndarray, out: np.ndarray, stages: Sequence[Native], bits: int
    ) -> list[Range]:
        """The product in float64: of two halves of the map, the low of `bits` bits, or whole."""

    def wide(
        self, x: np.ndarray, out: np.ndarray, stages: Sequence[Native], chunk_pairs: int
    ) -> list[Range]:
        """The product in int64."""

    def squares(self, x: np.ndarray) -> int:
        """A bound of Σx² of every window."""


class Plan:
    """A compiled plan with what earlier calls have shown.

    Attributes:
        compiled: the plan.
        length: of the result.
        weights: the greatest magnitude of the weights.
        short: whether they are int16.
        epilogue: the steps that followed the product last, and their stages.
    """

    __slots__ = ("_forms", "_sums", "compiled", "epilogue", "length", "short", "weights")

    def __init__(self, compiled: Compiled, length: int, weights: Tensor) -> None:
        self.compiled = compiled
        self.length = length
        self.weights = weights.magnitude
        self.short = weights.item_bytes == 2
        self.epilogue: tuple[Sequence[Step], Epilogue] = (), NO_STAGES
        self._sums = compiled.positive + compiled.negative
        self._forms: dict[int, Dtype] = {}

    @property
    def nbytes(self) -> int:
        """Bytes that it takes, for the resident cache."""
        return self.compiled.nbytes

    def run(self, x: Tensor, epilogue: Epilogue = NO_STAGES) -> tuple[list[Range], Tensor] | None:
        """The exact bounds of the product and of each stage, and the result of the last.

        None where that leaves int64, or the operands what can be taken apart.
        """
        if x.magnitude * self._sums < epilogue.limit:
            return self._narrow(x, epilogue)
        compiled = self.compiled
        values = product_range(x.bounds, compiled.positive, compiled.negative)
        if bounds.fits(values, epilogue.limit):
            return self._narrow(x, epilogue)
        if x.magnitude < 1 << 20:
            squares = compiled.squares(x.data)
            if bounds.fits(bounds.norm_range(squares, compiled.norm), epilogue.limit):
                return self._narrow(x, epilogue)
        return self._doubles(x, epilogue) or self._wide(x, epilogue)

    def _narrow(self, x: Tensor, epilogue: Epilogue) -> tuple[list[Range], Tensor] | None:
        """In int32, under a proved bound."""
        if not self.short or x.item_bytes > 4:
            return self._doubles(x, epilogue) or self._wide(x, epilogue)
        offset = 0 if x.item_bytes == 2 else _offset(*x.bounds)
        likely = INT16 if epilogue.shrinks else INT32
        found = self._written(x, epilogue, epilogue.native, self.compiled.narrow, offset, likely)
        return found or self._doubles(x, epilogue) or self._wide(x, epilogue)

    def _doubles(self, x: Tensor, epilogue: Epilogue) -> tuple[list[Range], Tensor] | None:
        """In float64, where that holds every stage, and int32 the sums of each half of the map."""
        if x.item_bytes > 4:
            return None
        compiled = self.compiled
        positive, negative = compiled.positive, compiled.negative
        bits = bounds.half_bits(x.bounds, positive, negative) if self.short else 0
        ranges = epilogue.ranges(product_range(x.bounds, positive, negative))
        exact = all(bounds.fits(values, DOUBLE_LIMIT) for values in ranges)
        if not exact or not (bits or compiled.whole):
            return None
        native = epilogue.native_for(ranges)
        return self._written(x, epilogue, native, compiled.doubles, bits, INT32)

    def _wide(self, x: Tensor, epilogue: Epilogue) -> tuple[list[Range], Tensor] | None:
        """In int64, where that holds every stage and the operands can be taken apart."""
        if max(x.magnitude, self.weights) >= bounds.APART_LIMIT:
            return None
        values = product_range(x.bounds, self.compiled.positive, self.compiled.negative)
        ranges = epilogue.ranges(values)
        pairs = bounds.chunk_pairs(x.magnitude, self.weights)
        if not pairs or not all(bounds.fits(r, INT64_LIMIT) for r in ranges):
            return None
        native = epilogue.native_for(ranges)
        return self._written(x, epilogue, native, self.compiled.wide, pairs, INT64)

    def _written(
        self,
        x: Tensor,
        epilogue: Epilogue,
        native: list[Native],
        kernel: Callable[..., list[Range] | None],
        term: int,
        likely: Dtype,
    ) -> tuple[list[Range], Tensor] | None:
        """Run in the form that the result had last time, and again where that is too narrow."""
        dtype = self._forms.get(len(native), likely)
        out = np.empty(self.length, dtype)
        found = kernel(x.data, out, native, term)
        if found is None:
            return None
        epilogue.complete(found)
        needed = narrow_dtype(*found[-1])
        assert needed is not None
        if needed is not dtype:
            self._forms[len(native)] = needed
            if needed.itemsize > dtype.itemsize:
                out = np.empty(self.length, needed)
                kernel(x.data, out, native, term)
            elif needed.itemsize < dtype.itemsize:
                out = out.astype(needed)
        return found, Tensor(out, found[-1])


def _offset(low: int, high: int) -> int:
    """What brings most of a range into int16, less it; zero itself, the padding, must go there."""
    if low > -INT16_LIMIT:
        return INT16_LIMIT
    return max(1 - INT16_LIMIT, min(low + high >> 1, INT16_LIMIT))
