"""Arithmetic on values of a lowering, with scales and broadcasting.

BUF_BIAS, BUF_MUL and BUF_DIV see the map as (…, channels, plane) and the other operand as
(channels). That covers every operand whose axes that are not 1 lie together; others are expanded
as little as is needed for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate
from math import frexp, lcm, prod
from typing import NamedTuple

import numpy as np

from smartvm.compiler.float_model import Shape
from smartvm.compiler.integer_graph import Value, nearest_integers
from smartvm.compiler.lowering.builder import Lowering
from smartvm.compiler.lowering.registry import require
from smartvm.compiler.operations import (
    Add,
    Clip,
    Divide,
    Multiply,
    MultiplyConstant,
    Rectify,
    View,
)

MOST_AXES = 8
MOST = (1 << 255) - 1
"""A bound of BUF_CLIP that bounds nothing."""
UNBOUNDED = 1e30
"""A bound beyond this is none."""
FACTOR_BITS = 16
"""Significant bits of the smallest factor of a constant that multiplies."""

Elementwise = type[Add] | type[Multiply] | type[Divide]


class Block(NamedTuple):
    """The axes of a map that a smaller operand spans.

    Attributes:
        own: lengths of the operand along those axes, some of them 1.
        full: lengths of the map along them.
        plane: items of the map for each of their items.
    """

    own: Shape
    full: Shape
    plane: int


def block_of(shape: Shape, whole: Shape) -> Block:
    """The least run of axes of `whole` that holds all axes of `shape` that are not 1."""
    padded = (1,) * (len(whole) - len(shape)) + shape
    long = [axis for axis, length in enumerate(padded) if length != 1]
    if not long:
        return Block((), (), prod(whole))
    start, stop = long[0], long[-1] + 1
    return Block(padded[start:stop], whole[start:stop], prod(whole[stop:]))


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """The strides of a map of that shape."""
    return tuple(accumulate(reversed((*shape[1:], 1)), int.__mul__))[::-1] if shape else ()


def view(
    lowering: Lowering,
    value: str,
    dims: Sequence[int],
    strides: Sequence[int],
    offset: int = 0,
    shape: Shape | None = None,
) -> str:
    """The items at offset + Σ index·stride; `shape` is what they are called, by default `dims`.

    Axes that run on into each other are merged. A view that changes nothing appends nothing.
    """
    shape = tuple(dims) if shape is None else shape
    axes = _merged(dims, strides)
    if offset == 0 and axes == [(prod(lowering.shape_of(value)), 1)]:
        return lowering.alias(value, shape=shape)
    require(len(axes) <= MOST_AXES, f"it needs a view of {len(axes)} axes, at most {MOST_AXES}")
    lengths, steps = zip(*axes, strict=True)
    gives = Value(shape, lowering.scale_of(value))
    return lowering.add(View, value, gives=gives, dims=lengths, strides=steps, offset=offset)


def _merged(dims: Sequence[int], strides: Sequence[int]) -> list[tuple[int, int]]:
    """(length, stride) of the axes, those of one item left out, neighbours joined."""
    axes: list[tuple[int, int]] = []
    for length, stride in zip(dims, strides, strict=True):
        if length == 1:
            continue
        if axes and axes[-1][1] == length * stride:
            axes[-1] = (axes[-1][0] * length, stride)
        else:
            axes.append((length, stride))
    return axes or [(1, 1)]


def expanded(lowering: Lowering, value: str, whole: Shape) -> str:
    """The value broadcast to a shape."""
    shape = lowering.shape_of(value)
    if prod(shape) == prod(whole):
        return lowering.alias(value, shape=whole)
    padded = (1,) * (len(whole) - len(shape)) + shape
    strides = [0 if n == 1 else step for n, step in zip(padded, row_major(padded), strict=True)]
    return view(lowering, value, whole, strides)


def combined(lowering: Lowering, operation: Elementwise, a: str, b: str, scale: int) -> str:
    """An operation of two maps that broadcast to each other; the result is at `scale`."""
    whole = np.broadcast_shapes(lowering.shape_of(a), lowering.shape_of(b))
    if operation.commutes and prod(lowering.shape_of(a)) < prod(whole):
        a, b = b, a
    block = block_of(lowering.shape_of(b), whole)
    a = expanded(lowering, a, whole)
    b = expanded(lowering, lowering.alias(b, shape=block.own), block.full)
    gives, channels = Value(whole, scale), prod(block.full)
    return lowering.add(operation, a, b, gives=gives, channels=channels, plane=block.plane)


def with_integers(
    lowering: Lowering, operation: Elementwise, value: str, integers: np.ndarray, scale: int
) -> str:
    """An operation of a map and integers that broadcast to it; the result is at `scale`."""
    whole = np.broadcast_shapes(lowering.shape_of(value), integers.shape)
    value = expanded(lowering, value, whole)
    block = block_of(integers.shape, whole)
    items = np.broadcast_to(integers.reshape(block.own), block.full)
    return lowering.add(
        operation,
        value,
        lowering.integers(items),
        gives=Value(whole, scale),
        channels=items.size,
        plane=block.plane,
    )


def plus_constant(lowering: Lowering, value: str, constant: np.ndarray | float) -> str:
    """The value plus real numbers, which are rounded at its scale."""
    array, scale = np.asarray(constant), lowering.scale_of(value)
    if not array.any():
        whole = np.broadcast_shapes(lowering.shape_of(value), array.shape)
        return expanded(lowering, value, whole)
    return with_integers(lowering, Add, value, nearest_integers(array, scale), scale)


def times_constant(lowering: Lowering, value: str, constant: np.ndarray | float) -> str:
    """The value times real numbers; the result is at a scale of its own."""
    array, scale = np.asarray(constant), lowering.scale_of(value)
    if array.size == 1:
        value = expanded(
            lowering, value, np.broadcast_shapes(lowering.shape_of(value), array.shape)
        )
        return times_ratio(lowering, value, ratio_of(array.item()))
    factor = factor_scale(array, lowering.weight_scale)
    return with_integers(lowering, Multiply, value, nearest_integers(array, factor), scale * factor)


def times_ratio(lowering: Lowering, value: str, ratio: Fraction) -> str:
    """The value times a number; the result is at a scale of its own, without a division."""
    scale = lowering.scale_of(value) * ratio.denominator
    if ratio.numerator == 1:
        return lowering.alias(value, scale=scale)
    gives = Value(lowering.shape_of(value), scale)
    return lowering.add(MultiplyConstant, value, gives=gives, factor=ratio.numerator)


def ratio_of(number: float) -> Fraction:
    """A ratio of small terms within 2⁻²⁴ of a number, which is what float32 knows of it."""
    exact = Fraction(number)
    for limit in (1000, 1_000_000):
        near = exact.limit_denominator(limit)
        if abs(near - exact) <= abs(exact) / (1 << 24):
            return near
    bits = 32 - frexp(number)[1]
    return Fraction(round(exact * Fraction(2) ** bits)) / Fraction(2) ** bits


def factor_scale(array: np.ndarray, least: int) -> int:
    """A power of two at least `least`, at which the smallest factor has FACTOR_BITS bits.

    It stays so low that the largest factor fits 62 bits.
    """
    magnitudes = np.abs(array[array != 0], dtype=np.float64)
    if not magnitudes.size:
        return least
    wanted = max(least.bit_length(), FACTOR_BITS - int(np.floor(np.log2(magnitudes.min()))))
    return 1 << max(0, min(wanted, 61 - int(np.ceil(np.log2(magnitudes.max())))))


def plus(lowering: Lowering, a: str, b: str) -> str:
    """The sum of two values, at the finer of their scales or one that is a multiple of both."""
    scale = lcm(lowering.scale_of(a), lowering.scale_of(b))
    a, b = lowering.rescale(a, scale), lowering.rescale(b, scale)
    return combined(lowering, Add, a, b, scale)


def minus(lowering: Lowering, a: str, b: str) -> str:
    """The difference of two values."""
    return plus(lowering, a, negative(lowering, b))


def negative(lowering: Lowering, value: str) -> str:
    """The value's opposite."""
    return lowering.like(MultiplyConstant, value, factor=-1)


