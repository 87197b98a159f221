"""The bounds of the error function hold, and are close."""

from __future__ import annotations

import mpmath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.error_function import GRID, SATURATION, coefficients, error_function


@given(
    scale=st.one_of(st.integers(1, 200), st.integers(1, (1 << 64) - 1)),
    part=st.integers(1, 7 * 10**9 - 1),
    bits=st.sampled_from([64, 100, 192, 500]),
)
def test_the_bounds_hold(scale: int, part: int, bits: int) -> None:
    magnitude = max(1, part * scale // 10**9)
    low, high = error_function(magnitude, scale, bits)
    with mpmath.workprec(bits + 100):
        exact = mpmath.erf(mpmath.mpf(magnitude) / scale) * 2**bits
        assert low < exact < high
    assert high - low <= 3


@pytest.mark.parametrize("index", [0, 1, 63, 64, 65, 300, SATURATION * GRID])
def test_the_coefficients_are_taylors(index: int) -> None:
    with mpmath.workprec(400):
        expected = mpmath.taylor(mpmath.erf, mpmath.mpf(index) / GRID, 6)
        found = [mpmath.mpf(c) / 2**192 for c in coefficients(index, 192)[:7]]
        assert all(abs(a - b) < mpmath.mpf(2) ** -180 for a, b in zip(found, expected, strict=True))


def test_saturation() -> None:
    """From 7 on, every scale below 2^64 rounds scale·erf to the scale."""
    with mpmath.workprec(200):
        assert 2**64 * mpmath.erfc(SATURATION) < 0.5
