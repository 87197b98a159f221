"""Pooling: a thread, or a warp for a large window, works out each result."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from smartvm.dispatch.cupy_backend import wide_product
from smartvm.dispatch.cupy_backend.calls import Call, Output, Range, fits
from smartvm.dispatch.cupy_backend.device import THREADS
from smartvm.dispatch.cupy_backend.direct import MOST_ITEMS
from smartvm.dispatch.cupy_backend.packing import ceil_div
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import PoolShape

__all__ = ["pool_average", "pool_max"]

_MOST_EXTENT = 1 << 29
"""Of a padded axis, which the kernels count in 32 bits."""
_WARP = 32


def pool_max(call: Call, x: Tensor, shape: PoolShape) -> Tensor | None:
    """See `Backend.pool_max`; shapes checked, gas paid."""
    return _pool(call, "pool_max", x, shape, fits)


def pool_average(call: Call, x: Tensor, shape: PoolShape) -> Tensor | None:
    """See `Backend.pool_average`; shapes checked, gas paid."""
    cells = prod(map(min, shape.kernel, shape.size))

    def proof(values: Range) -> bool:
        return fits((cells * min(values[0], 0), cells * max(values[1], 0)))

    return _pool(call, "pool_average", x, shape, proof)


def _pool(
    call: Call, kernel: str, x: Tensor, shape: PoolShape, proof: Callable[[Range], bool]
) -> Tensor | None:
    """The result of a kernel: in 64 bits where a proof says that they hold all, else wide."""
    if not _counts(shape):
        return None
    if call.domains(proof, x) is None:
        return wide_product.pooled(call, kernel, x, shape.out_items, _geometry(shape))
    data, team, count = call.operand(x), _team(shape), shape.out_items
    grid = ceil_div(count * team, THREADS), 1, 1
    geometry = _geometry(shape)

    def launch(out: Output) -> None:
        arguments = (*data.located, *out, count, team, *geometry)
        call.launch(f"pooling.{kernel}", arguments, grid=grid)

    return call.result(count, x.item_bytes, launch)


def _team(shape: PoolShape) -> int:
    """Threads for a window: a warp where there are many cells, in rows of more than a few."""
    return _WARP if shape.window_items >= _WARP and shape.kernel[2] >= _WARP // 8 else 1


def _counts(shape: PoolShape) -> bool:
    """Whether 32 bits hold the kernels' counts of items and cells."""
    extents = (
        size + abs(before) + abs(after)
        for size, (before, after) in zip(shape.size, shape.padding, strict=True)
    )
    most = max(shape.in_items, shape.out_items, shape.window_items)
    return most < MOST_ITEMS and max(extents) < _MOST_EXTENT


def _geometry(shape: PoolShape) -> tuple[int, ...]:
    """The fields of the kernels' struct PoolGeometry; a step that is never taken is 1."""
    out = shape.out_size
    stride = (s if n > 1 else 1 for s, n in zip(shape.stride, out, strict=True))
    dilation = (d if k > 1 else 1 for d, k in zip(shape.dilation, shape.kernel, strict=True))
    before, after = zip(*shape.padding, strict=True)
    axes = (*shape.size, *shape.kernel, *stride, *before, *after, *dilation, *out)
    return (*axes, shape.count_padding)
