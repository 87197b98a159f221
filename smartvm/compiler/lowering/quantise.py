"""Constants: float arrays at a scale become integer arrays, once all nodes are lowered."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor
from typing import NamedTuple

import numpy as np

from smartvm.compiler.integer_graph import Interval
from smartvm.exceptions import WeightRangeError

WEIGHT_LIMIT = float(1 << 63)
EXACT_LIMIT = float(1 << 53)


class _Request(NamedTuple):
    """An array that is wanted at a scale; `hint` names the node that wants it."""

    array: np.ndarray
    scale: int
    hint: str


class Quantiser:
    """Hands out names for constants, and rounds the arrays of those that are used in the end."""

    def __init__(self) -> None:
        self._requests: dict[str, _Request] = {}
        self._names: dict[tuple[int, int], str] = {}

    def constant(self, array: np.ndarray, scale: int, hint: str) -> str:
        """The name of the constant of an array at a scale."""
        key = (id(array), scale)
        if key not in self._names:
            name = f"weights:{len(self._requests) + 1}"
            self._names[key] = name
            self._requests[name] = _Request(array, scale, hint)
        return self._names[key]

    def arrays(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The integer arrays, flat, of those of the names that are constants."""
        used = set(names)
        return {
            name: quantised(request.array, request.scale, request.hint).reshape(-1)
            for name, request in self._requests.items()
            if name in used
        }


def quantised(array: np.ndarray, scale: int, hint: str = "") -> np.ndarray:
    """The integers nearest array·scale, ties to even, in the narrowest dtype.

    Integers may have any size; real numbers at a scale must stay below 2⁶³.

    Raises:
        WeightRangeError: some number does not.
    """
    if array.dtype == object:
        return array
    if array.dtype.kind != "f":
        return narrowest(array.astype(np.int64) * scale if scale != 1 else array)
    magnitude = float(np.abs(array).max(initial=0)) * scale
    if magnitude >= WEIGHT_LIMIT:
        raise WeightRangeError(
            f"{hint}: a weight of {float(np.abs(array).max()):g} at scale {scale} "
            "passes 64 bits; choose a smaller scale"
        )
    return narrowest(np.rint(array.astype(np.float64) * scale).astype(np.int64))


def narrowest(array: np.ndarray) -> np.ndarray:
    """The integers in the narrowest of int8, int16, int32 and int64 that holds them."""
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)


def nearest_integers(array: np.ndarray, scale: int) -> np.ndarray:
    """The integers nearest array·scale as Python integers where they pass 2⁵³.

    For biases, which stand at the scale of an accumulator and may have any size.
    """
    exact = array.astype(np.float64)
    if float(np.abs(exact).max(initial=0)) * scale < EXACT_LIMIT:
        return np.rint(exact * scale).astype(np.int64)
    from fractions import Fraction

    items = [round(Fraction(item) * scale) for item in exact.reshape(-1).tolist()]
    return np.array(items, dtype=object).reshape(array.shape)


def rounded_outwards(low: float, high: float, scale: int) -> Interval:
    """The integers of all numbers from `low` to `high` at a scale, their rounding included."""
    return Interval(floor(low * scale), ceil(high * scale))
