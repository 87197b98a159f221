"""The bounds of e^(-d/scale) hold, against mpmath."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.exponential import Exponentials

scales = st.one_of(st.integers(1, 1000), st.integers(1, (1 << 64) - 1))


@given(scales, st.integers(64, 1200), st.integers(1, 5000), st.fractions(0, 1))
def test_the_bounds_enclose_the_exponential(scale: int, bits: int, count: int, part: float) -> None:
    exponentials = Exponentials(scale, bits, count)
    d = int(part * exponentials.limit)
    low, high = exponentials.bounds(d)
    with mpmath.workprec(2 * bits):
        exact = mpmath.ldexp(mpmath.exp(-mpmath.mpf(d) / scale), bits)
        assert low < exact < high if d else low == exact == high
    assert high - low <= 3


@pytest.mark.parametrize("scale", [1, 1000, (1 << 64) - 1])
def test_beyond_the_limit_no_exponential_is_computed(scale: int) -> None:
    exponentials = Exponentials(scale, 64, 1)
    assert exponentials.bounds(exponentials.limit) == exponentials.bounds(1 << 255) == (0, 1)
    assert mpmath.exp(-mpmath.mpf(exponentials.limit) / scale) < mpmath.mpf(2) ** -64


@pytest.mark.parametrize("count", [1, 10, 100, 10_000])
def test_the_size_of_the_tables_does_not_show_much(count: int) -> None:
    low, high = Exponentials(1000, 100, count).bounds(12_345)
    other_low, other_high = Exponentials(1000, 100, 1).bounds(12_345)
    assert max(low, other_low) < min(high, other_high)
