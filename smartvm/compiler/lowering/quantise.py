"""Constants: float arrays at a scale become integer arrays, once all nodes are lowered."""

from __future__ import annotations

from collections.abc import Container, Hashable, Iterable, Mapping
from fractions import Fraction
from itertools import count
from math import ceil, floor, frexp
from typing import NamedTuple

import numpy as np

from smartvm.compiler.integer_graph import Interval
from smartvm.exceptions import WeightRangeError

WEIGHT_LIMIT = float(1 << 63)
LARGEST_DIVISOR = (1 << 64) - 1
TERM_BITS = 60
"""Bits that are kept of a factor that has to be rounded."""


class _Request(NamedTuple):
    """An array that is wanted at a scale."""

    array: np.ndarray
    scale: int


class Quantiser:
    """Hands out names for constants, and rounds the arrays of those that are used in the end.

    Args:
        known: the arrays of the model by name.
        taken: all names of the model's tensors.
    """

    def __init__(self, known: Mapping[str, np.ndarray], taken: Container[str]) -> None:
        self._known = {identity(array): name for name, array in known.items()}
        self._taken = taken
        self._requests: dict[str, _Request] = {}
        self._names: dict[tuple[Hashable, int], str] = {}

    def constant(self, array: np.ndarray, scale: int, hint: str) -> str:
        """The name of the constant of an array at a scale.

        It is the tensor's own where the model has that array, else made of the hint.
        """
        key = (identity(array), scale)
        if key not in self._names:
            name = self._known.get(identity(array), "")
            if not name or name in self._requests:
                name = self._fresh_name(name or hint)
            self._names[key] = name
            self._requests[name] = _Request(array, scale)
        return self._names[key]

    def _fresh_name(self, stem: str) -> str:
        numbers = (f"{stem}/{number}" for number in count(1))
        return next(n for n in numbers if n not in self._taken and n not in self._requests)

    def arrays(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """The integer arrays, flat, of those of the names that are constants."""
        used = set(names)
        return {
            name: quantised(request.array, request.scale, name).reshape(-1)
            for name, request in self._requests.items()
            if name in used
        }


def identity(array: np.ndarray) -> Hashable:
    """What tells the items of an array from those of any other that is alive, without a look."""
    if array.flags.c_contiguous:
        return (array.ctypes.data, array.size, array.dtype.str)
    return id(array)


def quantised(array: np.ndarray, scale: int, name: str) -> np.ndarray:
    """The integers nearest array·scale, ties to even, in the narrowest dtype.

    Integers may have any size; real numbers at a scale must stay below 2⁶³.

    Raises:
        WeightRangeError: some number does not.
    """
    if array.dtype == object:
        return array
    if array.dtype.kind in "biu":
        return narrowest(array.astype(np.int64) * scale if scale != 1 else array)
    magnitude = float(np.abs(array).max(initial=0)) * scale
    if magnitude >= WEIGHT_LIMIT:
        raise WeightRangeError(
            f"{name}: a weight of {float(np.abs(array).max()):g} at scale {scale} "
            "passes 64 bits; choose a smaller scale"
        )
    exact = array.astype(np.float64)
    exact *= scale
    return narrowest(np.rint(exact, out=exact))


def narrowest(array: np.ndarray) -> np.ndarray:
    """Whole numbers in the narrowest of int8, int16, int32 and int64 that holds them."""
    low, high = int(array.min(initial=0)), int(array.max(initial=0))
    for dtype in (np.int8, np.int16, np.int32):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return array.astype(dtype)
    return array.astype(np.int64)


def rounded_outwards(low: float, high: float, scale: int) -> Interval:
    """The integers of all numbers from `low` to `high` at a scale, their rounding included."""
    return Interval(floor(low * scale), ceil(high * scale))


def fitting(factor: Fraction) -> Fraction:
    """The factor, or the nearest whose divisor is below 2⁶⁴, of about TERM_BITS bits."""
    if factor.denominator <= LARGEST_DIVISOR:
        return factor
    bits = min(63, max(0, TERM_BITS - frexp(factor)[1]))
    return Fraction(round(factor * (1 << bits)), 1 << bits)
