"""Every backend gives the reference's bits, for any shapes, any signs and any magnitudes."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smartvm.dispatch import Backend, available_backends, make_dispatcher
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import NO_PADDING, ConvShape, MatmulShape, Padding, PoolShape, Spatial

REFERENCE = ReferenceBackend()
OTHERS = [make_dispatcher(name) for name in available_backends() if name != "reference"]
every_backend = pytest.mark.parametrize("backend", OTHERS, ids=str)
thoroughly = settings(max_examples=5 * settings().max_examples)

LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
# Around these powers of two a value changes its form, or a sum its arithmetic.
EDGES = (0, 1, 7, 8, 11, 12, 15, 16, 20, 23, 24, 26, 31, 32, 47, 48, 52, 53, 55, 56, 62, 63, 64,
         100, 127, 128, 191, 192, 254, 255)  # fmt: skip


def around(bits: int) -> st.SearchStrategy[int]:
    """2^bits and its neighbours, of either sign."""
    near = st.sampled_from([(1 << bits) + step for step in (-1, 0, 1)])
    return st.builds(lambda value, sign: value * sign, near, st.sampled_from([1, -1]))


def values(bits: int) -> st.SearchStrategy[int]:
    """Small numbers, numbers at edges up to 2^bits, and any of up to that size."""
    edges = st.sampled_from([edge for edge in EDGES if edge <= bits]).flatmap(around)
    anything = st.integers(-(1 << bits), 1 << bits)
    kept = st.one_of(st.integers(-3, 3), around(bits), edges, anything)
    return kept.map(lambda value: max(LOWEST, min(HIGHEST, value)))


@st.composite
def tensors(draw: Any, length: int) -> Tensor:
    """A tensor of a few different values, up to a size that is itself often at an edge."""
    bits = draw(st.sampled_from(EDGES))
    pool = draw(st.lists(values(bits), min_size=1, max_size=6))
    return Tensor.from_ints(Random(draw(st.integers(0, 999))).choices(pool, k=length))


def three(low: int, high: int, *, flat: bool) -> st.SearchStrategy[Spatial]:
    one = st.integers(low, high)
    return st.tuples(st.just(1) if flat else one, one, one)


def paddings(*, flat: bool) -> st.SearchStrategy[Padding]:
    one = st.tuples(st.integers(-2, 3), st.integers(-2, 3))
    return st.tuples(st.just((0, 0)) if flat else one, one, one)


@st.composite
def conv_shapes(draw: Any, *, transposed: bool) -> ConvShape:
    flat, groups = draw(st.booleans()), draw(st.integers(1, 3))
    channels = st.integers(1, 3).map(lambda count: count * groups)
    shape = ConvShape(
        batch=draw(st.integers(1, 2)),
        in_channels=draw(channels),
        out_channels=draw(channels),
        groups=groups,
        size=draw(three(1, 5, flat=flat)),
        kernel=draw(three(1, 3, flat=flat)),
        stride=draw(three(1, 3, flat=flat)),
        padding=draw(st.just(NO_PADDING) | paddings(flat=flat)),
        dilation=draw(three(1, 2, flat=flat)),
        transposed=transposed,
    )
    assume(is_valid(shape) and shape.macs < 4_000)
    return shape


@st.composite
def pool_shapes(draw: Any) -> PoolShape:
    flat = draw(st.booleans())
    shape = PoolShape(
        planes=draw(st.integers(1, 3)),
        size=draw(three(1, 6, flat=flat)),
        kernel=draw(three(1, 4, flat=flat)),
        stride=draw(three(1, 4, flat=flat)),
        padding=draw(st.just(NO_PADDING) | paddings(flat=flat)),
        dilation=draw(three(1, 2, flat=flat)),
        ceil_mode=draw(st.booleans()),
        count_padding=draw(st.booleans()),
    )
    assume(is_valid(shape))
    assume(all(inside for axis in range(3) for _, inside, _ in shape.windows(axis)))
    return shape


def is_valid(shape: ConvShape | PoolShape) -> bool:
    try:
        return all(shape.out_size)
    except ShapeError:
        return False


def agree(backend: Backend, kernel: Callable[[Backend], Tensor]) -> None:
    """Values, form and bounds are the reference's."""
    expected, found = kernel(REFERENCE), kernel(backend)
    assert found.to_ints() == expected.to_ints()
    assert found == expected
    assert found.bounds == expected.bounds


