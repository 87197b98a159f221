"""Sums, extremes and their indices along an axis: a thread, a warp or a block for each result."""

from __future__ import annotations

from smartvm.dispatch.cupy_backend import wide_product
from smartvm.dispatch.cupy_backend.calls import Call, Output, Range, fits
from smartvm.dispatch.cupy_backend.device import THREADS
from smartvm.dispatch.cupy_backend.direct import MOST_ITEMS
from smartvm.dispatch.cupy_backend.packing import ceil_div
from smartvm.dispatch.movement import LAST, Reduction
from smartvm.dispatch.tensor import Tensor

__all__ = ["reduce"]

_WARP = 32
_LONG = 4096
"""Of an axis: items from which a block takes each result, if results are few."""
_SHARED = 16 * (THREADS // _WARP)
"""Bytes of shared memory that a block takes for what its warps have found."""


def reduce(call: Call, x: Tensor, kind: int, axis: int, inner: int) -> Tensor | None:
    """See `Backend.reduce`; shapes checked, gas paid."""
    sums = kind == Reduction.SUM

    def proof(values: Range) -> bool:
        return fits((axis * min(values[0], 0), axis * max(values[1], 0)) if sums else values)

    if not 0 < len(x) < MOST_ITEMS:
        return None
    if call.domains(proof, x) is None:
        kernel = "sum" if sums else "extreme"
        return wide_product.reduced(call, kernel, x, (axis, inner, *map(abs, _fields(kind))))
    data, count = call.operand(x), len(x) // axis
    team = _team(axis, inner, count, call.device.processors)
    first = (count, axis, inner, team, *_fields(kind))
    grid = ceil_div(count * team, THREADS), 1, 1

    def launch(out: Output) -> None:
        arguments = (*data.located, *out, *first)
        kernel = "reduction.sum" if sums else "reduction.extreme"
        call.launch(kernel, arguments, grid=grid, shared=_SHARED if team > _WARP else 0)

    return call.result(count, _likely_bytes(x, kind, axis), launch)


def _likely_bytes(x: Tensor, kind: int, axis: int) -> int:
    if kind == Reduction.SUM:
        return max(4, x.item_bytes)
    if kind in (Reduction.MAX, Reduction.MIN):
        return x.item_bytes
    return 2 if axis <= 1 << 15 else 4


def _fields(kind: int) -> tuple[int, int, int]:
    """Flip, order and whether the index is wanted, as the kernel's struct has them."""
    base = kind & ~LAST
    flip = -1 if base in (Reduction.MIN, Reduction.ARG_MIN) else 0
    wants_index = base in (Reduction.ARG_MAX, Reduction.ARG_MIN)
    if kind == Reduction.SUM:
        return 0, 0, 0
    return flip, 0 if kind & LAST else -1, int(wants_index)


def _team(axis: int, inner: int, count: int, processors: int) -> int:
    """Threads for a result: one where there are many, side by side, or little to do."""
    many = count >= processors * THREADS * 4
    if axis < _WARP or (many and inner >= _WARP):
        return 1
    return THREADS if axis >= _LONG and count < processors * THREADS // _WARP else _WARP
