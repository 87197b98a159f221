"""The error function in exact fixed point with a proven error (docs/activations.md).

Python integers only. erf is tabulated as a Taylor series at each point of a grid.
"""

from __future__ import annotations

from functools import cache
from math import isqrt

from smartvm.dispatch.exponential import Exponentials

GRID = 64
"""Points a unit; between them a series serves, at most 1/128 away."""
GRID_BITS = 7
SATURATION = 7
"""1 - erf(7) < 2^-74, so that from there on the nearest integer to scale·erf(z) is the scale."""
CANCELLED_BITS = 72
"""The terms of the series at zero grow to e^49 < 2^71, while their sum is below 1."""
GUARD_BITS = 16


def error_function(magnitude: int, scale: int, bits: int) -> tuple[int, int]:
    """Integers (low, high) with low < erf(magnitude/scale)·2^bits < high.

    For magnitude/scale in (0, 7) and bits >= 64.
    """
    working = bits + GUARD_BITS
    index = (2 * GRID * magnitude + scale) // (2 * scale)
    offset = (GRID * magnitude - index * scale << working) // (GRID * scale)
    total = 0
    for coefficient in reversed(coefficients(index, working)):
        total = (total * offset >> working) + coefficient
    result = total >> GUARD_BITS
    return max(result - 1, 0), result + 2


@cache
def coefficients(index: int, bits: int) -> tuple[int, ...]:
    """Taylor's coefficients of erf at index/GRID, times 2^bits, as far as a term can show.

    Those of the derivative g = 2/√π·e^(−z²) follow from g' = −2z·g:
    (k + 1)·b_(k+1) = −2·(z·b_k + b_(k−1)).
    """
    exponentials = Exponentials(GRID * GRID, bits, 1)
    slope = exponentials.bounds(index * index)[0] * _two_over_root_pi(bits) >> bits
    last, result = 0, [_series(index, bits), slope]
    for order in range(1, bits // GRID_BITS + 1):
        slope, last = -2 * (index * slope // GRID + last) // order, slope
        result.append(slope // (order + 1))
    return tuple(result)


def _series(index: int, bits: int) -> int:
    """erf(index/GRID) · 2^bits, off by less than two units.

    erf z = 2/√π · Σ (−1)^n z^(2n+1) / (n!·(2n+1)). Every step is off by less than a unit of the
    working precision, which the steps after it multiply by e^49 at most.
    """
    working = bits + CANCELLED_BITS + GUARD_BITS + bits.bit_length()
    power = (index << working) // GRID
    square = (index * index << working) // (GRID * GRID)
    total = order = 0
    while power:
        term = power // (2 * order + 1)
        total += -term if order & 1 else term
        order += 1
        power = (power * square >> working) // order
    return total * _two_over_root_pi(working) >> 2 * working - bits


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
