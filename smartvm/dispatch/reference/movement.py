"""Moving, joining, looking up and reducing items by their definitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

from smartvm.dispatch.movement import Reduction, check_indices
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
    items, reduced = x.to_ints(), _REDUCTIONS[Reduction(kind)]
    return Tensor.from_ints(
        reduced(items[start + column : start + axis * inner : inner])
        for start in range(0, len(items), axis * inner)
        for column in range(inner)
    )


def _last(items: list[int], item: int) -> int:
    return len(items) - 1 - items[::-1].index(item)


_REDUCTIONS: dict[Reduction, Callable[[list[int]], int]] = {
    Reduction.SUM: lambda items: wrap(sum(items)),
    Reduction.MAX: max,
    Reduction.MIN: min,
    Reduction.ARG_MAX: lambda items: items.index(max(items)),
    Reduction.ARG_MIN: lambda items: items.index(min(items)),
    Reduction.LAST_ARG_MAX: lambda items: _last(items, max(items)),
    Reduction.LAST_ARG_MIN: lambda items: _last(items, min(items)),
}
