"""Softmax, sigmoid and tanh against mpmath, and numpy against the reference."""

from __future__ import annotations

import random
from types import ModuleType
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.numpy_backend import activation as fast
from smartvm.dispatch.reference import activation as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.words import SIGN_BIT

BACKENDS = pytest.mark.parametrize("backend", [reference, fast], ids=["reference", "numpy"])
LARGEST_SCALE = (1 << 64) - 1
LEAST, GREATEST = -SIGN_BIT, SIGN_BIT - 1
SCALES = [
    *(1, 2, 3, 7, 10, 255, 1000, 1001, 10_000, (1 << 15) + 1, 1 << 16, (1 << 20) - 1),
    *(1 << 24, (1 << 32) + 7, (1 << 46) - 1, 1 << 46, (1 << 46) + 1, 10**15),
    *((1 << 52) + 1, 1 << 63, LARGEST_SCALE - 1, LARGEST_SCALE),
]


@pytest.fixture(autouse=True)
def no_floating_point_exception() -> Any:
    with np.errstate(all="raise"):
        yield


def nearest(value: mpmath.mpf) -> int:
    """The nearest integer to a value that is not a tie, as the working precision must show."""
    below = int(mpmath.floor(value))
    assert abs(value - below - 0.5) > mpmath.mpf(2) ** (90 - mpmath.mp.prec)
    return below + int(value - below > 0.5)


def expected_sigmoid(v: int, scale: int) -> int:
    if v == 0:
        return round_half_to_even(scale, 2)
    return nearest(scale / (1 + mpmath.exp(-mpmath.mpf(v) / scale)))


def expected_tanh(v: int, scale: int) -> int:
    return nearest(scale * mpmath.tanh(mpmath.mpf(v) / scale))


def expected_softmax(row: list[int], scale: int) -> list[int]:
    top = max(row)
    powers = [mpmath.exp(mpmath.mpf(v - top) / scale) for v in row]
    total = mpmath.fsum(powers)
    return [nearest(scale * power / total) for power in powers]


def round_half_to_even(numerator: int, denominator: int) -> int:
    quotient, remainder = divmod(2 * numerator + denominator, 2 * denominator)
    return quotient - (remainder == 0 and quotient % 2)


def softmax(backend: ModuleType, row: list[int], scale: int, group: int = 0) -> list[int]:
    return backend.softmax(Tensor.from_ints(row), scale, group or len(row)).to_ints()


