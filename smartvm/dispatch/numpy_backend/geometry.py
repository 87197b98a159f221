"""Which of equally spaced positions lie on an axis."""

from __future__ import annotations


def reach(start: int, step: int, count: int, length: int) -> tuple[slice, slice]:
    """Of the positions start + i·step, i < count, those in [0, length).

    Returns:
        The slice of i, and the slice of the axis that they are; both empty if there are none.
    """
    first = max(0, -(start // step))
    end = min(count, -((start - length) // step))
    if first >= end:
        return slice(0, 0), slice(0, 0)
    return slice(first, end), slice(start + first * step, start + (end - 1) * step + 1, step)
