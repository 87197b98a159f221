"""Where operands and results have forms of different widths."""

from __future__ import annotations

import pytest

from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.numpy_backend.elementwise import FEW, FEW_SLOPED
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

BACKEND, REFERENCE = NumpyBackend(), ReferenceBackend()


@pytest.fixture(params=[1, FEW, FEW + 1], ids=lambda length: f"{length} items")
def length(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize(
    ("value", "term"),
    [(-5, 1 << 63), (1 << 63, -5), (1 << 200, -(1 << 200)), ((1 << 63) - 1, 1), (-(1 << 63), -1)],
)
def test_a_sum_narrower_or_wider_than_its_terms(length: int, value: int, term: int) -> None:
    x, addend = Tensor.full(length, value), Tensor.from_ints([term])
    assert BACKEND.add(x, addend, length) == Tensor.full(length, value + term)


@pytest.mark.parametrize(
    ("value", "factor"),
    [(1 << 200, 0), (0, 1 << 200), (-1, 1 << 63), (1 << 31, 1 << 32), (-(1 << 31), 1 << 32),
     (1 << 100, -(1 << 155)), (-1, 1 << 15), ((1 << 15) - 1, -1), (-(1 << 15), -1)],
)  # fmt: skip
def test_a_product_narrower_or_wider_than_its_factors(length: int, value: int, factor: int) -> None:
    product = Tensor.full(length, value * factor)
    assert BACKEND.multiply(Tensor.full(length, value), factor) == product


@pytest.mark.parametrize("dtype_bits", [16, 32, 64])
def test_the_least_number_of_a_form(length: int, dtype_bits: int) -> None:
    least = -(1 << (dtype_bits - 1))
    x = Tensor.full(length, least)
    for divisor in (1, 2, 3, -least, -least + 1, -2 * least - 1):
        expected = -(-least // divisor)
        assert BACKEND.divide(x, divisor, nearest=False) == Tensor.full(length, expected)
    assert BACKEND.divide(x, -2 * least - 1, nearest=True) == Tensor.full(length, -1)
    if dtype_bits < 64:
        assert BACKEND.divide(x, -2 * least, nearest=True) == Tensor.zeros(length)


def test_a_cap_is_compared_with_all_bits(length: int) -> None:
    cap = (1 << 64) - 1
    values = [cap - 1, cap, cap + 1, 1 << 200, -(1 << 200), 0]
    x = Tensor.from_ints(values * length)
    capped = [cap - 1, cap, cap, cap, 0, 0]
    assert BACKEND.relu(x, cap, (0, 1)).to_ints() == capped * length


@pytest.mark.parametrize("items", [FEW_SLOPED, FEW_SLOPED + 1], ids=lambda items: f"{items} items")
@pytest.mark.parametrize("lowest", [-(1 << 62), -(1 << 63), -(1 << 200), -(1 << 254)])
@pytest.mark.parametrize("cap", [0, 7, (1 << 64) - 1])
def test_a_slope_of_wide_products(items: int, lowest: int, cap: int) -> None:
    x = Tensor.from_ints([lowest + i for i in range(items - 3)] + [0, 9, 1 << 100])
    for slope in ((1 << 63, 3), (5, 1), ((1 << 64) - 1, (1 << 64) - 1)):
        assert BACKEND.relu(x, cap, slope) == REFERENCE.relu(x, cap, slope)