def interesting_inputs(scale: int) -> list[int]:
    """Zero, the extremes, both sides of the saturation, small, typical and large items."""
    source = random.Random(scale)
    saturation = int(scale * mpmath.log(2 * scale))
    magnitudes = [
        *(0, 1, 2, 3, 4, 6, scale - 1, scale, scale + 1, 7 * scale, 64 * scale + 1),
        *(saturation + step for step in (-1, 0, 1, 2)),
        *(saturation // 2 + step for step in (-1, 0, 1, 2)),
        *((1 << bits) - 1 for bits in (15, 31, 63, 64, 128)),
        *(source.randint(0, 12 * scale) for _ in range(20)),
        *(round(scale ** (2 / 3) * source.random() * 3) for _ in range(10)),
    ]
    return [LEAST, GREATEST, *magnitudes, *(-magnitude for magnitude in magnitudes)]


@BACKENDS
@pytest.mark.parametrize("scale", SCALES)
def test_sigmoid_and_tanh_are_the_nearest_integers(backend: ModuleType, scale: int) -> None:
    inputs = interesting_inputs(scale)
    x = Tensor.from_ints(inputs)
    with mpmath.workprec(800):
        assert backend.sigmoid(x, scale).to_ints() == [expected_sigmoid(v, scale) for v in inputs]
        assert backend.tanh(x, scale).to_ints() == [expected_tanh(v, scale) for v in inputs]


@BACKENDS
def test_every_input_of_the_small_scales(backend: ModuleType) -> None:
    for scale in range(1, 65):
        inputs = range(-6 * scale, 6 * scale + 1)  # e^-6 · 64 < 1/2
        x = Tensor.from_ints(inputs)
        with mpmath.workprec(160):
            sigmoids = [expected_sigmoid(v, scale) for v in inputs]
            tanhs = [expected_tanh(v, scale) for v in inputs]
        assert backend.sigmoid(x, scale).to_ints() == sigmoids
        assert backend.tanh(x, scale).to_ints() == tanhs


@BACKENDS
def test_sigmoid_of_zero_rounds_its_tie_to_even(backend: ModuleType) -> None:
    halves = [backend.sigmoid(Tensor.zeros(1), scale).to_ints()[0] for scale in range(1, 10)]
    assert halves == [0, 1, 2, 2, 2, 3, 4, 4, 4]
    assert backend.sigmoid(Tensor.zeros(1), LARGEST_SCALE).to_ints() == [1 << 63]


@BACKENDS
@pytest.mark.parametrize("scale", SCALES)
def test_softmax_gives_the_nearest_integers(backend: ModuleType, scale: int) -> None:
    source = random.Random(scale)
    for group in (2, 3, 10):
        for spread in (1, 1000, scale, 10 * scale, 60 * scale, 1 << 200):
            row = [source.randint(-spread, spread) for _ in range(group)]
            row[0] += len(set(row)) == 1  # a row of equal items may be a tie
            with mpmath.workprec(800):
                assert softmax(backend, row, scale) == expected_softmax(row, scale)


@BACKENDS
@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("value", [LEAST, -1, 0, GREATEST])
def test_softmax_of_equal_items_is_a_rounded_quotient(
    backend: ModuleType, scale: int, value: int
) -> None:
    for group in (1, 2, 3, 6, 16, 100):
        quotient = round_half_to_even(scale, group)
        assert softmax(backend, [value] * group, scale) == [quotient] * group


@BACKENDS
@pytest.mark.parametrize("scale", [2**64 - 2, 2**64 - 1, 1001, 10, 6, 5, 3, 1])
@pytest.mark.parametrize("rest", [[-(1 << 72)], [-(1 << 100)] * 3, [-(10**30), LEAST]])
def test_equal_maxima_share_a_little_less_than_the_quotient(
    backend: ModuleType, scale: int, rest: list[int]
) -> None:
    """The rest may be too little for any precision, yet a half-integer share rounds down."""
    for maxima in (2, 4, 12):
        share = -((maxima - 2 * scale) // (2 * maxima))  # a half goes to the lower side
        row = [0] * maxima + rest
        assert softmax(backend, row, scale) == [share] * maxima + [0] * len(rest)


@BACKENDS
def test_softmax_treats_each_group_alone(backend: ModuleType) -> None:
    rows = [[0, 1, 2], [500, -500, 0], [LEAST, GREATEST, 0], [7, 7, 7]]
    together = softmax(backend, [v for row in rows for v in row], 1000, group=3)
    assert together == [v for row in rows for v in softmax(backend, row, 1000)]
    assert softmax(backend, [v for row in rows for v in row], 1000, group=1) == [1000] * 12


def next_to_a_tie(group: int, scale: int) -> list[int]:
    """A row whose greatest item's softmax lies above a half-integer by about scale^-group."""
    gap = mpmath.mpf(2 * scale) / (2 * (scale // 3) + 1) - 1
    row = [0]
    while len(row) < group:
        distance = max(int(mpmath.ceil(-scale * mpmath.log(gap))), 1 - row[-1])
        row.append(-distance)
        gap -= mpmath.exp(-mpmath.mpf(distance) / scale)
    return row


@BACKENDS
@pytest.mark.parametrize(
    ("group", "scale"),
    [(4, 1000), (10, 1000), (10, 65_536), (10, LARGEST_SCALE), (40, 1000), (40, 1 << 40), (60, 7)],
)
def test_softmax_next_to_a_tie(backend: ModuleType, group: int, scale: int) -> None:
    with mpmath.workprec(300 + 80 * group):
        row = next_to_a_tie(group, scale)
        expected = expected_softmax(row, scale)
        assert expected[0] == scale // 3 + 1
        assert softmax(backend, row, scale) == expected
        assert softmax(backend, [row[0], row[1] + 1, *row[2:]], scale)[0] == scale // 3


def test_numpy_is_not_misled_by_ties_that_float64_cannot_tell() -> None:
    for scale in range(1000, 1100):
        with mpmath.workprec(300):
            row = Tensor.from_ints(next_to_a_tie(7, scale))
        assert fast.softmax(row, scale, 7) == reference.softmax(row, scale, 7)


@BACKENDS
@pytest.mark.parametrize("scale", [1 << 20, (1 << 24) + 1, 1 << 32, (1 << 46) - 2, 1 << 63])
def test_sigmoid_of_small_items_lies_just_below_a_tie(backend: ModuleType, scale: int) -> None:
    """scale / (1 + e^(-v/scale)) = scale/2 + v/4 - v³/(48·scale²) + …"""
    inputs = range(1, 60)
    ties = [v for v in inputs if (2 * scale + v) % 4 == 2]
    assert ties
    sigmoids = dict(
        zip(inputs, backend.sigmoid(Tensor.from_ints(inputs), scale).to_ints(), strict=True)
    )
    assert all(sigmoids[v] == (2 * scale + v) // 4 for v in ties)


scales = st.one_of(st.sampled_from(SCALES), st.integers(1, 1 << 16), st.integers(1, LARGEST_SCALE))


def items(scale: int) -> st.SearchStrategy[int]:
    return st.one_of(
        st.integers(-4, 4),
        st.integers(-12 * scale, 12 * scale),
        st.integers(-70 * scale, 70 * scale),
        st.integers(LEAST, GREATEST),
    )


@given(st.data())
def test_numpy_equals_the_reference(data: st.DataObject) -> None:
    scale = data.draw(scales)
    group = data.draw(st.integers(1, 12))
    rows = st.lists(items(scale), min_size=group, max_size=group)
    values = [v for row in data.draw(st.lists(rows, min_size=1, max_size=6)) for v in row]
    x = Tensor.from_ints(values)
    assert fast.softmax(x, scale, group) == reference.softmax(x, scale, group)
    assert fast.sigmoid(x, scale) == reference.sigmoid(x, scale)
    assert fast.tanh(x, scale) == reference.tanh(x, scale)


@given(st.data())
def test_symmetry_and_order(data: st.DataObject) -> None:
    scale = data.draw(scales)
    values = sorted(data.draw(st.sets(items(scale).filter(lambda v: v > LEAST), min_size=2)))
    x, mirrored = Tensor.from_ints(values), Tensor.from_ints(-v for v in values)
    sigmoids, tanhs = fast.sigmoid(x, scale).to_ints(), fast.tanh(x, scale).to_ints()
    for v, direct, other in zip(values, sigmoids, fast.sigmoid(mirrored, scale), strict=True):
        assert direct + other == scale or v == 0
    assert [-item for item in fast.tanh(mirrored, scale)] == tanhs
    assert sigmoids == sorted(sigmoids) and tanhs == sorted(tanhs)
    shares = softmax(fast, values, scale)
    assert shares == sorted(shares)
    assert abs(sum(shares) - scale) <= len(shares) / 2


def test_long_maps_are_cut_into_blocks_of_whole_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(0)
    x = Tensor.from_ints([source.randint(-5000, 5000) for _ in range(70)] + [1 << 90] * 7)
    monkeypatch.setattr(fast, "BLOCK_ITEMS", 16)
    assert fast.softmax(x, 1000, 7) == reference.softmax(x, 1000, 7)
    assert fast.softmax(x, 1000, 77) == reference.softmax(x, 1000, 77)
    assert fast.sigmoid(x, 1000) == reference.sigmoid(x, 1000)
    assert fast.tanh(x, 1 << 50) == reference.tanh(x, 1 << 50)


@pytest.fixture
def exact_calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the numpy backend hands to exact arithmetic, call by call."""
    calls: list[Any] = []
    for name in ("logistic_tails", "softmax_items"):
        exact = getattr(reference, name)

        def recorded(work: Any, *arguments: int, exact: Any = exact) -> Any:
            calls.append(work)
            return exact(work, *arguments)

        monkeypatch.setattr(reference, name, recorded)
    return calls


def test_float64_decides_typical_maps_alone(exact_calls: list[Any]) -> None:
    source = random.Random(1)
    for scale in (1000, 1 << 16, 1 << 24):
        x = Tensor.from_ints(source.randint(scale // 100, 9 * scale) for _ in range(4000))
        fast.softmax(x, scale, 10)
        fast.sigmoid(x, scale)
        fast.tanh(x, scale)
    assert exact_calls == []


def test_hard_items_reach_exact_arithmetic_once_each(exact_calls: list[Any]) -> None:
    x = Tensor.from_ints([2, 123_456, 2, -2, 7, 6, 2])
    assert fast.sigmoid(x, 1 << 24).to_ints()[:4] == [8388608, 8419472, 8388608, 8388608]
    assert fast.sigmoid(Tensor.zeros(5), 1001).to_ints() == [500] * 5
    assert exact_calls == [[2, 6], [0]]


def test_hard_rows_reach_exact_arithmetic_once_each(exact_calls: list[Any]) -> None:
    with mpmath.workprec(400):
        hard = next_to_a_tie(10, 1000)
    easy = list(range(0, 5000, 500))
    fast.softmax(Tensor.from_ints([*easy, *hard, *easy, *hard]), 1000, 10)
    assert exact_calls == [{tuple(hard): {0}}]


def test_the_error_bound_of_the_float64_exponential() -> None:
    source = random.Random(2)
    for scale in (1, 3, 1000, 12_345, 1 << 16, (1 << 32) - 1, fast.LARGEST_FLOAT_SCALE):
        distances = [0, 1, 64 * scale, *(source.randint(0, 64 * scale) for _ in range(300))]
        powers = fast.exponentials(np.array(distances), scale).tolist()
        with mpmath.workprec(160):
            for distance, power in zip(distances, powers, strict=True):
                exact = mpmath.exp(-mpmath.mpf(distance) / scale)
                assert abs(power / exact - 1) < 2.1 * fast.ROUNDING
