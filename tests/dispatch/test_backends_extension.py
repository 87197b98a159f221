"""Every backend gives the reference's bits in the kernels of the extension page."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from random import Random
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from smartvm.dispatch import Backend, available_backends, make_dispatcher
from smartvm.dispatch.functions import Function
from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DivisionByZero, DNNError, ItemRangeError
from smartvm.shapes import MatmulShape

REFERENCE = ReferenceBackend()
OTHERS = [make_dispatcher(name) for name in available_backends() if name != "reference"]
every_backend = pytest.mark.parametrize("backend", OTHERS, ids=str)

LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
# Around these powers of two a value changes its form, or an operation its arithmetic.
EDGES = (0, 1, 7, 8, 15, 16, 31, 32, 47, 48, 56, 62, 63, 64, 127, 128, 191, 192, 254, 255)
LENGTHS = st.sampled_from([1, 2, 3, 4, 6, 12, 30, 150, 264])
"""Short maps, and some beyond the length up to which a backend may count on Python integers."""


def values(bits: int) -> st.SearchStrategy[int]:
    """Small numbers, 2^bits and its neighbours, and any numbers up to that size."""
    near = st.sampled_from([sign * (1 << bits) + step for sign in (1, -1) for step in (-1, 0, 1)])
    anything = st.one_of(st.integers(-3, 3), near, st.integers(-(1 << bits), 1 << bits))
    return anything.map(lambda value: max(LOWEST, min(HIGHEST, value)))


def run_of(pool: list[int], length: int, seed: int) -> Tensor:
    """A tensor of `length` items of a pool."""
    return Tensor.from_ints(Random(seed).choices(pool, k=length))


@st.composite
def tensors(draw: Any, length: int, *, zero: bool = True) -> Tensor:
    """A tensor of a few different values, up to a size that is itself often at an edge."""
    items = values(draw(st.sampled_from(EDGES)))
    items = items if zero else items.map(lambda value: value or 7)
    pool = draw(st.lists(items, min_size=1, max_size=6))
    return run_of(pool, length, draw(st.integers(0, 999)))


def assert_same(backend: Backend, call: Callable[[Backend], Tensor]) -> None:
    """The result or the error is the reference's, and does not wrap or fail on the way."""
    try:
        expected = call(REFERENCE)
    except DNNError as error:
        with pytest.raises(type(error)) as found:
            call(backend)
        assert str(found.value) == str(error)
        return
    found = call(backend)
    assert found == expected
    assert found.bounds == expected.bounds


@st.composite
def views(draw: Any) -> tuple[Tensor, int, tuple[int, ...], tuple[int, ...]]:
    """A map, and an offset, lengths and strides that stay in it."""
    axes = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(-7, 7)), max_size=8))
    assume(prod(length for length, _ in axes) <= 3_000)
    before = -sum(min(0, (length - 1) * stride) for length, stride in axes)
    after = sum(max(0, (length - 1) * stride) for length, stride in axes)
    offset = before + draw(st.integers(0, 3))
    x = draw(tensors(offset + after + 1 + draw(st.integers(0, 3))))
    return x, offset, tuple(a for a, _ in axes), tuple(b for _, b in axes)


@every_backend
@given(case=views())
@example(case=(Tensor.from_ints([5, 1 << 200]), 1, (1,) * 8, (1 << 63,) * 8))
@example(case=(Tensor.from_ints([5]), 0, (100, 50), (0, 0)))
def test_view(backend: Backend, case: Any) -> None:
    assert_same(backend, lambda kernels: kernels.view(*case))


@every_backend
@given(data=st.data(), outer=st.integers(1, 4))
def test_concatenate(backend: Backend, data: st.DataObject, outer: int) -> None:
    lengths = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    parts = [data.draw(tensors(outer * length)) for length in lengths]
    assert_same(backend, lambda kernels: kernels.concatenate(parts, outer))


@every_backend
@given(data=st.data(), rows=st.integers(1, 9), columns=st.integers(1, 3), length=LENGTHS)
def test_gather(
    backend: Backend, data: st.DataObject, rows: int, columns: int, length: int
) -> None:
    table = data.draw(tensors(rows * columns))
    pool = data.draw(st.lists(st.integers(-rows, rows - 1), min_size=1))
    indices = run_of(pool, length, 0)
    assert_same(backend, lambda kernels: kernels.gather(indices, table, columns))


@every_backend
@pytest.mark.parametrize("index", [3, -4, LOWEST, HIGHEST])
def test_gather_outside(backend: Backend, index: int) -> None:
    indices, table = Tensor.from_ints([0, index]), Tensor.from_ints(range(6))
    assert_same(backend, lambda kernels: kernels.gather(indices, table, 2))
    with pytest.raises(ItemRangeError):
        REFERENCE.gather(indices, table, 2)