@every_backend
@pytest.mark.parametrize("transposed", [False, True])
@thoroughly
@given(data=st.data())
def test_convolve(backend: Backend, transposed: bool, data: st.DataObject) -> None:
    shape = data.draw(conv_shapes(transposed=transposed))
    x, weights = data.draw(tensors(shape.in_items)), data.draw(tensors(shape.weight_items))
    agree(backend, lambda b: b.convolve(x, weights, shape))


@every_backend
@thoroughly
@given(data=st.data())
def test_matmul(backend: Backend, data: st.DataObject) -> None:
    sizes = [data.draw(st.integers(1, 8)) for _ in range(3)]
    shape = MatmulShape(*sizes, data.draw(st.booleans()), data.draw(st.booleans()))
    a = data.draw(tensors(shape.rows * shape.inner))
    b = data.draw(tensors(shape.inner * shape.columns))
    agree(backend, lambda backend: backend.matmul(a, b, shape))


@every_backend
@thoroughly
@given(data=st.data())
def test_pool_max(backend: Backend, data: st.DataObject) -> None:
    shape = data.draw(pool_shapes())
    x = data.draw(tensors(shape.in_items))
    agree(backend, lambda b: b.pool_max(x, shape))


@every_backend
@thoroughly
@given(data=st.data())
def test_pool_average(backend: Backend, data: st.DataObject) -> None:
    shape = data.draw(pool_shapes())
    x = data.draw(tensors(shape.in_items))
    agree(backend, lambda b: b.pool_average(x, shape))


lengths = st.sampled_from([1, 2, 24, 64, 65, 96])


@every_backend
@thoroughly
@given(data=st.data(), length=lengths)
def test_add(backend: Backend, data: st.DataObject, length: int) -> None:
    channels = data.draw(st.sampled_from([c for c in range(1, 9) if length % c == 0]))
    rest = length // channels
    plane = data.draw(st.sampled_from([p for p in range(1, rest + 1) if rest % p == 0]))
    x, addend = data.draw(tensors(length)), data.draw(tensors(channels))
    agree(backend, lambda b: b.add(x, addend, plane))


@every_backend
@thoroughly
@given(data=st.data(), length=lengths, factor=st.sampled_from(EDGES).flatmap(values))
def test_multiply(backend: Backend, data: st.DataObject, length: int, factor: int) -> None:
    x = data.draw(tensors(length))
    agree(backend, lambda b: b.multiply(x, factor))


fields = st.sampled_from([edge for edge in EDGES if edge <= 64]).flatmap(values)
divisors = fields.map(lambda value: min(abs(value), (1 << 64) - 1) or 1)


@every_backend
@thoroughly
@given(data=st.data(), length=lengths, divisor=divisors, nearest=st.booleans())
def test_divide(
    backend: Backend, data: st.DataObject, length: int, divisor: int, nearest: bool
) -> None:
    x = data.draw(tensors(length))
    agree(backend, lambda b: b.divide(x, divisor, nearest))


@every_backend
@thoroughly
@given(data=st.data(), length=lengths, divisor=divisors, quotient=st.integers(-9, 9))
def test_divide_at_a_tie(
    backend: Backend, data: st.DataObject, length: int, divisor: int, quotient: int
) -> None:
    tie = quotient * divisor + divisor // 2
    high = data.draw(st.sampled_from([0, 3 << 100]))  # makes the tensor wide
    x = Tensor.from_ints([tie + step for step in (-1, 0, 1)] * length + [high])
    agree(backend, lambda b: b.divide(x, divisor, True))


@every_backend
@thoroughly
@given(
    data=st.data(),
    length=lengths,
    cap=st.just(0) | divisors,
    numerator=st.just(0) | divisors,
    denominator=divisors,
)
def test_relu(
    backend: Backend,
    data: st.DataObject,
    length: int,
    cap: int,
    numerator: int,
    denominator: int,
) -> None:
    x = data.draw(tensors(length))
    agree(backend, lambda b: b.relu(x, cap, (numerator, denominator)))
