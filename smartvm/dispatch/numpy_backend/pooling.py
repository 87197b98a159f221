"""Pooling, axis by axis: the greatest of a window is that of its rows' greatest, and so its sum.

An axis is a loop over the window or over the outputs, whichever are fewer, of one vectorised step
each. Wide numbers are compared word by word and summed limb by limb.
"""

from __future__ import annotations

from math import prod
from types import EllipsisType

import numpy as np
from numpy.typing import NDArray

from smartvm.dispatch.numpy_backend import limbs
from smartvm.dispatch.numpy_backend.forms import divide_narrow, narrow_dtype, to_tensor
from smartvm.dispatch.numpy_backend.geometry import reach
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.numpy_backend.products import assemble, boxes
from smartvm.dispatch.reference import pooling as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import NO_PADDING, PoolShape

TILE_ITEMS = 1 << 17
"""Items that are pooled at a time along all axes: they stay in the cache."""
LEAST_INT64 = -(1 << 63)
FEW_CELLS = 256
"""Cells of wide sums up to which numpy's calls cost more than the same on Python integers."""


class WideMaximum:
    """np.maximum of numbers whose words are the first axis, as `limbs.sortable` gives them."""

    def __call__(self, a: Array, b: Array, out: Array) -> None:
        """The greater of a and b to `out`, which is a."""
        np.copyto(out, b, where=limbs.less(a, b))

    def reduce(self, items: Array, axis: int, out: Array, keepdims: bool) -> None:
        """The greatest along an axis, of `out` as well, which has a length of 1 there."""
        for item in np.moveaxis(items, axis, 0):
            self(out, np.expand_dims(item, axis), out)


Combine = np.ufunc | WideMaximum


def pool_max(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_max`; shapes checked, gas paid."""
    if not x.is_wide:
        planes = x.data.reshape(shape.planes, *shape.size)
        least = np.iinfo(x.data.dtype).min
        return to_tensor(_pool(planes, shape, np.maximum, least, x.data.dtype))
    items = limbs.sortable(x.data, x.limbs)
    planes = items.reshape(len(items), shape.planes, *shape.size)
    greatest = _pool(planes, shape, WideMaximum(), LEAST_INT64, items.dtype, whole=1)
    return to_tensor(limbs.unsorted(greatest.reshape(len(items), -1)))


def pool_average(x: Tensor, shape: PoolShape) -> Tensor:
    """See `Backend.pool_average`; shapes checked, gas paid."""
    bound = x.magnitude * prod(map(min, shape.kernel, shape.size))
    dtype = narrow_dtype(-bound, bound)
    if dtype is None and max(len(x), shape.out_items * shape.window_items) <= FEW_CELLS:
        return reference.pool_average(x, shape)
    divisor = _divisors(shape)
    if dtype is not None:
        sums = _pool(x.data.reshape(shape.planes, *shape.size), shape, np.add, 0, dtype)
        return to_tensor(divide_narrow(sums.reshape(-1), divisor, nearest=False))
    items = np.moveaxis(x.wide().reshape(shape.planes, *shape.size, -1), -1, 0)
    sums = _pool(items, shape, np.add, 0, np.dtype(np.int64))
    return to_tensor(limbs.divide(limbs.pack(sums.reshape(len(items), -1)), divisor))


def _divisors(shape: PoolShape) -> int | NDArray[np.uint64]:
    """What each output's sum is divided by: one number if it is the same for all."""
    if shape.padding == NO_PADDING and not shape.ceil_mode:
        return shape.window_items
    counts = [_counts(shape, axis) for axis in range(3)]
    plane = counts[0][:, None, None] * counts[1][:, None] * counts[2]
    return np.tile(plane.reshape(-1), shape.planes)


def _counts(shape: PoolShape, axis: int) -> NDArray[np.uint64]:
    """How many cells each window of an axis counts, as `PoolShape.windows` has it."""
    (before, after), size, outs = shape.padding[axis], shape.size[axis], shape.out_size[axis]
    low, high = (
        (-before, size + after) if shape.count_padding else (max(0, -before), size + min(0, after))
    )
    # A step that is never taken may be too large for an array.
    kernel, stride = shape.kernel[axis], shape.stride[axis] if outs > 1 else 0
    step = shape.dilation[axis] if kernel > 1 else 1
    starts = np.arange(outs) * stride - before
    first = np.maximum(-((starts - low) // step), 0)
    end = np.minimum(-((starts - high) // step), kernel)
    counts: NDArray[np.int64] = np.maximum(end - first, 0)
    return counts.astype(np.uint64)


def _pool(
    items: Array, shape: PoolShape, combine: Combine, neutral: int, dtype: np.dtype, whole: int = 0
) -> Array:
    """Pool (…, *size) items of `dtype` over all axes; `neutral` is what empty cells count as.

    The first `whole` axes are never cut: `combine` looks at all of them.
    """
    lead = items.shape[whole:-3]
    # The axes that shrink most come first, to leave less to the others.
    axes = sorted(range(3), key=lambda axis: shape.out_size[axis] / shape.size[axis])

    def tile(part: Array) -> Array:
        part = part.astype(dtype, copy=False)
        for axis in axes:
            part = _pool_axis(part, axis, shape, combine, neutral)
        return part

    every = (slice(None),) * whole
    cuts = boxes(lead, TILE_ITEMS // prod(shape.size))
    return assemble(lead, ((box, tile(items[every + box])) for box in cuts), whole)


def _pool_axis(items: Array, axis: int, shape: PoolShape, combine: Combine, neutral: int) -> Array:
    (before, after), outs = shape.padding[axis], shape.out_size[axis]
    kernel, stride, step = shape.kernel[axis], shape.stride[axis], shape.dilation[axis]
    if kernel == stride == 1 and before == after == 0:
        return items
    first = max(0, -before)  # a negative padding crops
    length = shape.size[axis] + min(0, after) - first
    items = items[_along(axis, slice(first, first + length))]
    sizes = list(items.shape)
    sizes[axis - 3] = outs
    result = np.full(sizes, neutral, dtype=items.dtype)
    if kernel <= outs:
        for k in range(kernel):
            taken, cells = reach(k * step - before - first, stride, outs, length)
            target = result[_along(axis, taken)]
            combine(target, items[_along(axis, cells)], out=target)
    else:
        for out in range(outs):
            _, cells = reach(out * stride - before - first, step, kernel, length)
            target = result[_along(axis, slice(out, out + 1))]
            combine.reduce(items[_along(axis, cells)], axis=axis - 3, out=target, keepdims=True)
    return result


def _along(axis: int, part: slice) -> tuple[EllipsisType | slice, ...]:
    """The index of a part of a spatial axis, of three, in an array that ends in them."""
    return (..., part, *(slice(None),) * (2 - axis))