@st.composite
def broadcasts(draw: Any, *, zero: bool = True) -> tuple[Tensor, Tensor, int]:
    """A map, a tensor of channels and the plane of each."""
    outer, channels, plane = draw(LENGTHS), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    x = draw(tensors(outer * channels * plane))
    return x, draw(tensors(channels, zero=zero)), plane


@every_backend
@given(case=broadcasts())
def test_multiply_by(backend: Backend, case: Any) -> None:
    assert_same(backend, lambda kernels: kernels.multiply_by(*case))


@every_backend
@given(case=broadcasts(zero=False), nearest=st.booleans())
def test_divide_by(backend: Backend, case: Any, nearest: bool) -> None:
    assert_same(backend, lambda kernels: kernels.divide_by(*case, nearest))


@every_backend
@pytest.mark.parametrize("divisors", [[0], [5, 0], [1 << 200, 0]], ids=str)
@pytest.mark.parametrize("length", [2, 200])
def test_divide_by_zero(backend: Backend, divisors: list[int], length: int) -> None:
    x, over = Tensor.full(length, 1 << 100), Tensor.from_ints(divisors)
    assert_same(backend, lambda kernels: kernels.divide_by(x, over, 1, nearest=True))
    with pytest.raises(DivisionByZero):
        REFERENCE.divide_by(x, over, 1, nearest=True)


@every_backend
@given(data=st.data(), length=LENGTHS)
def test_clip(backend: Backend, data: st.DataObject, length: int) -> None:
    x = data.draw(tensors(length))
    ends = st.one_of(st.sampled_from(x.to_ints()), st.sampled_from(EDGES).flatmap(values))
    low, high = sorted(data.draw(st.tuples(ends, ends)))
    assert_same(backend, lambda kernels: kernels.clip(x, low, high))


@every_backend
@given(data=st.data(), kind=st.sampled_from(Reduction))
def test_reduce(backend: Backend, data: st.DataObject, kind: Reduction) -> None:
    outer, axis = data.draw(st.integers(1, 30)), data.draw(st.integers(1, 9))
    inner = data.draw(st.integers(1, 3))
    x = data.draw(tensors(outer * axis * inner))
    assert_same(backend, lambda kernels: kernels.reduce(x, kind, axis, inner))


@every_backend
@given(data=st.data(), transposed=st.tuples(st.booleans(), st.booleans()))
def test_a_batch_of_products(
    backend: Backend, data: st.DataObject, transposed: tuple[bool, bool]
) -> None:
    sizes = data.draw(st.tuples(*[st.integers(1, 4)] * 3))
    shape = MatmulShape(*sizes, *transposed, batch=data.draw(st.integers(1, 5)))
    a = data.draw(tensors(shape.batch * shape.rows * shape.inner))
    b = data.draw(tensors(shape.batch * shape.inner * shape.columns))
    assert_same(backend, lambda kernels: kernels.matmul(a, b, shape))


SCALES = st.one_of(
    st.integers(1, 300),
    st.sampled_from([1 << 15, 1 << 16, 1 << 40, (1 << 40) + 1, 1 << 46, (1 << 46) + 1]),
    st.integers(1, (1 << 64) - 1),
)


@st.composite
def arguments(draw: Any) -> tuple[Tensor, int, Function]:
    """Items where a function varies, items anywhere, and a scale."""
    scale, function = draw(SCALES), draw(st.sampled_from(Function))
    small = st.integers(-8 * scale, 8 * scale)
    anywhere = st.sampled_from(EDGES).flatmap(values)
    items = draw(st.lists(st.one_of(small, small, anywhere), min_size=1, max_size=12))
    if function == Function.EXP:
        items = [min(item, 130 * scale) for item in items]
    elif function in (Function.LOG, Function.SQRT):
        items = [min(abs(item), HIGHEST) or 1 for item in items]
    return Tensor.from_ints(items), scale, function


@every_backend
@given(case=arguments())
def test_function(backend: Backend, case: Any) -> None:
    assert_same(backend, lambda kernels: kernels.function(*case))


@every_backend
@given(
    scale=SCALES, item=st.sampled_from(EDGES).flatmap(values), function=st.sampled_from(Function)
)
def test_function_outside_its_domain(
    backend: Backend, scale: int, item: int, function: Function
) -> None:
    x = Tensor.from_ints([1, item])
    assert_same(backend, lambda kernels: kernels.function(x, scale, function))
