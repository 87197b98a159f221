"""Correctly rounded exp, log, sqrt and erf in integer arithmetic (docs/activations.md).

Each result is the integer nearest scale·f(v/scale). The square root is decided exactly. The others
follow Ziv's method, as the activations do: bound the exact value from both sides; if all numbers
between the bounds round to one integer, that is the result, else double the precision. Where the
value is rational (exp and erf of 0, log of 1) the result is exact; elsewhere exp and log are
transcendental (Lindemann), and so no tie, on which the method would not end. That erf(v/scale)
is no tie is not proved, but no rational value of it other than erf(0) is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import isqrt, log

from smartvm.dispatch.error_function import SATURATION, error_function
from smartvm.dispatch.exponential import Exponentials
from smartvm.dispatch.functions import Function, check_domain, overflow
from smartvm.dispatch.tensor import Tensor
from smartvm.words import SIGN_BIT

Bounds = tuple[int, int]
"""Two numbers in fixed point, such that the exact one lies strictly between them."""

ERF_BITS = 128
"""Twice those of the largest scale: one precision, one table of the error function."""
GUARD_BITS = 64
"""Bits beyond those of the result, so that the first attempt seldom fails."""


def function(x: Tensor, scale: int, function: int) -> Tensor:
    """See `Backend.function`; shapes checked, gas paid."""
    check_domain(x, scale, function)
    values = x.to_ints()
    rounded = function_items(values, scale, function)
    return Tensor.from_ints(rounded[value] for value in values)


def function_items(values: Iterable[int], scale: int, function: int) -> dict[int, int]:
    """The result for each of some values of the domain."""
    return _FUNCTIONS[Function(function)](set(values), scale)


def _exp(values: set[int], scale: int) -> dict[int, int]:
    growth = 3 * max(values | {0}) // (2 * scale) + 1  # e < 2^1.5

    def bounds(bits: int, count: int) -> Callable[[int], Bounds]:
        exponentials = Exponentials(scale, bits, count)

        def of(value: int) -> Bounds:
            low, high = exponentials.bounds(abs(value))
            if value < 0:
                return scale * low, scale * high
            one = scale << 2 * bits
            return one // high, -(-one // low)

        return of

    rounded = _settled(values - {0}, scale.bit_length() + 2 * growth, bounds) | {0: scale}
    if max(rounded.values()) >= SIGN_BIT:
        raise overflow(max(values))
    return rounded


def _log(values: set[int], scale: int) -> dict[int, int]:
    spread = max((abs(v.bit_length() - scale.bit_length()) for v in values), default=0)

    def bounds(bits: int, count: int) -> Callable[[int], Bounds]:
        exponentials = Exponentials(scale, bits, count)

        def of(value: int) -> Bounds:
            # ln(a/b) = n/scale + ln(a/b · e^(-n/scale)), where n is nearly right.
            small, large = sorted((value, scale))
            near = round(scale * max(log(large) - log(small), 0.0))
            low, high = exponentials.bounds(near)
            low, high = large * low // small, -(-large * high // small)
            rest, margin = _log_near_one(low, bits)
            # The slope of the logarithm is below 2 there.
            low, high = rest - margin, rest + margin + 2 * (high - low)
            low, high = (near << bits) + scale * low, (near << bits) + scale * high
            return (low, high) if value > scale else (-high, -low)

        return of

    return _settled(values - {scale}, 2 * scale.bit_length() + spread, bounds) | {scale: 0}


def _log_near_one(x: int, bits: int) -> Bounds:
    """ln(x/2^bits)·2^bits for x/2^bits in (1/2, 2), and more than its error.

    ln x = 2·artanh z, z = (x − 1)/(x + 1), |z| <= 1/3. The error of z is below one unit, of z²
    below two, of each power below three, of each term of the series below four; the terms that
    are left out sum to less than one more.
    """
    one = 1 << bits
    power = z = (abs(x - one) << bits) // (x + one)
    square = z * z >> bits
    total, order = 0, 1
    while power:
        total += power // order
        power = power * square >> bits
        order += 2
    return (2 * total if x > one else -2 * total), 4 * order + 8


def _sqrt(values: set[int], scale: int) -> dict[int, int]:
    """√(v·scale): n − r² > r means n ≥ r² + r + 1 > (r + ½)²; a tie, n = r² + r + ¼, is none."""
    rounded = {}
    for value in values:
        root = isqrt(value * scale)
        rounded[value] = root + (value * scale - root * root > root)
    return rounded


def _erf(values: set[int], scale: int) -> dict[int, int]:
    limit = SATURATION * scale

    def bounds(bits: int, count: int) -> Callable[[int], Bounds]:
        def of(magnitude: int) -> Bounds:
            low, high = error_function(magnitude, scale, bits)
            return scale * low, scale * high

        return of

    inside = {abs(value) for value in values if 0 < abs(value) < limit}
    rounded = _settled(inside, ERF_BITS, bounds) | {0: 0}
    signed = {value: rounded.get(abs(value), scale) for value in values}
    return {value: -item if value < 0 else item for value, item in signed.items()}


def _settled(
    values: set[int], bits: int, bounds: Callable[[int, int], Callable[[int], Bounds]]
) -> dict[int, int]:
    """The nearest integers to what has bounds in a fixed point of ever more bits, from `bits` on.

    Args:
        values: of which.
        bits: the first precision, without guard bits.
        bounds: of (bits, count): the function from a value to its bounds, for `count` calls.
    """
    rounded: dict[int, int] = {}
    bits += GUARD_BITS
    while pending := values - rounded.keys():
        of = bounds(bits, len(pending))
        for value in pending:
            low, high = of(value)
            nearest = (low + (1 << bits - 1)) >> bits
            if 2 * high <= (2 * nearest + 1) << bits:
                rounded[value] = nearest
        bits *= 2
    return rounded


_FUNCTIONS = {
    Function.EXP: _exp,
    Function.LOG: _log,
    Function.SQRT: _sqrt,
    Function.ERF: _erf,
}
