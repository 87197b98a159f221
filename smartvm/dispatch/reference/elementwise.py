"""Addition, scaling and ReLU by their definitions."""

from __future__ import annotations

from smartvm.dispatch.tensor import Tensor
from smartvm.words import wrap


def truncated(value: int, divisor: int) -> int:
    """`value` over a positive divisor, truncated toward zero as SDIV does."""
    quotient = abs(value) // divisor
    return -quotient if value < 0 else quotient


def nearest_even(value: int, divisor: int) -> int:
    """`value` over a positive divisor, to the nearest integer, ties to the even one."""
    quotient, remainder = divmod(value, divisor)
    if 2 * remainder > divisor or (2 * remainder == divisor and quotient % 2):
        quotient += 1
    return quotient


def add(x: Tensor, addend: Tensor, plane: int) -> Tensor:
    """See `Backend.add`; shapes checked, gas paid."""
    terms = addend.to_ints()
    return Tensor.from_ints(
        wrap(value + terms[index // plane % len(terms)]) for index, value in enumerate(x)
    )


def multiply(x: Tensor, factor: int) -> Tensor:
    """See `Backend.multiply`; shapes checked, gas paid."""
    return Tensor.from_ints(wrap(value * factor) for value in x)


def divide(x: Tensor, divisor: int, nearest: bool) -> Tensor:
    """See `Backend.divide`; shapes checked, gas paid."""
    quotient = nearest_even if nearest else truncated
    return Tensor.from_ints(quotient(value, divisor) for value in x)


def relu(x: Tensor, cap: int, slope: tuple[int, int]) -> Tensor:
    """See `Backend.relu`; shapes checked, gas paid."""
    numerator, denominator = slope

    def one(value: int) -> int:
        if value < 0:
            return truncated(wrap(value * numerator), denominator)
        return min(value, cap) if cap else value

    return Tensor.from_ints(one(value) for value in x)
