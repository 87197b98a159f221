"""The reference's pooling against published examples and a formulation of another kind.

The examples are those of the ONNX operators MaxPool and AveragePool; the other formulation lays
out each plane with its padding marked.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ShapeError
from smartvm.shapes import NO_PADDING, UNIT, PoolShape

BACKEND = ReferenceBackend()
TWO = ((0, 0), (2, 2), (2, 2))
COUNTING = Tensor.from_ints(range(1, 26))


def flat(height: int, width: int) -> tuple[int, int, int]:
    return (1, height, width)


def test_max_in_ceil_mode() -> None:
    shape = PoolShape(1, flat(4, 4), flat(3, 3), flat(2, 2), ceil_mode=True)
    x = Tensor.from_ints(range(1, 17))
    assert BACKEND.pool_max(x, shape).to_ints() == [11, 12, 15, 16]


def test_max_with_padding() -> None:
    shape = PoolShape(1, flat(5, 5), flat(5, 5), flat(1, 1), TWO)
    assert BACKEND.pool_max(COUNTING, shape).to_ints() == [
        13, 14, 15, 15, 15,
        18, 19, 20, 20, 20,
        23, 24, 25, 25, 25,
        23, 24, 25, 25, 25,
        23, 24, 25, 25, 25,
    ]  # fmt: skip


def test_max_with_dilation() -> None:
    shape = PoolShape(1, flat(4, 4), flat(2, 2), flat(1, 1), dilation=(1, 2, 2))
    x = Tensor.from_ints(range(1, 17))
    assert BACKEND.pool_max(x, shape).to_ints() == [11, 12, 15, 16]


def test_padding_never_wins() -> None:
    shape = PoolShape(1, flat(1, 2), flat(1, 2), flat(1, 1), ((0, 0), (0, 0), (1, 1)))
    assert BACKEND.pool_max(Tensor.from_ints([-5, -3]), shape).to_ints() == [-5, -3, -3]


def test_average_of_the_plane_or_of_the_padding_too() -> None:
    shape = PoolShape(1, flat(5, 5), flat(5, 5), flat(1, 1), TWO)
    counted = PoolShape(1, flat(5, 5), flat(5, 5), flat(1, 1), TWO, count_padding=True)
    # The published first rows are 7, 7.5, 8, 8.5, 9 and 2.52, 3.6, 4.8, 4.08, 3.24.
    assert BACKEND.pool_average(COUNTING, shape).to_ints()[:5] == [7, 7, 8, 8, 9]
    assert BACKEND.pool_average(COUNTING, counted).to_ints()[:5] == [2, 3, 4, 4, 3]


def test_average_truncates_as_sdiv() -> None:
    shape = PoolShape(2, flat(1, 2), flat(1, 2), flat(1, 2))
    assert BACKEND.pool_average(Tensor.from_ints([-3, 0, 3, 0]), shape).to_ints() == [-1, 1]


def test_average_wraps_before_it_divides() -> None:
    shape = PoolShape(1, flat(1, 2), flat(1, 2), flat(1, 2))
    x = Tensor.from_ints([1 << 254, 1 << 254])
    assert BACKEND.pool_average(x, shape).to_ints() == [-(1 << 254)]


def test_a_crop_hides_cells_even_in_ceil_mode() -> None:
    shape = PoolShape(
        1, flat(1, 5), flat(1, 2), flat(1, 2), ((0, 0), (0, 0), (0, -2)), ceil_mode=True
    )
    x = Tensor.from_ints([1, 2, 3, 4, 5])
    assert BACKEND.pool_max(x, shape).to_ints() == [2, 3]
    assert BACKEND.pool_average(x, shape).to_ints() == [1, 3]


def cell(x: list[int], shape: PoolShape, place: tuple[int, ...]) -> int | str | None:
    """A number, "padding", or None beyond the padding."""
    inside = True
    for at, size, (before, after) in zip(place, shape.size, shape.padding, strict=True):
        if not -before <= at < size + after:
            return None
        inside &= 0 <= at < size
    _, height, width = shape.size
    return x[(place[0] * height + place[1]) * width + place[2]] if inside else "padding"


axis = st.tuples(*[st.integers(1, 3)] * 3)
side = st.tuples(st.integers(-2, 2), st.integers(-2, 2))


@given(
    size=st.tuples(*[st.integers(1, 5)] * 3),
    kernel=axis,
    stride=axis,
    padding=st.just(NO_PADDING) | st.tuples(side, side, side),
    dilation=st.just(UNIT) | axis,
    ceil_mode=st.booleans(),
    count_padding=st.booleans(),
    data=st.data(),
)
def test_another_formulation(
    size, kernel, stride, padding, dilation, ceil_mode, count_padding, data
) -> None:
    shape = PoolShape(1, size, kernel, stride, padding, dilation, ceil_mode, count_padding)
    try:
        assume(shape.out_items < 300)
    except ShapeError:
        assume(False)
    length = shape.in_items
    x = data.draw(st.lists(st.integers(-99, 99), min_size=length, max_size=length))
    greatest, averages = [], []
    for out in product(*map(range, shape.out_size)):
        cells = [
            cell(x, shape, tuple(
                p * s - b + i * d
                for p, s, (b, _), i, d in zip(out, stride, padding, k, dilation, strict=True)
            ))
            for k in product(*map(range, kernel))
        ]  # fmt: skip
        numbers = [c for c in cells if isinstance(c, int)]
        assume(numbers)
        count = sum(c is not None for c in cells) if count_padding else len(numbers)
        greatest.append(max(numbers))
        averages.append(int(sum(numbers) / count))  # int() of a small float truncates
    tensor = Tensor.from_ints(x)
    assert BACKEND.pool_max(tensor, shape).to_ints() == greatest
    assert BACKEND.pool_average(tensor, shape).to_ints() == averages


@pytest.mark.parametrize("kernel", [1 << 40, 1 << 62])
def test_the_size_of_a_kernel_costs_nothing_by_itself(kernel: int) -> None:
    reach = ((0, 0), (0, 0), (kernel, kernel))
    shape = PoolShape(1, UNIT, (1, 1, kernel), (1, 1, 2 * kernel), reach)
    assert list(shape.windows(2)) == [(-kernel, 0, 0)]
