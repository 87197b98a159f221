"""Products, quotients and clipping, item by item, by their definitions."""

from __future__ import annotations

from smartvm.dispatch.reference.elementwise import nearest_even, truncated
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DivisionByZero
from smartvm.words import wrap


def multiply_by(x: Tensor, factors: Tensor, plane: int) -> Tensor:
    """See `Backend.multiply_by`; shapes checked, gas paid."""
    terms = factors.to_ints()
    return Tensor.from_ints(
        wrap(value * terms[index // plane % len(terms)]) for index, value in enumerate(x)
    )


def divide_by(x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
    """See `Backend.divide_by`; shapes checked, gas paid."""
    terms = divisors.to_ints()
    if 0 in terms:
        raise DivisionByZero("address", "divisors other than 0", 0)
    quotient = nearest_even if nearest else truncated

    def one(value: int, divisor: int) -> int:
        return wrap(quotient(value if divisor > 0 else -value, abs(divisor)))

    return Tensor.from_ints(
        one(value, terms[index // plane % len(terms)]) for index, value in enumerate(x)
    )


def clip(x: Tensor, low: int, high: int) -> Tensor:
    """See `Backend.clip`; shapes checked, gas paid."""
    return Tensor.from_ints(min(max(value, low), high) for value in x)
