"""Pooling by its definition."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from smartvm.dispatch.reference.elementwise import truncated
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import PoolShape
from smartvm.words import wrap


def pool_max(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_max`; shapes checked, gas paid."""
    return Tensor.from_ints(max(cells) for cells, _ in _windows(x, shape))


def pool_average(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_average`; shapes checked, gas paid."""
    return Tensor.from_ints(
        truncated(wrap(sum(cells)), count) for cells, count in _windows(x, shape)
    )


def _windows(x: Tensor, shape: PoolShape) -> Iterator[tuple[list[int], int]]:
    """For each output: the cells of its window and the number that the average divides by."""
    items = x.to_ints()
    depth, height, width = shape.size
    axes = [_axis(shape, axis) for axis in range(3)]
    for plane in range(shape.planes):
        for (ds, d_count), (hs, h_count), (ws, w_count) in product(*axes):
            cells = [
                items[((plane * depth + d) * height + h) * width + w]
                for d, h, w in product(ds, hs, ws)
            ]
            yield cells, d_count * h_count * w_count


def _axis(shape: PoolShape, axis: int) -> list[tuple[list[int], int]]:
    """For each output position of an axis: the window's cells in the plane, and its count.

    A negative padding crops the plane.
    """
    before, after = shape.padding[axis]
    low, high = max(0, -before), shape.size[axis] + min(0, after)
    result = []
    for start, _, counted in shape.windows(axis):
        window = [start + k * shape.dilation[axis] for k in range(shape.kernel[axis])]
        result.append(([cell for cell in window if low <= cell < high], counted))
    return result
