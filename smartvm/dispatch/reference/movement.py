"""Moving, joining, looking up and reducing items by their definitions."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from smartvm.dispatch.movement import LAST, Reduction, check_indices
from smartvm.dispatch.tensor import Tensor
from smartvm.words import wrap


def view(x: Tensor, offset: int, dims: Sequence[int], strides: Sequence[int]) -> Tensor:
    """See `Backend.view`; shapes checked, gas paid."""
    items = x.to_ints()
    return Tensor.from_ints(
        items[offset + sum(i * stride for i, stride in zip(index, strides, strict=True))]
        for index in product(*map(range, dims))
    )


def concatenate(parts: list[Tensor], outer: int) -> Tensor:
    """See `Backend.concatenate`; shapes checked, gas paid."""
    rows = [(part.to_ints(), len(part) // outer) for part in parts]
    return Tensor.from_ints(
        item
        for index in range(outer)
        for items, length in rows
        for item in items[index * length : (index + 1) * length]
    )


def gather(indices: Tensor, data: Tensor, columns: int) -> Tensor:
    """See `Backend.gather`; shapes checked, gas paid."""
    check_indices(indices, data, columns)
    items, rows = data.to_ints(), len(data) // columns
    return Tensor.from_ints(
        items[index % rows * columns + column] for index in indices for column in range(columns)
    )


def reduce(x: Tensor, kind: int, axis: int, inner: int) -> Tensor:
    """See `Backend.reduce`; shapes checked, gas paid."""
    items = x.to_ints()
    return Tensor.from_ints(
        _reduced(kind, items[start + column : start + axis * inner : inner])
        for start in range(0, len(items), axis * inner)
        for column in range(inner)
    )


def _reduced(kind: int, items: list[int]) -> int:
    if kind == Reduction.SUM:
        return wrap(sum(items))
    if kind == Reduction.MAX:
        return max(items)
    if kind == Reduction.MIN:
        return min(items)
    extreme = max(items) if kind & ~LAST == Reduction.ARG_MAX else min(items)
    if kind & LAST:
        return len(items) - 1 - items[::-1].index(extreme)
    return items.index(extreme)
