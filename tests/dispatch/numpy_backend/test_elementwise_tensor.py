"""Where products and quotients change their arithmetic."""

from __future__ import annotations

import pytest

from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.numpy_backend.elementwise_tensor import FEW, FEW_WIDE
from smartvm.dispatch.numpy_backend.limbs import CHUNK
from smartvm.dispatch.tensor import Tensor
from smartvm.words import wrap

BACKEND = NumpyBackend()
LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1


@pytest.fixture(params=[1, FEW, FEW + 1, FEW_WIDE, FEW_WIDE + 1], ids=lambda n: f"{n} items")
def length(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize(
    ("value", "factor"),
    [(1 << 200, 0), (0, 1 << 200), (-1, 1 << 63), (1 << 31, 1 << 32), (-(1 << 31), 1 << 32),
     (-(1 << 63), -1), (1 << 100, -(1 << 155)), (1 << 128, 1 << 127), (LOWEST, LOWEST),
     (HIGHEST, HIGHEST), (-1, 1 << 15), (-(1 << 15), -1), (LOWEST, -1)],
)  # fmt: skip
def test_a_product_narrower_or_wider_than_its_factors(length: int, value: int, factor: int) -> None:
    found = BACKEND.multiply_by(Tensor.full(length, value), Tensor.from_ints([factor]), 1)
    assert found == Tensor.full(length, wrap(value * factor))


def test_products_in_chunks() -> None:
    plane, values = 3, [1 << 100, -(1 << 200), 12345]
    x = Tensor.full(len(values) * plane * (CHUNK // 4), 1 << 90)
    found = BACKEND.multiply_by(x, Tensor.from_ints(values), plane)
    period = [wrap(value << 90) for value in values for _ in range(plane)]
    assert found.to_ints() == period * (CHUNK // 4)


@pytest.mark.parametrize("bits", [15, 31, 62])
def test_quotients_in_chunks(bits: int) -> None:
    """Each quotient takes no more than the items do, but for the least one over -1."""
    plane, value, divisors = 3, -(1 << bits), [-1, 7, -(1 << 40)]
    x = Tensor.full(len(divisors) * plane * (CHUNK // 4), value)
    found = BACKEND.divide_by(x, Tensor.from_ints(divisors), plane, nearest=False)
    truncated = [1 << bits, -((1 << bits) // 7), (1 << bits) >> 40]
    assert found.to_ints() == [q for q in truncated for _ in range(plane)] * (CHUNK // 4)


@pytest.mark.parametrize("bits", [16, 32, 64, 256])
def test_the_least_number_over_minus_one(length: int, bits: int) -> None:
    least = -(1 << bits - 1)
    for nearest in (False, True):
        found = BACKEND.divide_by(Tensor.full(length, least), Tensor.from_ints([-1]), 1, nearest)
        assert found == Tensor.full(length, wrap(-least))


@pytest.mark.parametrize("bits", [31, 32, 33, 47, 48, 55, 56, 57, 63, 64, 200])
@pytest.mark.parametrize("value", [1 << 40, -(1 << 63), (1 << 200) + 12345, LOWEST, HIGHEST])
def test_divisors_of_any_width(length: int, bits: int, value: int) -> None:
    divisors = [(1 << bits) - 1, -(1 << bits) + 1, -(1 << bits), (1 << bits) + 1]
    x = Tensor.full(4 * length, value)
    found = BACKEND.divide_by(x, Tensor.from_ints(divisors), 1, nearest=False).to_ints()
    truncated = [abs(value) // abs(d) * (1 if (value > 0) == (d > 0) else -1) for d in divisors]
    assert found == truncated * length


@pytest.mark.parametrize("low", [LOWEST, -(1 << 64), -5, 0, 6, 1 << 64])
@pytest.mark.parametrize("high", [-(1 << 64), -5, 0, 6, 1 << 64, HIGHEST])
@pytest.mark.parametrize("wide", [0, 1 << 100, -(1 << 100)])
def test_clip(length: int, low: int, high: int, wide: int) -> None:
    if low > high:
        return
    values = [-6, -5, 0, 5, 6, wide] * length
    clipped = [min(max(value, low), high) for value in values]
    assert BACKEND.clip(Tensor.from_ints(values), low, high).to_ints() == clipped
