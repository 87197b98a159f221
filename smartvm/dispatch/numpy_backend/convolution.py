"""Convolution as a matrix product of the weights and the windows of the map.

Plain: the windows are a strided view of the padded map, laid out tile by tile (im2col). A kernel
of one cell needs no copy of its own kind; a depthwise convolution is a product of one row a group.
Transposed: the product gives what each cell adds to a kernel's extent of the result; these
overlapping blocks are added axis by axis (col2im).
"""

from __future__ import annotations

from math import prod

import numpy as np

from smartvm.dispatch.numpy_backend.arithmetic import Arithmetic
from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.numpy_backend.products import boxes, choose, multiply
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape


def convolve(x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
    """See `Backend.convolve`; shapes checked, gas paid."""
    arithmetic = choose(x, weights, _rows(weights.data, shape), shape.uses_per_weight)
    if shape.transposed:
        return _spread(arithmetic, x, weights, shape)
    windows = _windows(arithmetic.view(x), shape)
    left = _rows(arithmetic.view(weights), shape)
    result = multiply(arithmetic, left, windows, weights.memo)
    return to_tensor(np.moveaxis(result, 2, 0) if shape.batch > 1 else result)


def _rows(items: Array, shape: ConvShape) -> Array:
    """Weights as (groups, out_channels of a group, in_channels of a group, *kernel[, limbs])."""
    outs, ins = shape.out_channels // shape.groups, shape.in_channels // shape.groups
    if shape.transposed:
        stored = items.reshape(shape.groups, ins, outs, *shape.kernel, *items.shape[1:])
        return np.swapaxes(stored, 1, 2)
    return items.reshape(shape.groups, outs, ins, *shape.kernel, *items.shape[1:])


def _windows(items: Array, shape: ConvShape) -> Array:
    """A view of the padded map: (groups, in_channels, *kernel, batch, *out_size[, limbs])."""
    planes = items.reshape(shape.batch, shape.in_channels, *shape.size, *items.shape[1:])
    padded = np.ascontiguousarray(_padded(planes, shape))
    batch, channel, *cell = padded.strides[:5]
    ins = shape.in_channels // shape.groups
    return np.ndarray(
        (shape.groups, ins, *shape.kernel, shape.batch, *shape.out_size, *items.shape[1:]),
        padded.dtype,
        padded,
        0,
        (
            channel * ins, channel, *(c * d for c, d in zip(cell, shape.dilation, strict=True)),
            batch, *(c * s for c, s in zip(cell, shape.stride, strict=True)),
            *padded.strides[5:],
        ),
    )  # fmt: skip


def _padded(planes: Array, shape: ConvShape) -> Array:
    """Planes with zeros around them, or cropped where the padding is negative."""
    if not any(side for axis in shape.padding for side in axis):
        return planes
    sizes, source, target = [], [], []
    for size, (before, after) in zip(shape.size, shape.padding, strict=True):
        first, end = max(0, -before), size + min(0, after)
        sizes.append(size + before + after)
        source.append(slice(first, max(first, end)))
        target.append(slice(max(0, before), max(0, before) + max(0, end - first)))
    result = np.zeros((*planes.shape[:2], *sizes, *planes.shape[5:]), dtype=planes.dtype)
    result[(slice(None), slice(None), *target)] = planes[(slice(None), slice(None), *source)]
    return result


def _spread(arithmetic: Arithmetic, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
    """Transposed convolution: a few output planes at a time, the map cut into boxes."""
    items = arithmetic.view(x)
    ins, outs = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    cells = items.reshape(shape.batch, shape.groups, ins, *shape.size, *items.shape[1:])
    cells = np.moveaxis(cells, 0, 2)
    left = _rows(arithmetic.view(weights), shape)
