"""The reference's products, quotients and clipping, by hand."""

from __future__ import annotations

import pytest

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

BACKEND = ReferenceBackend()
LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1


def test_multiply_each_channel() -> None:
    x, factors = Tensor.from_ints(range(12)), Tensor.from_ints([1, -1, 100])
    assert BACKEND.multiply_by(x, factors, plane=2).to_ints() == [
        0, 1, -2, -3, 400, 500, 6, 7, -8, -9, 1000, 1100,
    ]  # fmt: skip


def test_multiply_wraps() -> None:
    x = Tensor.from_ints([LOWEST, HIGHEST, 1 << 128])
    factors = Tensor.from_ints([-1, 2, 1 << 127])
    assert BACKEND.multiply_by(x, factors, 1).to_ints() == [LOWEST, -2, LOWEST]


def test_divide_each_channel() -> None:
    x, divisors = Tensor.from_ints([7, 8, 7, 8, 7, 8]), Tensor.from_ints([1, 2, -2])
    assert BACKEND.divide_by(x, divisors, 2, nearest=False).to_ints() == [7, 8, 3, 4, -3, -4]
    assert BACKEND.divide_by(x, divisors, 2, nearest=True).to_ints() == [7, 8, 4, 4, -4, -4]


@pytest.mark.parametrize(
    ("value", "truncated", "nearest"),
    [(7, 1, 2), (-7, -1, -2), (5, 1, 1), (-5, -1, -1), (2, 0, 0), (-2, 0, 0), (6, 1, 2),
     (-6, -1, -2), (10, 2, 2), (-10, -2, -2), (3, 0, 1), (-3, 0, -1), (14, 3, 4)],
)  # fmt: skip
def test_divide_by_four_and_minus_four(value: int, truncated: int, nearest: int) -> None:
    x, divisors = Tensor.from_ints([value, value]), Tensor.from_ints([4, -4])
    assert BACKEND.divide_by(x, divisors, 1, False).to_ints() == [truncated, -truncated]
    assert BACKEND.divide_by(x, divisors, 1, True).to_ints() == [nearest, -nearest]


@pytest.mark.parametrize("nearest", [False, True])
def test_the_one_quotient_that_wraps(nearest: bool) -> None:
    x, divisors = Tensor.from_ints([LOWEST, HIGHEST]), Tensor.from_ints([-1])
    assert BACKEND.divide_by(x, divisors, 1, nearest).to_ints() == [LOWEST, -HIGHEST]


def test_clip() -> None:
    x = Tensor.from_ints([LOWEST, -5, 0, 5, HIGHEST])
    assert BACKEND.clip(x, -5, 4).to_ints() == [-5, -5, 0, 4, 4]
    assert BACKEND.clip(x, 7, 7).to_ints() == [7] * 5
    assert BACKEND.clip(x, LOWEST, HIGHEST) == x
