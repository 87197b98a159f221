"""POOL_MAX, POOL_AVG, POOL_OL: pooling of the top map (paper, Table 1)."""

from __future__ import annotations

from smartvm import gas, words
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.frame import (
    Frame,
    at_least_one,
    batch_of,
    charge_growth,
    named_fields,
    up_to,
)
from smartvm.shapes import NO_PADDING, PoolShape

CEIL_MODE = 1
COUNT_PADDING = 2


def pool_max(frame: Frame) -> None:
    """Take the greatest cell of each window."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(frame, operands)
    # GAS
    _charge(frame, shape, frame.buffer.top.limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.pool_max(frame.buffer.top, shape))


def pool_avg(frame: Frame) -> None:
    """Take the average of each window, truncated as SDIV does."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(frame, operands)
    # GAS
    _charge(frame, shape, gas.sum_limbs(frame.buffer.top.limbs, shape.window_items))
    frame.consume_gas(gas.divide(shape.out_items, frame.buffer.top.limbs), "average")
    # OPERATION
    frame.buffer.replace(frame.kernels.pool_average(frame.buffer.top, shape))


def pool_ol(frame: Frame) -> None:
    """Take the greatest cell of each window, the windows overlapping."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(frame, operands)
    _check_overlap(shape)
    # GAS
    _charge(frame, shape, frame.buffer.top.limbs)
    # OPERATION
    frame.buffer.replace(frame.kernels.pool_max(frame.buffer.top, shape))


def _shape(frame: Frame, operands: tuple[int, ...]) -> PoolShape:
    channels_word, size_word, kernel_word, stride_word, padding_word = operands
    channels, flags, dilation = named_fields(channels_word, 3, "channels")
    at_least_one(channels, "channels")
    up_to(flags, CEIL_MODE | COUNT_PADDING, "flags")
    size = words.spatial(size_word, "size")
    kernel = words.spatial(kernel_word, "kernel")
    stride = words.spatial(stride_word, "stride")
    padding = words.padding(padding_word, "padding")
    if not words.names_depth(size_word):
        size, kernel, stride = (1, *size[1:]), (1, *kernel[1:]), (1, *stride[1:])
        padding = (NO_PADDING[0], *padding[1:])
    for length in size:
        at_least_one(length, "size")
    kernel = (kernel[0] or size[0], kernel[1] or size[1], kernel[2] or size[2])
    stride = (stride[0] or kernel[0], stride[1] or kernel[1], stride[2] or kernel[2])
    planes = channels * batch_of(frame, channels * size[0] * size[1] * size[2], "channels, size")
    step = dilation or 1
    shape = PoolShape(
        planes,
        size,
        kernel,
        stride,
        padding,
        (step, step, step),
        bool(flags & CEIL_MODE),
        bool(flags & COUNT_PADDING),
    )
    shape.out_size  # noqa: B018 - raises where the kernel does not fit
    return shape


def _check_overlap(shape: PoolShape) -> None:
    pairs = list(zip(shape.stride, shape.kernel, strict=True))
    if any(s > k for s, k in pairs) or not any(s < k for s, k in pairs):
        raise OperandError("stride", f"less than the kernel {shape.kernel}", shape.stride)


def _charge(frame: Frame, shape: PoolShape, limbs: int) -> None:
    """Pay for the windows' cells, then see that each window has one."""
    cells = shape.padded_items + shape.out_items * shape.window_items
    frame.consume_gas(gas.elementwise(cells, limbs), "windows")
    charge_growth(frame, shape.padded_items + shape.out_items, limbs)
    for axis in range(3):
        if shape.misses_plane(axis):
            raise ShapeError("padding", "a cell of the plane in every window", shape.padding)
