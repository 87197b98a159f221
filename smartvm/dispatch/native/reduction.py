"""Sums, extremes and their indices along an axis; what needs over 64 bits is left to numpy."""

from __future__ import annotations

from smartvm.dispatch.movement import LAST, Reduction
from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.forms import INT32, INT64, written
from smartvm.dispatch.numpy_backend import reduction
from smartvm.dispatch.tensor import Tensor

SUM, MAX, MIN = int(Reduction.SUM), int(Reduction.MAX), int(Reduction.MIN)
LARGEST_INT32, LARGEST_INT64 = (1 << 31) - 1, (1 << 63) - 1


def reduce(x: Tensor, kind: int, axis: int, inner: int) -> Tensor:
    """See `Backend.reduce`; shapes checked, gas paid."""
    data, largest = x.data, x.magnitude * axis
    if data.ndim == 2 or (kind == SUM and largest > LARGEST_INT64):
        return reduction.reduce(x, kind, axis, inner)
    if kind == SUM:
        dtype = INT32 if largest <= LARGEST_INT32 else INT64
    else:
        dtype = data.dtype if kind in (MAX, MIN) else INT64
    last = kind >= LAST
    return written(len(data) // axis, dtype, kernels.reduce, data, kind % LAST, last, axis, inner)
