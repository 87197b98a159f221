"""Correctly rounded exp, log, sqrt and erf: float64 where it proves the rounding, else exact.

As in `activation`, the float64 path uses +, −, ×, ÷ and operations that IEEE 754 makes exact, so
that its error bounds hold everywhere; an item that the bound leaves undecided goes to integer
arithmetic, equal ones once. docs/activations.md proves the bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from smartvm.dispatch.error_function import GRID, SATURATION, coefficients
from smartvm.dispatch.functions import Function, check_domain
from smartvm.dispatch.numpy_backend.activation import (
    BLOCK_ITEMS,
    CUTOFF,
    LARGEST_FLOAT_SCALE,
    ROUNDING,
    clipped,
    exponentials,
    in_blocks,
)
from smartvm.dispatch.reference import function as reference
from smartvm.dispatch.tensor import Tensor

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]
Estimate = tuple[Floats, Floats | float]
"""Approximate results, and bounds of their absolute errors."""

LARGEST_LOG_SCALE = 1 << 40
"""Beyond it float64 decides too little of the logarithm to be worth trying."""
LARGEST_ESTIMATE = 2.0**60
"""What stands for any result beyond it, which float64 never decides."""
LOG_GRID = 128
LOG_COEFFICIENTS = tuple((-1) ** (order + 1) / order for order in range(7, 0, -1))
LARGEST_ROOT = 1 << 62
LARGEST_INT64 = (1 << 63) - 1
ERF_TERMS = 8


def function(x: Tensor, scale: int, function: int) -> Tensor:
    """See `Backend.function`; shapes checked, gas paid."""
    check_domain(x, scale, function)
    if function == Function.SQRT:
        return _sqrt(x, scale)
    if function == Function.EXP and len(x) > BLOCK_ITEMS:
        reference.function_items({x.bounds[1]}, scale, function)  # an error names the greatest item
    largest, limit = limits(scale, function)

    def kernel(part: Tensor) -> Tensor:
        if scale > largest or (part.bounds[1] > limit and function != Function.ERF):
            return reference.function(part, scale, function)
        return _settled(clipped(part, limit), scale, function)

    return in_blocks(kernel, x, 1)


def limits(scale: int, function: int) -> tuple[int, int]:
    """The greatest scale and the greatest item that are worth trying in float64.

    Items of a greater magnitude have the same error function; those below have the power 0.
    """
    if function == Function.EXP:
        return LARGEST_FLOAT_SCALE, CUTOFF * scale
    if function == Function.LOG:
        return LARGEST_LOG_SCALE, LARGEST_INT64
    return LARGEST_FLOAT_SCALE, SATURATION * scale


def _settled(values: Integers, scale: int, function: int) -> Tensor:
    """The integers nearest to the estimates, exact ones where an error could lead to another."""
    items, error = _ESTIMATES[Function(function)](values, scale)
    nearest = np.rint(items)
    undecided = np.abs(items - nearest) + error >= 0.5
    rounded = nearest.astype(np.int64)
    if not undecided.any():
        return Tensor.from_array(rounded)
    distinct, inverse = np.unique(values[undecided], return_inverse=True)
    items_of = reference.function_items(distinct.tolist(), scale, function)
    exact = Tensor.from_ints(items_of[value] for value in distinct.tolist())
    if exact.is_wide:
        wide = Tensor.from_array(rounded).wide().copy()
        wide[undecided] = exact.data[inverse]
        return Tensor.from_wide(wide)
    rounded[undecided] = exact.data[inverse]
    return Tensor.from_array(rounded)


def _exp(values: Integers, scale: int) -> Estimate:
    """Within four roundings of each: those of the power, of the scale's product or quotient."""
    powers = exponentials(np.abs(values), scale)
    items = np.minimum(np.where(values > 0, scale / powers, scale * powers), LARGEST_ESTIMATE)
    return items, items * (4 * ROUNDING)


def _log(values: Integers, scale: int) -> Estimate:
    """Within 180 roundings of the scale: ln(v/scale) is at most 45, and v/scale = 2^e·m.

    m is a grid point c = i/128 times 1 + t, t at most 1/128, whose logarithm is a polynomial.
    """
    ratio = values / np.float64(scale)
    fraction, exponent = np.frexp(ratio)
    index = np.rint(fraction * LOG_GRID)
    rest = (fraction - index / LOG_GRID) / (index / LOG_GRID)
    total = rest * LOG_COEFFICIENTS[0]
    for coefficient in LOG_COEFFICIENTS[1:]:
        total += coefficient
        total *= rest
    table = logarithm_table()
    logarithm = exponent * -table[LOG_GRID // 2] + table[index.astype(np.int64)] + total
    return logarithm * scale, 180 * ROUNDING * scale


def _erf(values: Integers, scale: int) -> Estimate:
    """Within three roundings of the scale: v/scale is a grid point and at most 1/128 more."""
    magnitudes = np.abs(values)
    index = np.rint(magnitudes * (GRID / scale)).astype(np.int64)
    rest = (magnitudes * GRID - index * scale) / float(GRID * scale)
    table = error_function_table()
    total = table[-1][index] * rest
    for coefficient in table[-2:0:-1]:
        total += coefficient[index]
        total *= rest
    total += table[0][index]
    return np.where(values < 0, -total, total) * scale, 3 * ROUNDING * scale


_ESTIMATES: dict[Function, Callable[[Integers, int], Estimate]] = {
    Function.EXP: _exp,
    Function.LOG: _log,
    Function.ERF: _erf,
}


def _sqrt(x: Tensor, scale: int) -> Tensor:
    """√(v·scale) in int64 where the product is below 2⁶².

    The integer below the root of floats is the right one, or off by one next to a square: there
    the last step gives the same result from either.
    """
    if max(x.magnitude, 1) * scale >= LARGEST_ROOT:
        return reference.function(x, scale, Function.SQRT)
    square = x.in_form(8) * scale
    root = np.sqrt(square.astype(np.float64)).astype(np.int64)
    root += square - root * root > root
    return Tensor.from_array(root)


@cache
def logarithm_table() -> Floats:
    """ln(i/128) at index i from 64 to 128, each within 1.01 roundings; below 64 not used."""
    bits = 60
    grid = range(LOG_GRID // 2, LOG_GRID + 1)
    values = [(i << bits) // LOG_GRID for i in grid]
    exact = reference.function_items(values, 1 << bits, Function.LOG)
    return np.array([0.0] * (LOG_GRID // 2) + [exact[value] / (1 << bits) for value in values])


@cache
def error_function_table() -> Floats:
    """(terms, points): Taylor's coefficients at each point of the grid, within 1.01 roundings."""
    bits = 192
    points = range(SATURATION * GRID + 1)
    rows = [[c / (1 << bits) for c in coefficients(i, bits)[:ERF_TERMS]] for i in points]
    return np.ascontiguousarray(np.transpose(rows))