def times(lowering: Lowering, a: str, b: str) -> str:
    """The product of two values, at the product of their scales."""
    return combined(lowering, Multiply, a, b, lowering.scale_of(a) * lowering.scale_of(b))


def over(lowering: Lowering, a: str, b: str, scale: int) -> str:
    """The quotient of two values at `scale`, to nearest; a divisor of zero halts."""
    a = lowering.rescale(a, scale * lowering.scale_of(b))
    return combined(lowering, Divide, a, b, scale)


def positive_part(lowering: Lowering, value: str) -> str:
    """max(x, 0)."""
    return lowering.like(Rectify, value)


def greater(lowering: Lowering, a: str, b: str) -> str:
    """max(a, b) = a + max(b − a, 0)."""
    return plus(lowering, a, positive_part(lowering, minus(lowering, b, a)))


def lesser(lowering: Lowering, a: str, b: str) -> str:
    """min(a, b) = a − max(a − b, 0)."""
    return minus(lowering, a, positive_part(lowering, minus(lowering, a, b)))


def magnitude(lowering: Lowering, value: str) -> str:
    """|x| = 2·max(x, 0) − x."""
    return minus(lowering, doubled(lowering, positive_part(lowering, value)), value)


def doubled(lowering: Lowering, value: str) -> str:
    """2x."""
    return lowering.like(MultiplyConstant, value, factor=2)


def negative_part(lowering: Lowering, value: str) -> str:
    """min(x, 0)."""
    return lowering.like(Clip, value, low=-MOST, high=0)


def clipped(lowering: Lowering, value: str, low: float | None, high: float | None) -> str:
    """x between known bounds: ACT_RL for [0, high], BUF_CLIP for others."""
    scale = lowering.scale_of(value)
    least = None if low is None or low < -UNBOUNDED else round(Fraction(low) * scale)
    most = None if high is None or high > UNBOUNDED else round(Fraction(high) * scale)
    if least is None and most is None:
        return value
    if least == 0 and (most is None or most > 0):
        return lowering.like(Rectify, value, cap=most or 0)
    most = MOST if most is None else most
    least = -MOST if least is None else min(least, most)
    return lowering.like(Clip, value, low=least, high=most)
