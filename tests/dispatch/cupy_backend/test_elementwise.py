"""Kernels that take each item by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import elementwise
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.cupy_backend.tensors import OnDevice
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DivisionByZero

LENGTHS = st.sampled_from([1, 3, 4, 5, 130, 1030])
BITS = st.sampled_from([15, 31, 62, 64, 130])
FIELDS = st.sampled_from([1, 2, 3, 7, 255, 1 << 32, (1 << 63) + 1, (1 << 64) - 1])
SHAPES = st.sampled_from([(1, 1, 1), (1, 130, 1), (2, 3, 5), (3, 2, 4), (2, 7, 1), (1, 1, 600)])
few = settings(max_examples=25)


@few
@given(data=st.data())
def test_clip(agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject) -> None:
    x = data.draw(edge_tensors(data.draw(LENGTHS), data.draw(BITS)))
    limits = st.integers(-(1 << 70), 1 << 70) | st.sampled_from([-(1 << 63), (1 << 63) - 1, 0])
    agree(elementwise.clip, x, *sorted([data.draw(limits), data.draw(limits)]))


@few
@given(data=st.data())
def test_multiply(agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject) -> None:
    x = data.draw(edge_tensors(data.draw(LENGTHS), data.draw(BITS)))
    edges = st.sampled_from([0, 1, -1, 1 << 15, -(1 << 32), (1 << 63) - 1, -(1 << 63), 1 << 200])
    agree(elementwise.multiply, x, data.draw(edges | st.integers(-300, 300)))


@few
@given(data=st.data())
def test_divide(agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject) -> None:
    x = data.draw(edge_tensors(data.draw(LENGTHS), data.draw(BITS)))
    agree(elementwise.divide, x, data.draw(FIELDS), data.draw(st.booleans()))


@few
@given(data=st.data())
def test_relu(agree: Any, edge_tensors: Callable[..., Any], data: st.DataObject) -> None:
    x = data.draw(edge_tensors(data.draw(LENGTHS), data.draw(BITS)))
    slope = data.draw(FIELDS | st.just(0)), data.draw(FIELDS)
    agree(elementwise.relu, x, data.draw(FIELDS | st.just(0)), slope)


@few
@given(data=st.data(), shape=SHAPES, name=st.sampled_from(["add", "multiply_by"]))
def test_terms(
    agree: Any,
    edge_tensors: Callable[..., Any],
    data: st.DataObject,
    shape: tuple[int, int, int],
    name: str,
) -> None:
    batch, channels, plane = shape
    x = data.draw(edge_tensors(batch * channels * plane, data.draw(BITS)))
    terms = data.draw(edge_tensors(channels, data.draw(BITS)))
    agree(getattr(elementwise, name), x, terms, plane)


@few
@given(data=st.data(), shape=SHAPES, nearest=st.booleans())
def test_divide_by(
    agree: Any,
    edge_tensors: Callable[..., Any],
    data: st.DataObject,
    shape: tuple[int, int, int],
    nearest: bool,
) -> None:
    batch, channels, plane = shape
    x = data.draw(edge_tensors(batch * channels * plane, data.draw(BITS)))
    drawn = data.draw(edge_tensors(channels, data.draw(BITS)))
    agree(elementwise.divide_by, x, Tensor.from_ints([n or 3 for n in drawn]), plane, nearest)


def test_a_map_with_itself(agree: Any) -> None:
    x = Tensor.from_ints(range(-5, 40))
    agree(elementwise.add, x, x, 1)
    agree(elementwise.multiply_by, x, x, 1)


def test_the_least_of_64_bits_over_minus_1(agree: Any) -> None:
    x = Tensor.from_ints([-(1 << 63), 5])
    agree(elementwise.divide_by, x, Tensor.from_ints([-1]), 2, False)


def test_a_map_of_nothing(agree: Any) -> None:
    nothing = Tensor.zeros(0)
    agree(elementwise.clip, nothing, -1, 1)
    agree(elementwise.add, nothing, Tensor.from_ints([1]), 1)


@pytest.mark.parametrize("divisors", [[0, 1], [-1, 0], [1, 0, -1], [0, 1 << 70]])
def test_a_divisor_of_0(emulators: Any, divisors: list[int]) -> None:
    call = Call(Segment(emulators[0]))
    with pytest.raises(DivisionByZero):
        elementwise.divide_by(
            call, Tensor.zeros(len(divisors)), Tensor.from_ints(divisors), 1, False
        )


@pytest.mark.parametrize("sign", [1, -1])
def test_divisors_of_one_sign_are_expected_again(emulators: Any, sign: int) -> None:
    call = Call(Segment(emulators[0]))
    divisors = Tensor.from_ints([3 * sign, 5 * sign])
    elementwise.divide_by(call, Tensor.zeros(2), divisors, 1, False)
    ranges = [values for x, values in call.checks if x is divisors]
    assert max(low for low, _ in ranges) > 0 or min(high for _, high in ranges) < 0
    assert call.segment.replayable


def test_more_items_than_the_grid_has_threads(agree: Any) -> None:
    x = Tensor.from_ints(range(-9_000, 11_003))
    agree(elementwise.divide, x, 7, True)
    agree(elementwise.add, x, Tensor.from_ints(range(83)), 241)


def test_out_of_64_bits_and_back(emulators: Any) -> None:
    """A wide result stays on the device, and so does what is narrow again."""
    x = Tensor.from_ints(range(-40, 40))
    for device in emulators:
        call = Call(Segment(device))
        large = elementwise.multiply(call, x, 1 << 90)
        assert large.is_wide and not call.segment.replayable
        found = elementwise.divide(call, large, 1 << 60, False)
        found = elementwise.divide(call, found, 1 << 30, False)
        assert found == x and isinstance(found, OnDevice)
