"""What leaves 64 bits: products, pooling, reduction and movement modulo 2²⁵⁶."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import (
    convolution,
    linear,
    movement,
    pooling,
    reduction,
    wide_product,
)
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import ConvShape, MatmulShape, PoolShape

Agree = Callable[..., None]
EDGES = (0, 31, 62, 63, 64, 127, 128, 192, 254, 255)


def tensors(length: int) -> st.SearchStrategy[Tensor]:
    """Values around powers of two up to 2²⁵⁵, most of them drawn again and again."""
    near = st.builds(lambda edge, step: (1 << edge) + step, st.sampled_from(EDGES), st.just(-1))
    value = near | st.integers(-3, 3) | st.builds(lambda x: ~x, near)
    pool = st.lists(value, min_size=1, max_size=6)
    return st.builds(
        lambda values, step: Tensor.from_ints(
            values[(i * step + i // 3) % len(values)] for i in range(length)
        ),
        pool,
        st.integers(1, 7),
    )


@st.composite
def convolutions(draw: st.DrawFn) -> ConvShape:
    axes = st.integers(1, 4), st.integers(1, 3), st.integers(1, 2), st.integers(1, 2)
    size, kernel, stride, dilation = (tuple(draw(axis) for _ in range(3)) for axis in axes)
    padding = tuple((draw(st.integers(-1, 1)), draw(st.integers(-1, 1))) for _ in range(3))
    groups = draw(st.integers(1, 2))
    channels = groups * draw(st.integers(1, 2)), groups * draw(st.integers(1, 3))
    shape = ConvShape(
        draw(st.integers(1, 2)), *channels, groups, size, kernel, stride, padding, dilation,
        draw(st.booleans()),
    )  # fmt: skip
    try:
        assume(0 < shape.out_items < 500)
    except ShapeError:
        assume(False)
    return shape


@settings(max_examples=40)
@given(data=st.data(), shape=convolutions())
def test_convolutions(agree: Agree, data: st.DataObject, shape: ConvShape) -> None:
    x, weights = data.draw(tensors(shape.in_items)), data.draw(tensors(shape.weight_items))
    agree(wide_product.convolve, x, weights, shape)


@settings(max_examples=40)
@given(data=st.data(), sides=st.tuples(st.booleans(), st.booleans()))
def test_matmul(agree: Agree, data: st.DataObject, sides: tuple[bool, bool]) -> None:
    rows, inner, columns, batch = (data.draw(st.integers(1, 5)) for _ in range(4))
    shape = MatmulShape(rows, inner, columns, *sides, batch=batch)
    a, b = data.draw(tensors(batch * rows * inner)), data.draw(tensors(batch * inner * columns))
    agree(wide_product.matmul, a, b, shape)


@settings(max_examples=40)
@given(data=st.data(), kernel=st.sampled_from([pooling.pool_max, pooling.pool_average]))
def test_pooling(agree: Agree, data: st.DataObject, kernel: Any) -> None:
    window = tuple(data.draw(st.integers(2, 3)) for _ in range(3))
    padding = ((0, 0), (1, 1), (-1, 1))
    shape = PoolShape(
        2, (3, 4, 4), window, (1, 2, 1), padding, count_padding=data.draw(st.booleans())
    )
    agree(kernel, data.draw(tensors(shape.in_items)), shape)


@settings(max_examples=60)
@given(data=st.data(), kind=st.sampled_from(Reduction))
def test_reductions(agree: Agree, data: st.DataObject, kind: Reduction) -> None:
    outer, axis, inner = (data.draw(st.integers(1, most)) for most in (3, 9, 3))
    agree(reduction.reduce, data.draw(tensors(outer * axis * inner)), kind, axis, inner)


@pytest.mark.parametrize("axis", [2, 3, 40])
def test_sums_that_just_leave_64_bits(agree: Agree, axis: int) -> None:
    most = ((1 << 63) - 1) // axis
    for value in (most, most + 1, -most - 1):
        agree(reduction.reduce, Tensor.from_ints([value] * axis), Reduction.SUM, axis, 1)
        agree(pooling.pool_average, Tensor.from_ints([value] * axis), PoolShape(
            1, (1, 1, axis), (1, 1, axis), (1, 1, 1)
        ))  # fmt: skip


@settings(max_examples=30)
@given(data=st.data())
def test_movement(agree: Agree, data: st.DataObject) -> None:
    x = data.draw(tensors(12))
    agree(movement.view, x, 11, (2, 3, 2), (-1, -2, -6))
    agree(movement.concatenate, [x, Tensor.from_ints(range(6)), x], 3)
    agree(movement.gather, Tensor.from_ints([0, -1, 2, -4]), x, 3)


def test_a_wide_call_is_not_repeated(emulators: list[Any]) -> None:
    call = Call(Segment(emulators[0]))
    wide = Tensor.from_ints([1 << 100])
    assert wide_product.matmul(call, wide, wide, MatmulShape(1, 1, 1)) is not None
    assert not call.segment.replayable


def test_products_that_leave_64_bits_go_wide(agree: Agree) -> None:
    """All that the tensor cores and the ordinary ones decline."""
    most = Tensor.from_ints([(1 << 63) - 1, 1, -(1 << 63), 3])
    agree(linear.matmul, most, most, MatmulShape(2, 2, 2))
    shape = ConvShape(1, 1, 1, 1, (1, 2, 2), (1, 2, 2))
    agree(convolution.convolve, most, Tensor.from_ints([1 << 200, 2, 3, -4]), shape)
