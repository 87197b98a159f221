"""Pooling; what needs more than 64 bits is left to numpy.

Neither a window's greatest cell nor its average is beyond the map's bounds, so that results fit
the map's own form.
"""

from __future__ import annotations

from math import prod

from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.forms import written
from smartvm.dispatch.numpy_backend import pooling
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import PoolShape

LARGEST_INT64 = (1 << 63) - 1


def pool_max(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_max`; shapes checked, gas paid."""
    if x.data.ndim == 2:
        return pooling.pool_max(x, shape)
    return _pooled(x, shape, False, 8)


def pool_average(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_average`; shapes checked, gas paid.

    A sum, and a window's count of cells, are at most that of a window whose cells all count.
    """
    largest = max(x.magnitude, 1) * prod(shape.kernel)
    if x.data.ndim == 2 or largest > LARGEST_INT64:
        return pooling.pool_average(x, shape)
    return _pooled(x, shape, True, 4 if largest < 1 << 31 else 8)


def _pooled(x: Tensor, shape: PoolShape, average: bool, sum_bytes: int) -> Tensor:
    return written(
        shape.out_items,
        x.data.dtype,
        kernels.pool,
        x.data,
        shape.planes,
        shape.size,
        shape.kernel,
        shape.stride,
        shape.padding,
        shape.dilation,
        shape.out_size,
        shape.count_padding,
        average,
        sum_bytes,
    )
