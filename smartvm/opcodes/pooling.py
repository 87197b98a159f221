"""POOL_MAX, POOL_AVG, POOL_OL: pooling of the top map (paper, Table 1)."""

from __future__ import annotations

from functools import lru_cache

from smartvm import gas, words
from smartvm.dispatch.steps import Step
from smartvm.exceptions import OperandError, ShapeError
from smartvm.opcodes.frame import (
    KEPT_DECODINGS,
    Frame,
    at_least_one,
    batch_of,
    charge_growth,
    named_fields,
    up_to,
)
from smartvm.opcodes.fusion import Follower, apply
from smartvm.shapes import NO_PADDING, UNIT, PoolShape

CEIL_MODE = 1
COUNT_PADDING = 2


def pool_max(frame: Frame) -> None:
    """Take the greatest cell of each window."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands)
    # GAS
    _charge(frame, shape, frame.buffer.top.limbs)
    # OPERATION
    apply(frame, Step("pool_max", (shape,)))


def pool_avg(frame: Frame) -> None:
    """Take the average of each window, truncated as SDIV does."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands)
    # GAS
    _charge(frame, shape, gas.sum_limbs(frame.buffer.top.limbs, shape.window_items))
    frame.consume_gas(gas.divide(shape.out_items, frame.buffer.top.limbs), "average")
    # OPERATION
    apply(frame, Step("pool_average", (shape,)))


def pool_ol(frame: Frame) -> None:
    """Take the greatest cell of each window, the windows overlapping."""
    # STACK
    operands = frame.stack_pop_ints(5)
    # SHAPE
    shape = _shape(len(frame.buffer.top), operands)
    _check_overlap(shape)
    # GAS
    _charge(frame, shape, frame.buffer.top.limbs)
    # OPERATION
    apply(frame, Step("pool_max", (shape,)))


def follow_pool_max(items: int, *operands: int) -> Follower | None:
    """POOL_MAX, of a map to come."""
    return _follow("pool_max", _shape(items, operands))


def follow_pool_avg(items: int, *operands: int) -> Follower | None:
    """POOL_AVG, of a map to come."""
    shape = _shape(items, operands)
    return _follow("pool_average", shape, gas.divide(shape.out_items, 1))


def follow_pool_ol(items: int, *operands: int) -> Follower | None:
    """POOL_OL, of a map to come."""
    shape = _shape(items, operands)
    _check_overlap(shape)
    return _follow("pool_max", shape)


def _follow(kernel: str, shape: PoolShape, division: int = 0) -> Follower | None:
    if shape.dilation != UNIT or shape.has_empty_window:  # dilated windows take long to check
        return None
    cost = gas.elementwise(_cells(shape), 1) + division
    return Follower(Step(kernel, (shape,)), shape.out_items, cost)


@lru_cache(KEPT_DECODINGS)
def _shape(items: int, operands: tuple[int, ...]) -> PoolShape:
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
    planes = channels * batch_of(items, channels * size[0] * size[1] * size[2], "channels, size")
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
    frame.consume_gas(gas.elementwise(_cells(shape), limbs), "windows")
    charge_growth(frame, shape.padded_items + shape.out_items, limbs)
    if shape.has_empty_window:
        raise ShapeError("padding", "a cell of the plane in every window", shape.padding)


def _cells(shape: PoolShape) -> int:
    """Cells that are laid out and looked at."""
    return shape.padded_items + shape.out_items * shape.window_items
