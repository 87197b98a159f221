"""The error function in fixed point with a proven error (docs/activations.md)."""

from __future__ import annotations

from functools import cache
from math import isqrt

SATURATION = 7
"""1 - erf(7) < 2^-74, so that from there on the nearest integer to scale·erf(z) is the scale."""
CANCELLED_BITS = 72
"""The terms of the series grow to e^49 < 2^71, while their sum is below 1."""
GUARD_BITS = 16


def error_function(magnitude: int, scale: int, bits: int) -> tuple[int, int]:
    """Integers (low, high) with low < erf(magnitude/scale)·2^bits < high; bits >= 64.

    erf z = 2/√π · Σ (−1)^n z^(2n+1) / (n!·(2n+1)) for z = magnitude/scale in (0, 7). Every step
    is off by less than a unit of the working precision, which the steps after it multiply by
    e^49 at most; there are fewer than bits + 400 terms.
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
    result = total * _two_over_root_pi(working) >> 2 * working - bits
    return max(result - 1, 0), result + 2


@cache
def _two_over_root_pi(bits: int) -> int:
    """2/√π · 2^bits, off by less than two units."""
    precision = 2 * bits + 8
    return isqrt((4 << 2 * bits + precision) // _pi(precision))


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
