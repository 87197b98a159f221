"""Quotients by one multiplication: the fields of a divisor, in Python integers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend.division import divisor_fields


def quotient(number: int, divisor: int) -> int:
    """What cuda/division.cuh computes."""
    word, multiplier, shift = (field % (1 << 64) for field in divisor_fields(divisor))
    assert word == divisor and shift < 64
    return (number * multiplier >> 64 if multiplier else number) >> shift


near_powers = st.builds(
    lambda edge, step: max(1, min((1 << edge) + step, (1 << 64) - 1)),
    st.integers(0, 64),
    st.integers(-3, 3),
)


@given(near_powers | st.integers(1, (1 << 64) - 1), st.integers(0, 1 << 63))
def test_quotient(divisor: int, number: int) -> None:
    """The greatest number, and those where the quotient changes, are the ones to get wrong."""
    change = number // divisor * divisor
    for candidate in (number, change, max(change - 1, 0), (1 << 63) - 1, 1 << 63):
        assert quotient(candidate, divisor) == candidate // divisor


@given(near_powers | st.integers(1, (1 << 64) - 1))
def test_the_proof(divisor: int) -> None:
    _, multiplier, shift = (field % (1 << 64) for field in divisor_fields(divisor))
    if multiplier:
        error = multiplier * divisor - (1 << 64 + shift)
        assert 0 <= error < divisor and (error == 0 or (1 << 63) * error < 1 << 64 + shift)
    else:
        assert divisor == 1 << shift
