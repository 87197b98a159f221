"""Correctly rounded softmax, sigmoid and tanh in integer arithmetic (docs/activations.md).

Each result is the integer nearest scale·f(v/scale), ties to even. The method is Ziv's: compute
an interval that holds the exact value; if all of it rounds to one integer, that is the result,
else double the precision. Exact ties are settled beforehand, all other values are irrational.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from smartvm.dispatch.exponential import Exponentials
from smartvm.dispatch.reference.elementwise import nearest_even
from smartvm.dispatch.tensor import Tensor

Row = tuple[int, ...]
Ratio = tuple[int, int]

GUARD_BITS = 64
"""Bits beyond those that the result needs, for a first attempt that seldom fails."""


def softmax(x: Tensor, scale: int, group: int) -> Tensor:
    """Over each run of `group` items: the integer nearest scale·e^(v/scale) / Σ e^(u/scale).

    Shapes checked, gas paid: group >= 1 divides the length, scale is in [1, 2⁶⁴).
    """
    values = x.to_ints()
    rows = [tuple(values[i : i + group]) for i in range(0, len(values), group)]
    rounded = softmax_rows(rows, scale)
    return Tensor.from_ints(item for row in rows for item in rounded[row])


def sigmoid(x: Tensor, scale: int) -> Tensor:
    """The integer nearest scale / (1 + e^(-v/scale)); scale is in [1, 2⁶⁴)."""
    values = x.to_ints()
    tails = logistic_tails(map(abs, values), scale, 1)
    return Tensor.from_ints(scale - tails[v] if v > 0 else tails[-v] for v in values)


def tanh(x: Tensor, scale: int) -> Tensor:
    """The integer nearest scale·tanh(v/scale); scale is in [1, 2⁶⁴)."""
    values = x.to_ints()
    tails = logistic_tails(map(abs, values), scale, 2)
    return Tensor.from_ints(scale - tails[v] if v > 0 else tails[-v] - scale for v in values)


def logistic_tails(magnitudes: Iterable[int], scale: int, factor: int) -> dict[int, int]:
    """For each magnitude a >= 0: the integer nearest factor·scale / (1 + e^(factor·a/scale)).

    It is what sigmoid (factor 1) and tanh (factor 2) at a lack to `scale`.
    """
    rounded = {0: nearest_even(factor * scale, 2)}  # the only tie
    pending = set(magnitudes) - rounded.keys()
    bits = 3 * scale.bit_length() + GUARD_BITS
    while pending:
        exponential = Exponentials(scale, bits, len(pending))
        for magnitude in pending:
            nearest = _rounded_tail(exponential(factor * magnitude), factor * scale, 1 << bits)
            if nearest is not None:
                rounded[magnitude] = nearest
        pending -= rounded.keys()
        bits *= 2
    return rounded


def _rounded_tail(power: int, numerator: int, one: int) -> int | None:
    low, high = max(power - 1, 0), power + 2
    return _nearest((numerator * low, one + low), (numerator * high, one + high))


def softmax_rows(rows: Iterable[Row], scale: int) -> dict[Row, Row]:
    """The softmax of each distinct row; all rows have the same length."""
    rounded: dict[Row, Row] = {}
    pending = set(rows)
    group = max(map(len, pending), default=0)
    bits = scale.bit_length() + group.bit_length() + GUARD_BITS
    while pending:
        exponential = Exponentials(scale, bits, len(pending) * group)
        for row in pending:
            result = _softmax_row(row, scale, exponential, bits)
            if result is not None:
                rounded[row] = result
        pending -= rounded.keys()
        bits *= 2
    return rounded


def _softmax_row(row: Row, scale: int, exponential: Exponentials, bits: int) -> Row | None:
    """The softmax of one row, or None where `bits` do not decide some rounding."""
    top = max(row)
    counts = Counter(top - value for value in row)
    if len(counts) == 1:
        return (nearest_even(scale, len(row)),) * len(row)
    powers = {distance: exponential(distance) for distance in counts}
    bounds = {d: (max(power - 1, 0), power + 2) for d, power in powers.items()}
    bounds[0] = (1 << bits, 1 << bits)
    low_sum = sum(count * bounds[d][0] for d, count in counts.items())
    high_sum = sum(count * bounds[d][1] for d, count in counts.items())
    nearest = {}
    for d, (low, high) in bounds.items():
        item = _nearest((scale * low, high_sum), (scale * high, low_sum))
        if item is None:
            return None
        nearest[d] = item
    return tuple(nearest[top - value] for value in row)


def _nearest(low: Ratio, high: Ratio) -> int | None:
    """The integer nearest every number strictly between two ratios, or None."""
    (low_numerator, low_denominator), (high_numerator, high_denominator) = low, high
    nearest = (2 * low_numerator + low_denominator) // (2 * low_denominator)
    fits = 2 * high_numerator <= (2 * nearest + 1) * high_denominator
    return nearest if fits else None

