"""What the backends share of moving and reducing items: the kinds, and the check of indices."""

from __future__ import annotations

from enum import IntEnum

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

LAST = 8
"""Added to ARG_MAX and ARG_MIN: of several extremes the last counts, not the first."""


class Reduction(IntEnum):
    """The kinds of `Backend.reduce`."""

    SUM = 0
    MAX = 1
    MIN = 2
    ARG_MAX = 3
    ARG_MIN = 4
    LAST_ARG_MAX = ARG_MAX + LAST
    LAST_ARG_MIN = ARG_MIN + LAST


def with_items(parts: list[Tensor]) -> list[Tensor]:
    """The parts that have items, or the first: (0, 0), an empty part's bounds, must not count."""
    return [part for part in parts if len(part)] or parts[:1]


def check_indices(indices: Tensor, data: Tensor, columns: int) -> None:
    """See that every index names a row of the data, counted from its start or its end.

    Raises:
        ItemRangeError: one does not.
    """
    rows = len(data) // columns
    low, high = indices.bounds
    if low < -rows or high >= rows:
        found = high if high >= rows else low
        raise ItemRangeError("indices", f"from {-rows} to {rows - 1}", found)
