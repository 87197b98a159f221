"""The reference's elementwise kernels, by hand."""

from __future__ import annotations

import pytest

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

BACKEND = ReferenceBackend()
LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
NO_SLOPE = (0, 1)


def test_add_to_each_channel() -> None:
    x, bias = Tensor.from_ints(range(12)), Tensor.from_ints([100, 200, 300])
    assert BACKEND.add(x, bias, plane=2).to_ints() == [
        100, 101, 202, 203, 304, 305, 106, 107, 208, 209, 310, 311,
    ]  # fmt: skip


def test_add_wraps() -> None:
    assert BACKEND.add(Tensor.from_ints([HIGHEST]), Tensor.from_ints([1]), 1).to_ints() == [LOWEST]


def test_multiply_wraps() -> None:
    x = Tensor.from_ints([3, LOWEST, HIGHEST])
    assert BACKEND.multiply(x, -1).to_ints() == [-3, LOWEST, -HIGHEST]


@pytest.mark.parametrize(
    ("value", "truncated", "nearest"),
    [(7, 1, 2), (-7, -1, -2), (5, 1, 1), (-5, -1, -1), (2, 0, 0), (-2, 0, 0), (6, 1, 2),
     (-6, -1, -2), (10, 2, 2), (-10, -2, -2), (3, 0, 1), (-3, 0, -1), (14, 3, 4)],
)  # fmt: skip
def test_divide_by_four(value: int, truncated: int, nearest: int) -> None:
    x = Tensor.from_ints([value])
    assert BACKEND.divide(x, 4, nearest=False).to_ints() == [truncated]
    assert BACKEND.divide(x, 4, nearest=True).to_ints() == [nearest]


def test_divide_the_extremes() -> None:
    x = Tensor.from_ints([LOWEST, HIGHEST])
    assert BACKEND.divide(x, 1, nearest=True).to_ints() == [LOWEST, HIGHEST]
    assert BACKEND.divide(x, 2, nearest=False).to_ints() == [-(1 << 254), (1 << 254) - 1]
    assert BACKEND.divide(x, 2, nearest=True).to_ints() == [-(1 << 254), 1 << 254]


def test_relu() -> None:
    x = Tensor.from_ints([-7, 0, 5, 9])
    assert BACKEND.relu(x, 0, NO_SLOPE).to_ints() == [0, 0, 5, 9]
    assert BACKEND.relu(x, 6, NO_SLOPE).to_ints() == [0, 0, 5, 6]
    assert BACKEND.relu(x, 6, (1, 2)).to_ints() == [-3, 0, 5, 6]


def test_a_slope_wraps_before_it_divides() -> None:
    assert BACKEND.relu(Tensor.from_ints([LOWEST]), 0, (2, 3)).to_ints() == [0]
    assert BACKEND.relu(Tensor.from_ints([-(1 << 254)]), 0, (3, 2)).to_ints() == [1 << 253]
