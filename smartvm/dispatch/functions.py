"""What the backends share of the functions of ACT_FUN: their numbers and their domains."""

from __future__ import annotations

from enum import IntEnum

from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

LARGEST_EXPONENT = 177
"""e^177 > 2^255: beyond it no scale has an exponential that fits an item."""


class Function(IntEnum):
    """The functions of `Backend.function`."""

    EXP = 0
    LOG = 1
    SQRT = 2
    ERF = 3


def check_domain(x: Tensor, scale: int, function: int) -> None:
    """See that the function is defined, and its result not far too large, for every item.

    Raises:
        ItemRangeError: it is not.
    """
    low, high = x.bounds
    if function == Function.LOG and low <= 0:
        raise ItemRangeError("item", "a number above zero", low)
    if function == Function.SQRT and low < 0:
        raise ItemRangeError("item", "no negative number", low)
    if function == Function.EXP and high > LARGEST_EXPONENT * scale:
        raise overflow(high)


def overflow(item: int) -> ItemRangeError:
    """The error of an item whose exponential does not fit 256 bits."""
    return ItemRangeError("item", "an exponential below 2^255", item)
