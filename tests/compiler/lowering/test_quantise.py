"""Rounding of constants."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.integer_graph import nearest_integers
from smartvm.compiler.lowering.quantise import (
    Quantiser,
    fitting,
    narrowest,
    quantised,
    rounded_outwards,
)
from smartvm.exceptions import WeightRangeError


@pytest.mark.parametrize(
    ("number", "scale", "integer"),
    [
        (0.5, 1, 0),
        (1.5, 1, 2),
        (-0.5, 1, 0),
        (0.0125, 1000, 12),
        (-0.3, 10, -3),
        (2.0, 1 << 40, 1 << 41),
    ],
)
def test_the_nearest_integer_ties_to_even(number: float, scale: int, integer: int) -> None:
    assert quantised(np.array([number]), scale, "w").tolist() == [integer]
    assert nearest_integers(np.array([number]), scale).tolist() == [integer]


def test_the_narrowest_dtype_is_taken() -> None:
    for limit, dtype in ((127, "i1"), (128, "i2"), (32768, "i4"), (1 << 31, "i8")):
        assert narrowest(np.array([-5, limit])).dtype == dtype
    assert quantised(np.array([True, False]), 1, "w").tolist() == [1, 0]


def test_a_weight_beyond_64_bits_is_named() -> None:
    with pytest.raises(
        WeightRangeError, match=r"conv1.weight: a weight of 1e\+20 at scale 1000 passes"
    ):
        quantised(np.array([1e20, 1]), 1000, "conv1.weight")
    with pytest.raises(WeightRangeError):
        quantised(np.array([-(2.0**63)]), 1, "w")
    assert quantised(np.array([2.0**62]), 1, "w").tolist() == [1 << 62]


@given(st.lists(st.floats(-1e30, 1e30), min_size=1), st.integers(1, 1 << 80))
def test_biases_may_have_any_size(numbers: list[float], scale: int) -> None:
    found = nearest_integers(np.array(numbers), scale).tolist()
    small = max(map(abs, numbers)) * scale < 2**53
    exact = [round(Fraction(number) * scale) for number in numbers]
    errors = [abs(a - b) for a, b in zip(found, exact, strict=True)]
    assert max(errors) <= small  # below 2^53 the product itself is rounded to double precision


def test_integers_are_exact() -> None:
    large = np.array([(1 << 62) + 1])
    assert nearest_integers(large, 1) is large
    assert nearest_integers(np.array([3], np.uint8), 1000).tolist() == [3000]


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.integers(1, 1 << 30))
def test_a_range_holds_what_its_numbers_are_rounded_to(a: float, b: float, scale: int) -> None:
    low, high = sorted((a, b))
    interval = rounded_outwards(low, high, scale)
    assert interval.low <= round(low * scale) <= round(high * scale) <= interval.high


@given(st.fractions(min_value=Fraction(1, 1 << 90)), st.integers(0, 60))
def test_a_factor_fits_the_instructions(factor: Fraction, halvings: int) -> None:
    found = fitting(factor / (1 << halvings))
    assert found.denominator < 1 << 64
    if factor / (1 << halvings) > Fraction(1, 1 << 20):
        assert abs(found / (factor / (1 << halvings)) - 1) < Fraction(1, 1 << 40)


def test_constants_are_told_apart_by_their_memory() -> None:
    weights, other = np.arange(6.0), np.arange(6.0)
    quantiser = Quantiser({"w": weights}, taken=["w", "conv/2"])
    name = quantiser.constant(weights, 10, "conv")
    assert name == "w"
    assert quantiser.constant(weights.reshape(2, 3), 10, "conv") == "w"
    assert quantiser.constant(weights, 20, "conv") == "w/1"
    assert quantiser.constant(weights.reshape(2, 3).T, 10, "conv") == "conv/1"
    assert quantiser.constant(other, 10, "conv") == "conv/3"
    arrays = quantiser.arrays(["w", "w/1", "conv/1", "no constant"])
    assert {key: array.tolist() for key, array in arrays.items()} == {
        "w": [0, 10, 20, 30, 40, 50],
        "w/1": [0, 20, 40, 60, 80, 100],
        "conv/1": [0, 30, 10, 40, 20, 50],
    }
