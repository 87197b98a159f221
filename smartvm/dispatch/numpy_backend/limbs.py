"""Integers of 256 bits in numpy: (n, 16) uint16 limbs, two's complement, lowest limb first.

All results are modulo 2²⁵⁶. Between operations a sum of limb products is held as *planes*: an
int64 array whose first axis is the limb, each entry far beyond 16 bits and of either sign, which
`carry` brings back into range. Functions that would need many bytes an item work through the
items in chunks of `CHUNK`, so that their temporary memory is under 8 MiB and stays in the cache.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smartvm.words import LIMB_BITS, MAX_LIMBS, to_unsigned

Array = NDArray[Any]
Limbs = NDArray[np.uint16]
Planes = NDArray[np.int64]

CHUNK = 1 << 14
LIMB_MASK = (1 << LIMB_BITS) - 1


def limb_view(data: Array) -> Limbs:
    """The limbs of integers of any form: an axis more, of 1, 2, 4 or (a wide form) 16 limbs.

    The highest limb there carries the sign; see `limb`.
    """
    if data.dtype == np.uint16:
        return data.view(np.uint16)
    little = np.ascontiguousarray(data, dtype=data.dtype.newbyteorder("<"))
    return little.view("<u2").reshape(*data.shape, data.itemsize // 2)


def limb(limbs: Limbs, index: int, count: int) -> NDArray[np.integer]:
    """Limb `index` of numbers of `count` limbs: the highest as signed, which gives the sign."""
    part = limbs[..., index]
    return part.view(np.int16) if index == count - 1 else part


def carry(planes: Planes) -> None:
    """Bring all planes but the last into [0, 2¹⁶) in place; the last takes the sign."""
    for index in range(len(planes) - 1):
        planes[index + 1] += planes[index] >> LIMB_BITS
        planes[index] &= LIMB_MASK


def pack(planes: Planes) -> Limbs:
    """The (…, 16) limbs of planes, at most 16 of them; the planes are used up."""
    limbs = np.empty((*planes.shape[1:], MAX_LIMBS), dtype=np.uint16)
    last = len(planes) - 1
    for index in range(last):
        limbs[..., index] = planes[index]  # which leaves the low 16 bits
        planes[index] >>= LIMB_BITS
        planes[index + 1] += planes[index]
    top = limb_view(planes[last])[..., : MAX_LIMBS - last]
    limbs[..., last : last + 4] = top
    if last + 4 < MAX_LIMBS:
        limbs[..., last + 4 :] = (planes[last] >> 63)[..., None]
    return limbs


def factor_limbs(factor: int) -> list[int]:
    """The 16 limbs of a signed 256-bit integer, lowest first."""
    word = to_unsigned(factor)
    return [word >> LIMB_BITS * index & LIMB_MASK for index in range(MAX_LIMBS)]


def negative(limbs: Limbs) -> NDArray[np.bool_]:
    """Which of the (…, 16) numbers are below zero."""
    return np.greater(limbs[..., -1], 0x7FFF)


def add(a: Limbs, b: Limbs) -> Limbs:
    """The sums of (…, 16) numbers of shapes that broadcast."""
    left, right = _words(a), _words(b)
    total = left + right
    overflow = total < left
    for index in range(1, 4):
        total[..., index] += overflow[..., index - 1]
        # A carry into a word of ones leaves zero and goes on.
        overflow[..., index] |= overflow[..., index - 1] & (total[..., index] == 0)
    return total.view("<u2")


def negate(limbs: Limbs, where: NDArray[np.bool_]) -> Limbs:
    """The (n, 16) numbers, those at `where` with the opposite sign."""
    one = np.zeros_like(limbs)
    one[:, 0] = where
    return add(limbs ^ np.where(where, np.uint16(LIMB_MASK), np.uint16(0))[:, None], one)


def multiply(limbs: Limbs, count: int, factor: int) -> Limbs:
    """(n, k) numbers, of which the low `count` limbs tell the value, times a 256-bit factor.

    A product with one factor is linear in the limbs: plane j is the sum over i of x_i·f_(j−i),
    a product with a (16, count) Toeplitz matrix, exact in float64 since 16·2³² < 2⁵³.
    """
    toeplitz = np.zeros((MAX_LIMBS, count))
    for i in range(count):
        toeplitz[i:, i] = factor_limbs(factor)[: MAX_LIMBS - i]

    def product(part: Limbs) -> Limbs:
        digits = np.empty((count, len(part)))
        for i in range(count):
            digits[i] = limb(part, i, count)
        return pack((toeplitz @ digits).astype(np.int64))

    return _in_chunks(product, limbs)


def divide(limbs: Limbs, divisor: int | NDArray[np.uint64], nearest: bool = False) -> Limbs:
    """(n, 16) numbers over a divisor in [1, 2⁶⁴), one or (n,): truncated, or ties to even."""
    largest = divisor if isinstance(divisor, int) else int(divisor.max(initial=1))
    if largest >> 56:
        return _divide_as_ints(limbs, divisor, nearest)
    digit_bits = 32 if largest < 1 << 32 else 16 if largest < 1 << 48 else 8
    if isinstance(divisor, int):
        return _in_chunks(lambda x: _divide(x, np.uint64(divisor), nearest, digit_bits), limbs)
    return _in_chunks(lambda x, d: _divide(x, d, nearest, digit_bits), limbs, divisor)


def rank(limbs: Limbs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The order of (n, 16) numbers: (the rank of each, the index of the number of each rank)."""
    words = _words(limbs)
    keys = (words[:, 0], words[:, 1], words[:, 2], words[:, 3].astype("<u8").view("<i8"))
    order = np.lexsort(keys)
    ranks = np.empty_like(order)
    ranks[order] = np.arange(len(order))
    return ranks, order


