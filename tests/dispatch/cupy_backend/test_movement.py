"""Strided views, joined maps and rows looked up, on the device."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations
from math import prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import movement
from smartvm.dispatch.cupy_backend.calls import Call, Segment
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

Agree = Callable[..., None]
Edges = Callable[..., Any]


def count_up(length: int, factor: int = 1) -> Tensor:
    return Tensor.from_array(np.arange(length) * factor)


@settings(max_examples=60)
@given(data=st.data())
def test_views(agree: Agree, edge_tensors: Edges, data: st.DataObject) -> None:
    """Up to eight axes, forwards, backwards and on the spot."""
    axes = data.draw(st.integers(1, 8))
    dims = [data.draw(st.integers(1, 3)) for _ in range(axes)]
    strides = [data.draw(st.integers(-5, 9)) for _ in range(axes)]
    ends = [(length - 1) * stride for length, stride in zip(dims, strides, strict=True)]
    offset = -sum(min(end, 0) for end in ends)
    length = offset + sum(max(end, 0) for end in ends) + 1
    agree(movement.view, data.draw(edge_tensors(length, 62)), offset, dims, strides)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_permutations(agree: Agree, order: tuple[int, ...]) -> None:
    dims = (5, 7, 9)
    strides = [prod(dims[axis + 1 :]) for axis in order]
    agree(movement.view, count_up(prod(dims), 200), 0, [dims[axis] for axis in order], strides)


def test_steps_that_are_never_taken_may_be_huge(agree: Agree) -> None:
    agree(movement.view, count_up(9), 1, (1, 4, 1), (1 << 80, 2, -(1 << 90)))


@pytest.mark.parametrize(
    ("dims", "strides"),
    [((12,), (1,)), ((3, 4), (4, 1)), ((2, 1, 6), (6, 99, 1)), ((1, 12), (7, 1))],
)
def test_an_unchanged_map_is_the_map_itself(emulators: list[Any], dims: Any, strides: Any) -> None:
    x, call = count_up(12), Call(Segment(emulators[0]))
    assert movement.view(call, x, 0, dims, strides) is x
    assert call.segment.launches == []


@settings(max_examples=40)
@given(data=st.data())
def test_concatenation(agree: Agree, edge_tensors: Edges, data: st.DataObject) -> None:
    """Parts of different forms, empty ones among them."""
    outer = data.draw(st.integers(1, 4))
    widths = data.draw(st.lists(st.integers(0, 90), min_size=1, max_size=5).filter(any))
    parts = [data.draw(edge_tensors(outer * width, 62)) for width in widths]
    agree(movement.concatenate, parts, outer)


def test_one_part_is_the_map_itself(emulators: list[Any]) -> None:
    x = count_up(6)
    assert movement.concatenate(Call(Segment(emulators[0])), [x, Tensor.zeros(0)], 3) is x


@settings(max_examples=40)
@given(data=st.data())
def test_gather(agree: Agree, edge_tensors: Edges, data: st.DataObject) -> None:
    rows, columns = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    named = st.lists(st.integers(-rows, rows - 1), min_size=1, max_size=40)
    indices = Tensor.from_ints(data.draw(named))
    agree(movement.gather, indices, data.draw(edge_tensors(rows * columns, 62)), columns)


@pytest.mark.parametrize("index", [4, -5, 1 << 40, 1 << 100])
def test_gather_checks_its_indices(emulators: list[Any], index: int) -> None:
    indices = Tensor.from_ints([0, index])
    with pytest.raises(ItemRangeError, match="from -4 to 3"):
        movement.gather(Call(Segment(emulators[0])), indices, count_up(12), 3)


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 641, (1 << 16) + 1, (1 << 30) - 1, (1 << 31) - 1])
def test_division_by_an_axis_is_exact(divisor: int) -> None:
    """At the multiples of the divisor and beside them, up to the last number of 31 bits."""
    _, magic, shift, _, _ = movement._Axis(divisor, 1, 1).fields
    last = (1 << 31) - 1
    multiples = {0, 1, 2, 1000, last // divisor - 1, last // divisor}
    numbers = {last, *(divisor * m + step for m in multiples for step in (-1, 0, 1))}
    for number in numbers:
        if 0 <= number <= last:
            assert number * magic < 1 << 63
            assert number * magic >> shift == number // divisor
