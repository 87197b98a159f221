"""The error function in fixed point with a proven error (docs/activations.md)."""

from __future__ import annotations

from functools import cache
from math import isqrt

SATURATION = 7
"""1 - erf(7) < 2^-74, so that scale·erf(z) rounds to the scale from there on."""
CANCELLED_BITS = 72
"""No term of the series exceeds e^49 < 2^71, while their sum is below 1."""
GUARD_BITS = 16


def saturation(scale: int) -> int:
    """The least item from which the result is the scale, which is below 2⁶⁴."""
    return SATURATION * scale


def error_function(magnitude: int, scale: int, bits: int) -> tuple[int, int]:
    """Integers (low, high) with low < erf(magnitude/scale)·2^bits < high.

    erf z = 2/√π · Σ (−1)^n z^(2n+1) / (n!·(2n+1)) for z = magnitude/scale in (0, 7). In the
    working precision z² and each step are off by less than a unit, and the relative errors of a
    term add up to less than (2n + 3) units over the least factor, which the guard bits absorb.
    """
    working = bits + CANCELLED_BITS + GUARD_BITS + bits.bit_length()
    power = (magnitude << working) // scale
    square = (magnitude * magnitude << working) // (scale * scale)
    total = order = 0
    while power:
        term = power // (2 * order + 1)
        total += -term if order & 1 else term
        order += 1
        power = (power * square >> working) // order
    result = total * two_over_root_pi(working) >> 2 * working - bits
    return max(result - 1, 0), result + 2


@cache
def two_over_root_pi(bits: int) -> int:
    """2/√π · 2^bits, off by less than two units."""
    guard = 16
    four = 4 << 3 * bits + 2 * guard
    return isqrt((four << bits) // (_pi(2 * bits) << 0)) >> guard


def _pi(bits: int) -> int:
    """π · 2^bits by Machin's formula, off by less than a unit."""
    working = bits + bits.bit_length() + 8
    total = 16 * _inverse_arctangent(5, working) - 4 * _inverse_arctangent(239, working)
    return total >> working - bits


def _inverse_arctangent(n: int, bits: int) -> int:
    """arctan(1/n) · 2^bits by its alternating series, off by at most two units a term."""
    power = (1 << bits) // n
    total, order = power, 1
    while power:
        power //= n * n
        term = power // (2 * order + 1)
        total += -term if order & 1 else term
        order += 1
    return total
