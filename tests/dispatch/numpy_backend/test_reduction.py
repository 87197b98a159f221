"""Where sums leave 64 bits, and how wide extremes are told apart."""

from __future__ import annotations

import pytest

from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.numpy_backend import NumpyBackend
from smartvm.dispatch.numpy_backend.elementwise_tensor import FEW_WIDE
from smartvm.dispatch.tensor import Tensor
from smartvm.words import wrap

BACKEND = NumpyBackend()
LOWEST, HIGHEST = -(1 << 255), (1 << 255) - 1
TIMES = FEW_WIDE  # repeats that take a map beyond the length left to Python integers


@pytest.mark.parametrize(
    "row",
    [
        [1 << 62, (1 << 62) - 1],
        [1 << 62, 1 << 62],
        [-(1 << 62), -(1 << 62)],
        [-(1 << 62), -(1 << 62) - 1],
        [-(1 << 63), -(1 << 63)],
        [(1 << 63) - 1, -(1 << 63)],
        [1 << 100, -(1 << 100)],
        [HIGHEST, HIGHEST],
        [LOWEST, LOWEST],
        [-1, -(1 << 70)],
    ],
    ids=str,
)
@pytest.mark.parametrize("times", [1, TIMES])
def test_sums_at_the_edges(row: list[int], times: int) -> None:
    found = BACKEND.reduce(Tensor.from_ints(row * times), Reduction.SUM, 2, 1)
    assert found == Tensor.full(times, wrap(sum(row)))


def test_a_long_sum_of_small_items() -> None:
    x = Tensor.full(1 << 17, (1 << 15) - 1)
    assert BACKEND.reduce(x, Reduction.SUM, 1 << 17, 1).to_ints() == [((1 << 15) - 1) << 17]


# Numbers that differ in one word of 64 bits only, or in their sign.
LADDER = [
    LOWEST,
    -(1 << 192) - 1,
    -(1 << 192),
    -(1 << 64),
    -1,
    0,
    1,
    (1 << 64) - 1,
    1 << 64,
    (1 << 64) + (1 << 63),
    1 << 128,
    1 << 192,
    (1 << 192) + 1,
    HIGHEST,
]


@pytest.mark.parametrize("greater", range(1, len(LADDER)))
def test_wide_extremes(greater: int) -> None:
    low, high = LADDER[greater - 1], LADDER[greater]
    row = [low, high, high, low, high, low]
    expected = {
        Reduction.MAX: high,
        Reduction.MIN: low,
        Reduction.ARG_MAX: 1,
        Reduction.ARG_MIN: 0,
        Reduction.LAST_ARG_MAX: 4,
        Reduction.LAST_ARG_MIN: 5,
    }
    x = Tensor.from_ints(row * TIMES)
    for kind, result in expected.items():
        assert BACKEND.reduce(x, kind, 6, 1) == Tensor.full(TIMES, result)
