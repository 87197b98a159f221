"""Convolution as a matrix product of the weights and the windows of the map.

Plain: the windows are a strided view of the padded map, laid out tile by tile (im2col). A kernel
of one cell needs no copy of its own kind; a depthwise convolution is a product of one row a group.
Transposed: the product gives what each cell adds to a kernel's extent of the result; these
overlapping blocks are added axis by axis (col2im).
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from smartvm.dispatch.numpy_backend.arithmetic import Arithmetic
from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.geometry import reach
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.numpy_backend.products import (
    FEW_PRODUCTS,
    Box,
    assemble,
    bound_of,
    boxes,
    choose,
    multiply,
)
from smartvm.dispatch.reference import convolution as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import NO_PADDING, ConvShape


def convolve(x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor:
    """See `Backend.convolve`; shapes checked, gas paid."""
    bound = bound_of(x, weights, _rows(weights.data, shape), shape.uses_per_weight)
    arithmetic = choose(bound, weights, x)
    if arithmetic.planes > 1 and shape.macs <= FEW_PRODUCTS:
        return reference.convolve(x, weights, shape)
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
    # A step that is never taken may be too large for a stride.
    steps = zip(cell, shape.dilation, shape.kernel, shape.stride, shape.out_size, strict=True)
    moves = [(c * d if k > 1 else 0, c * s if out > 1 else 0) for c, d, k, s, out in steps]
    return np.ndarray(
        (shape.groups, ins, *shape.kernel, shape.batch, *shape.out_size, *items.shape[1:]),
        padded.dtype,
        padded,
        0,
        (
            channel * ins, channel, *(within for within, _ in moves),
            batch, *(between for _, between in moves), *padded.strides[5:],
        ),
    )  # fmt: skip


def _padded(planes: Array, shape: ConvShape) -> Array:
    """Planes with zeros around them, or cropped where the padding is negative."""
    if shape.padding == NO_PADDING:
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
    """Transposed convolution, as many output planes at a time as make a tile."""
    left, cells = _spread_operands(arithmetic.view(weights), arithmetic.view(x), shape)
    sizes = (shape.batch, shape.groups, shape.out_channels // shape.groups)
    tiles = list(boxes(sizes, arithmetic.tile_items // prod(shape.out_size)))
    memo = weights.memo if len(tiles) == 1 else None
    window = prod(shape.kernel)

    def planes(batch: slice, group: slice, outs: slice) -> Array:
        rows = left[group, outs.start * window : outs.stop * window]
        return _spread_planes(arithmetic, rows, cells[group, :, batch], shape, memo)

    return to_tensor(assemble(sizes, ((box, planes(*box)) for box in tiles)))


def _spread_planes(
    arithmetic: Arithmetic, left: Array, cells: Array, shape: ConvShape, memo: dict[Any, Any] | None
) -> Array:
    """The (batch, groups, out, *out_size) numbers of some planes, the map cut into boxes."""
    groups, outs, batch = len(left), left.shape[1] // prod(shape.kernel), cells.shape[2]
    planes = batch * groups * outs
    total = arithmetic.zeros((batch, groups, outs, *shape.out_size))
    for area in boxes(shape.size, arithmetic.tile_items // (planes * prod(shape.kernel))):
        blocks = multiply(arithmetic, left, cells[:, :, :, *area], memo, raw=True)
        arithmetic.settle(blocks)
        blocks = blocks.reshape(len(blocks), groups, outs, *shape.kernel, *blocks.shape[3:])
        _add_blocks(total, np.moveaxis(blocks, 6, 1), area, shape)
    return arithmetic.finish(total)


def _spread_operands(weights: Array, items: Array, shape: ConvShape) -> tuple[Array, Array]:
    """Weights as (groups, out·kernel, in), the map as (groups, in, batch, *size[, limbs])."""
    ins = shape.in_channels // shape.groups
    left = weights.reshape(shape.groups, ins, -1, *weights.shape[1:])
    cells = items.reshape(shape.batch, shape.groups, ins, *shape.size, *items.shape[1:])
    return np.swapaxes(left, 1, 2), np.moveaxis(cells, 0, 2)


def _add_blocks(total: Array, blocks: Array, area: Box, shape: ConvShape) -> None:
    """Add blocks (…, *kernel, *area) to where they overlap in (…, *out_size), axis by axis.

    The axes that shrink most come first, so that nothing on the way is larger than the larger of
    blocks and total.
    """
    plan = []
    for axis in range(3):
        stride, dilation = shape.stride[axis], shape.dilation[axis]
        start = area[axis].start * stride - shape.padding[axis][0]
        reached = start + (area[axis].stop - area[axis].start - 1) * stride
        low = max(0, start)
        high = min(shape.out_size[axis], reached + (shape.kernel[axis] - 1) * dilation + 1)
        if low >= high:
            return
        cells = blocks.shape[4 + axis] * blocks.shape[7 + axis]
        plan.append(((high - low) / cells, axis, low, high, start))
    window = [slice(None)] * total.ndim
    for _, axis, low, high, start in sorted(plan):
        steps = shape.dilation[axis], shape.stride[axis]
        blocks = _fold(blocks, axis, steps, start - low, high - low)
        window[4 + axis] = slice(low, high)
    total[tuple(window)] += blocks[..., 0, 0, 0, :, :, :]


def _fold(blocks: Array, axis: int, steps: tuple[int, int], start: int, length: int) -> Array:
    """Add the blocks of one axis where they overlap.

    Item k of the block of cell q goes to position start + k·steps[0] + q·steps[1] of an axis of
    `length`, which takes the place of the cells; the kernel's axis is left with a length of 1.
    """
    kernel, cells = 4 + axis, 7 + axis
    sizes = list(blocks.shape)
    sizes[kernel], sizes[cells] = 1, length
    result = np.zeros(sizes, dtype=blocks.dtype)
    target = np.moveaxis(result, (kernel, cells), (0, 1))[0]
    source = np.moveaxis(blocks, (kernel, cells), (0, 1))
    if len(source) > source.shape[1]:  # loop over the fewer
        source, steps = np.swapaxes(source, 0, 1), (steps[1], steps[0])
    for index, items in enumerate(source):
        taken, where = reach(start + index * steps[0], steps[1], len(items), length)
        target[where] += items[taken]
    return result
