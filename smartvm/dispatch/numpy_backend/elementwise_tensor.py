"""Products and quotients of each item with an item of another tensor, and clipping."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from smartvm.dispatch.numpy_backend import limbs
from smartvm.dispatch.numpy_backend.forms import divide_narrow, narrow_dtype, to_tensor
from smartvm.dispatch.numpy_backend.limbs import CHUNK, Array, Limbs
from smartvm.dispatch.reference import elementwise_tensor as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import DivisionByZero
from smartvm.words import MAX_LIMBS, to_unsigned

LEAST_INT64 = -(1 << 63)
FEW = 32
"""Items up to which a division costs more than the same on Python integers."""
FEW_WIDE = 128
"""Items up to which these operations on limbs cost more than the same on Python integers."""


def multiply_by(x: Tensor, factors: Tensor, plane: int) -> Tensor:
    """See `Backend.multiply_by`; shapes checked, gas paid."""
    ends = [a * b for a in x.bounds for b in factors.bounds]
    dtype = narrow_dtype(min(ends), max(ends))
    if dtype is None or x.is_wide or factors.is_wide:
        if len(x) <= FEW_WIDE:
            return reference.multiply_by(x, factors, plane)
        return to_tensor(_limb_products(x, factors, plane))
    left = x.data.reshape(-1, len(factors), plane)
    wide_enough = np.result_type(dtype, left, factors.data)
    return to_tensor(np.multiply(left, factors.data[:, None], dtype=wide_enough))


def divide_by(x: Tensor, divisors: Tensor, plane: int, nearest: bool) -> Tensor:
    """See `Backend.divide_by`; shapes checked, gas paid.

    By divisors of more than 64 bits in Python integers: about a microsecond an item.
    """
    check_divisors(divisors)
    if divisors.is_wide or len(x) <= (FEW_WIDE if x.is_wide else FEW):
        return reference.divide_by(x, divisors, plane, nearest)
    signed = divisors.data.astype(np.int64)
    flips = divisors.bounds[0] < 0
    if not x.is_wide and not (flips and x.bounds[0] == LEAST_INT64):
        return to_tensor(_narrow_quotients(x, signed, plane, nearest))
    quotients = limbs.divide(x.wide(), _spread(np.abs(signed).view(np.uint64), x, plane), nearest)
    return to_tensor(limbs.negate(quotients, _spread(signed < 0, x, plane)) if flips else quotients)


def clip(x: Tensor, low: int, high: int) -> Tensor:
    """See `Backend.clip`; shapes checked, gas paid."""
    least, greatest = x.bounds
    if low <= least and greatest <= high:
        return x
    if low >= greatest or high <= least:
        return Tensor.full(len(x), low if low >= greatest else high)
    low, high = max(low, least), min(high, greatest)
    if x.is_wide and len(x) <= FEW_WIDE:
        return reference.clip(x, low, high)
    if not x.is_wide:
        return to_tensor(np.clip(x.data, low, high))
    clipped = x.data.copy()
    clipped[_below(x.data, low)] = limbs.factor_limbs(low)
    clipped[~_below(x.data, high)] = limbs.factor_limbs(high)
    return to_tensor(clipped)


def _narrow_quotients(x: Tensor, divisors: NDArray[np.int64], plane: int, nearest: bool) -> Array:
    """The quotients, none of more than 64 bits, `CHUNK` items at a time."""
    low, high = x.bounds
    if divisors.min() < 0:
        low, high = min(low, -high), max(high, -low)
    result = np.empty(len(x), narrow_dtype(low, high))
    magnitudes, signs = np.abs(divisors).view(np.uint64), np.sign(divisors)
    for start in range(0, len(x), CHUNK):
        part = slice(start, min(start + CHUNK, len(x)))
        channel = np.arange(part.start, part.stop) // plane % len(divisors)
        quotients = divide_narrow(x.data[part], magnitudes[channel], nearest)
        result[part] = quotients * signs[channel]
    return result


def _spread(terms: Array, x: Tensor, plane: int) -> Array:
    """For each item of x the term of its channel."""
    shape = (len(x) // (len(terms) * plane), len(terms), plane)
    return np.broadcast_to(terms[:, None], shape).reshape(-1)


def _limb_products(x: Tensor, factors: Tensor, plane: int) -> Limbs:
    """The products modulo 2²⁵⁶, (n, 16), `CHUNK` items at a time.

    Plane k sums the products of limb i and limb k − i: at most 16 below 2³².
    """
    left, right = limbs.limb_view(x.data), limbs.limb_view(factors.data)
    result = np.empty((len(x), MAX_LIMBS), dtype=np.uint16)
    for start in range(0, len(x), CHUNK):
        part = slice(start, min(start + CHUNK, len(x)))
        channel = np.arange(part.start, part.stop) // plane % len(factors)
        result[part] = _multiply(left[part], x.limbs, right[channel], factors.limbs)
    return result


def _multiply(a: Limbs, a_count: int, b: Limbs, b_count: int) -> Limbs:
    planes = np.zeros((min(a_count + b_count - 1, MAX_LIMBS), len(a)), dtype=np.int64)
    digits = [limbs.limb(b, j, b_count).astype(np.int64) for j in range(b_count)]
    for i in range(a_count):
        digit = limbs.limb(a, i, a_count).astype(np.int64)
        for j in range(min(b_count, len(planes) - i)):
            planes[i + j] += digit * digits[j]
    return limbs.pack(planes)


def check_divisors(divisors: Tensor) -> None:
    """See that no divisor is 0.

    Raises:
        DivisionByZero: one is.
    """
    data = divisors.data
    zeros = (data == 0).all(axis=1) if divisors.is_wide else data == 0
    if zeros.any():
        raise DivisionByZero("address", "divisors other than 0", 0)


def _below(numbers: Limbs, bound: int) -> NDArray[np.bool_]:
    """Which of the (n, 16) numbers are less than a signed 256-bit one."""
    words = np.ascontiguousarray(numbers).view("<u8")
    word = to_unsigned(bound)
    less: NDArray[np.bool_] = np.zeros(len(words), dtype=bool)
    for index in range(4):
        column = words[:, index]
        part = np.uint64(word >> 64 * index & (1 << 64) - 1)
        if index == 3:
            column, part = column.view("<i8"), part.view(np.int64)
        less = (column < part) | ((column == part) & less)
    return less