def _words(limbs: Limbs) -> NDArray[np.uint64]:
    return np.ascontiguousarray(limbs).view("<u8")


def _in_chunks(function: Callable[..., Limbs], *arrays: Array) -> Limbs:
    """`function` of `CHUNK` rows at a time, the (n, 16) results one after the other."""
    length = len(arrays[0])
    if length <= CHUNK:
        return function(*arrays)
    result = np.empty((length, MAX_LIMBS), dtype=np.uint16)
    for start in range(0, length, CHUNK):
        part = slice(start, start + CHUNK)
        result[part] = function(*(array[part] for array in arrays))
    return result


def _divide(
    limbs: Limbs, divisor: np.uint64 | NDArray[np.uint64], nearest: bool, digit_bits: int
) -> Limbs:
    """Long division by digits of 8, 16 or 32 bits, such that divisor·2^digit_bits ≤ 2⁶⁴."""
    sign = negative(limbs)
    digits = negate(limbs, sign).view(f"<u{digit_bits // 8}").T.astype(np.uint64, order="C")
    shift = np.uint64(digit_bits)
    remainder = np.zeros(len(limbs), dtype=np.uint64)
    for digit in digits[::-1]:
        remainder <<= shift
        remainder |= digit
        np.floor_divide(remainder, divisor, out=digit)
        remainder -= digit * divisor
    quotient = np.ascontiguousarray(digits.T.astype(f"<u{digit_bits // 8}")).view("<u2")
    if nearest:
        quotient = add(quotient, _rounding(quotient, remainder, divisor))
    return negate(quotient, sign)


def _rounding(
    quotient: Limbs, remainder: NDArray[np.uint64], divisor: np.uint64 | NDArray[np.uint64]
) -> Limbs:
    rest = divisor - remainder
    one = np.zeros_like(quotient)
    one[:, 0] = (remainder > rest) | ((remainder == rest) & (quotient[:, 0] & 1 != 0))
    return one


def _divide_as_ints(limbs: Limbs, divisor: int | NDArray[np.uint64], nearest: bool) -> Limbs:
    """By Python integers, where the remainder and a digit would not fit 64 bits."""
    raw = np.ascontiguousarray(limbs).tobytes()
    divisors = [divisor] * len(limbs) if isinstance(divisor, int) else divisor.tolist()
    quotients = []
    for index, over in enumerate(divisors):
        value = int.from_bytes(raw[32 * index : 32 * index + 32], "little", signed=True)
        quotient, remainder = divmod(abs(value), over)
        rest = over - remainder
        if nearest and (remainder > rest or (remainder == rest and quotient & 1)):
            quotient += 1
        signed = -quotient if value < 0 else quotient
        quotients.append(signed.to_bytes(32, "little", signed=True))
    return np.frombuffer(b"".join(quotients), dtype="<u2").reshape(-1, MAX_LIMBS)
