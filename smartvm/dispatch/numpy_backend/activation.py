"""Correctly rounded softmax, sigmoid and tanh: float64 where it proves the rounding, else exact.

The float64 path uses +, −, ×, ÷ and rounding to an integer only, which IEEE 754 fixes to the last
bit, so its error bounds hold on every machine and for every version of numpy. An item that
the bound leaves undecided goes to integer arithmetic. docs/activations.md proves the bounds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from math import factorial

import numpy as np

from smartvm.dispatch.exponential import Exponentials
from smartvm.dispatch.reference import activation as reference
from smartvm.dispatch.tensor import Tensor

LARGEST_FLOAT_SCALE = 1 << 46
"""Beyond it float64 decides too little to be worth trying."""
CUTOFF = 64
"""e^(-d/scale) beyond d = 64·scale counts as e^-64: too little to show in any result."""
GRID = 64
"""Tabulated exponentials a unit of d/scale; a polynomial serves the rest, at most 1/128."""
COEFFICIENTS = tuple(1 / factorial(order) for order in range(6, 0, -1))
ROUNDING = 2.0**-53
"""The relative error of one float64 operation."""
BLOCK_ITEMS = 1 << 14
"""Items worked on at a time: the intermediate results stay in the cache, and memory is bounded."""


def softmax(x: Tensor, scale: int, group: int) -> Tensor:
    """See `Backend.softmax`; shapes checked, gas paid."""

    def kernel(part: Tensor) -> Tensor:
        if scale > LARGEST_FLOAT_SCALE:
            return reference.softmax(part, scale, group)
        return Tensor.from_array(_softmax(part, scale, group))

    return in_blocks(kernel, x, group)


def sigmoid(x: Tensor, scale: int) -> Tensor:
    """See `Backend.sigmoid`; shapes checked, gas paid."""

    def kernel(part: Tensor) -> Tensor:
        if scale > LARGEST_FLOAT_SCALE:
            return reference.sigmoid(part, scale)
        values = clipped(part, CUTOFF * scale)
        tails = _logistic_tails(np.abs(values), scale, 1)
        return Tensor.from_array(np.where(values > 0, scale - tails, tails))

    return in_blocks(kernel, x, 1)


def tanh(x: Tensor, scale: int) -> Tensor:
    """See `Backend.tanh`; shapes checked, gas paid."""

    def kernel(part: Tensor) -> Tensor:
        if scale > LARGEST_FLOAT_SCALE:
            return reference.tanh(part, scale)
        values = clipped(part, CUTOFF * scale // 2)
        tails = _logistic_tails(np.abs(values), scale, 2)
        return Tensor.from_array(np.where(values > 0, scale - tails, tails - scale))

    return in_blocks(kernel, x, 1)


def in_blocks(kernel: Callable[[Tensor], Tensor], x: Tensor, group: int) -> Tensor:
    """The kernel on whole groups of about `BLOCK_ITEMS` items at a time."""
    size = max(1, BLOCK_ITEMS // group) * group
    if len(x) <= size:
        return kernel(x)
    return Tensor.concatenate([kernel(x[i : i + size]) for i in range(0, len(x), size)])


def _softmax(x: Tensor, scale: int, group: int) -> np.ndarray:
    """(groups, group) int64, the float64 path first."""
    powers = exponentials(_distances(x, group, CUTOFF * scale), scale)
    items = powers * scale / powers.sum(axis=1, keepdims=True)
    rounded, undecided = _round(items, (group + 8) * ROUNDING)
    if undecided.any():
        _settle(rounded, undecided, x, scale)
    return rounded


def _settle(rounded: np.ndarray, undecided: np.ndarray, x: Tensor, scale: int) -> None:
    """Write the exact softmax into the undecided items of a (groups, group) array."""
    values, group = x.to_ints(), rounded.shape[1]
    rows: dict[int, reference.Row] = {}
    wanted: dict[reference.Row, set[int]] = {}
    for i in np.flatnonzero(undecided.any(axis=1)).tolist():
        rows[i] = row = tuple(values[i * group : (i + 1) * group])
        wanted.setdefault(row, set()).update(row[j] for j in np.flatnonzero(undecided[i]))
    exact = reference.softmax_items(wanted, scale)
    for i, row in rows.items():
        item_of = exact[row]
        for j in np.flatnonzero(undecided[i]):
            rounded[i, j] = item_of[row[j]]


def _logistic_tails(magnitudes: np.ndarray, scale: int, factor: int) -> np.ndarray:
    """See `reference.logistic_tails`; (n,) int64 magnitudes, at most CUTOFF·scale/factor."""
    powers = exponentials(factor * magnitudes, scale)
    rounded, undecided = _round(factor * scale * powers / (1 + powers), 8 * ROUNDING)
    if undecided.any():
        distinct, inverse = np.unique(magnitudes[undecided], return_inverse=True)
        exact = reference.logistic_tails(distinct.tolist(), scale, factor)
        rounded[undecided] = np.array([exact[m] for m in distinct.tolist()])[inverse]
    return rounded


def _round(items: np.ndarray, relative_error: float) -> tuple[np.ndarray, np.ndarray]:
    """The nearest int64, and where an error of that size could lead to another one."""
    nearest = np.rint(items)
    reach = np.abs(items - nearest) + items * relative_error
    return nearest.astype(np.int64), reach >= 0.5


def exponentials(distances: np.ndarray, scale: int) -> np.ndarray:
    """e^(-d/scale) as float64 with a relative error below 2.1·2^-53; d <= CUTOFF·scale <= 2^52.

    d = scale·(index/GRID) + residual/GRID is exact in int64; the table gives the power of the
    first part, a polynomial of degree 6 that of the second.
    """
    index = np.rint(distances * (GRID / scale)).astype(np.int64)
    exponent = (index * scale - distances * GRID) / float(GRID * scale)
    growth = exponent * COEFFICIENTS[0]
    for coefficient in COEFFICIENTS[1:]:
        growth += coefficient
        growth *= exponent
    powers = exponential_table()[index]
    growth *= powers
    powers += growth
    return powers


@cache
def exponential_table() -> np.ndarray:
    """e^(-i/GRID) for i = 0 … CUTOFF·GRID, each within 1.01 roundings."""
    bits = 192
    exponentials = Exponentials(GRID, bits, CUTOFF * GRID)
    lows = (exponentials.bounds(i)[0] for i in range(CUTOFF * GRID + 1))
    return np.array([low / exponentials.one for low in lows])


def _distances(x: Tensor, group: int, limit: int) -> np.ndarray:
    """(groups, group) int64: how far each item is below the greatest of its group, or `limit`."""
    if x.is_wide:
        values = x.to_ints()
        rows = [values[i : i + group] for i in range(0, len(values), group)]
        tops = map(max, rows)
        return np.array(
            [[min(top - v, limit) for v in row] for top, row in zip(tops, rows, strict=True)]
        )
    items = x.in_form(8).reshape(-1, group)
    top = items.max(axis=1, keepdims=True)
    # The difference of two int64 fits uint64, and modulo 2⁶⁴ it is exact.
    distances: np.ndarray = top.view(np.uint64) - items.view(np.uint64)
    np.minimum(distances, limit, out=distances)
    return distances.view(np.int64)


def clipped(x: Tensor, limit: int) -> np.ndarray:
    """(n,) int64: the items, cut to [-limit, limit]."""
    if not x.is_wide:
        values = x.in_form(8)
        return values if x.magnitude <= limit else np.clip(values, -limit, limit)
    sign = x.data[:, -1] >> 15
    fits = (x.data[:, 4:] == sign[:, None] * 0xFFFF).all(axis=1) & (x.data[:, 3] >> 15 == sign)
    low = np.ascontiguousarray(x.data[:, :4]).view("<i8").reshape(-1)
    return np.where(fits, np.clip(low, -limit, limit), np.where(sign, -limit, limit))
