"""Correctly rounded softmax, sigmoid and tanh in integer arithmetic (docs/activations.md).

Each result is the integer nearest scale·f(v/scale), ties to even. The method is Ziv's: bound the
exact value from both sides; if all numbers between the bounds round to one integer, that is the
result, else double the precision. Exact ties are settled beforehand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from smartvm.dispatch.exponential import Exponentials
from smartvm.dispatch.reference.elementwise import nearest_even
from smartvm.dispatch.tensor import Tensor

Row = tuple[int, ...]
Ratio = tuple[int, int]

GUARD_BITS = 64
"""Bits beyond those of the result, so that the first attempt seldom fails."""


def softmax(x: Tensor, scale: int, group: int) -> Tensor:
    """See `Backend.softmax`; shapes checked, gas paid."""
    values = x.to_ints()
    rows = [tuple(values[i : i + group]) for i in range(0, len(values), group)]
    rounded = softmax_items({row: set(row) for row in rows}, scale)
    items = ((rounded[row], row) for row in rows)
    return Tensor.from_ints(item_of[value] for item_of, row in items for value in row)


def sigmoid(x: Tensor, scale: int) -> Tensor:
    """See `Backend.sigmoid`; shapes checked, gas paid."""
    values = x.to_ints()
    tails = logistic_tails(map(abs, values), scale, 1)
    return Tensor.from_ints(scale - tails[v] if v > 0 else tails[-v] for v in values)


def tanh(x: Tensor, scale: int) -> Tensor:
    """See `Backend.tanh`; shapes checked, gas paid."""
    values = x.to_ints()
    tails = logistic_tails(map(abs, values), scale, 2)
    return Tensor.from_ints(scale - tails[v] if v > 0 else tails[-v] - scale for v in values)


def logistic_tails(magnitudes: Iterable[int], scale: int, factor: int) -> dict[int, int]:
    """For each magnitude a >= 0: the integer nearest factor·scale / (1 + e^(factor·a/scale)).

    It is what sigmoid (factor 1) and tanh (factor 2) of a lack to `scale`.
    """
    rounded = {0: nearest_even(factor * scale, 2)}  # the only tie
    pending = set(magnitudes) - rounded.keys()
    bits = 3 * scale.bit_length() + GUARD_BITS
    while pending:
        exponentials = Exponentials(scale, bits, len(pending))
        for magnitude in pending:
            nearest = _logistic_tail(exponentials, factor * magnitude, factor * scale)
            if nearest is not None:
                rounded[magnitude] = nearest
        pending -= rounded.keys()
        bits *= 2
    return rounded


def _logistic_tail(exponentials: Exponentials, distance: int, numerator: int) -> int | None:
    low, high = exponentials.bounds(distance)
    one = exponentials.one
    return _nearest((numerator * low, one + low), (numerator * high, one + high))


def softmax_items(wanted: Mapping[Row, set[int]], scale: int) -> dict[Row, dict[int, int]]:
    """For each row, the softmax of those of its values that are wanted; equal lengths."""
    rounded: dict[Row, dict[int, int]] = {row: {} for row in wanted}
    pending = list(wanted)
    group = max(map(len, pending), default=0)
    bits = scale.bit_length() + group.bit_length() + GUARD_BITS
    while pending:
        exponentials = Exponentials(scale, bits, len(pending) * group)
        for row in pending:
            rest = wanted[row] - rounded[row].keys()
            rounded[row] |= _softmax_row(row, rest, scale, exponentials)
        pending = [row for row in pending if len(rounded[row]) < len(wanted[row])]
        bits *= 2
    return rounded


def _softmax_row(
    row: Row, wanted: set[int], scale: int, exponentials: Exponentials
) -> dict[int, int]:
    """The softmax of those wanted values whose rounding the precision decides."""
    counts = Counter(row)
    if len(counts) == 1:
        return {row[0]: nearest_even(scale, len(row))}  # the only tie
    top = max(counts)
    low_sum = high_sum = 0
    for value, count in counts.items():
        low, high = exponentials.bounds(top - value)
        low_sum += count * low
        high_sum += count * high
    rounded = {}
    for value in wanted:
        low, high = exponentials.bounds(top - value)
        nearest = _nearest((scale * low, high_sum), (scale * high, low_sum))
        if nearest is not None:
            rounded[value] = nearest
    return rounded


def _nearest(low: Ratio, high: Ratio) -> int | None:
    """The integer nearest every number strictly between two ratios, or None."""
    (low_numerator, low_denominator), (high_numerator, high_denominator) = low, high
    nearest = (2 * low_numerator + low_denominator) // (2 * low_denominator)
    fits = 2 * high_numerator <= (2 * nearest + 1) * high_denominator
    return nearest if fits else None
