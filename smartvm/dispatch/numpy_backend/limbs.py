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
WORD_LIMBS = 4
TOP_BIT = np.uint64(1 << 63)
DIGIT_BITS = np.uint64(32)
DIGIT_MASK = np.uint64((1 << 32) - 1)


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
    divisors = np.atleast_1d(np.asarray(divisor, dtype=np.uint64))
    by_digits = (
        _quotients_by_short if int(divisors.max(initial=1)) < 1 << 32 else _quotients_by_long
    )
    if len(divisors) == 1:
        return _in_chunks(lambda x: _divide(x, divisors, nearest, by_digits), limbs)
    return _in_chunks(lambda x, d: _divide(x, d, nearest, by_digits), limbs, divisors)


def sortable(limbs: Limbs, count: int) -> NDArray[np.int64]:
    """(n, 16) numbers of `count` limbs as (words, n), the lowest word first.

    The lower words have their top bit turned, so that all are compared as signed; see `less`.
    """
    words = _words(limbs)[:, : -(-count // WORD_LIMBS)].T.astype("<u8", order="C")
    words[:-1] ^= TOP_BIT
    return words.view(np.int64)


def unsorted(words: NDArray[np.int64]) -> Limbs:
    """The (n, 16) numbers of the words that `sortable` made."""
    result = np.empty((words.shape[1], MAX_LIMBS // WORD_LIMBS), dtype="<u8")
    result[:, : len(words)] = words.T.view(np.uint64)
    result[:, : len(words) - 1] ^= TOP_BIT
    result[:, len(words) :] = (words[-1] >> 63).view(np.uint64)[:, None]
    return result.view("<u2")


def less(a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which numbers of a are below those of b, both as `sortable` gives them."""
    found: NDArray[np.bool_] = a[0] < b[0]
    for left, right in zip(a[1:], b[1:], strict=True):
        found = (left < right) | ((left == right) & found)
    return found


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
    limbs: Limbs,
    divisor: NDArray[np.uint64],
    nearest: bool,
    by_digits: Callable[[NDArray[np.uint64], NDArray[np.uint64]], NDArray[np.uint64]],
) -> Limbs:
    """The quotients of the magnitudes, digit by digit of 32 bits, with their signs."""
    sign = negative(limbs)
    digits = negate(limbs, sign).view("<u4").T.astype(np.uint64, order="C")
    used = max((i + 1 for i, digit in enumerate(digits) if digit.any()), default=0)
    remainder = by_digits(digits[:used], divisor)
    quotient = np.ascontiguousarray(digits.T.astype("<u4")).view("<u2")
    if nearest:
        quotient = add(quotient, _rounding(quotient, remainder, divisor))
    return negate(quotient, sign)


def _quotients_by_short(
    digits: NDArray[np.uint64], divisor: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Turn (k, n) digits of 32 bits, lowest first, into those of the quotients by less than 2³².

    Returns:
        The remainders.
    """
    remainder = np.zeros(digits.shape[1], dtype=np.uint64)
    for digit in digits[::-1]:
        remainder <<= DIGIT_BITS
        remainder |= digit
        np.floor_divide(remainder, divisor, out=digit)
        remainder -= digit * divisor
    return remainder


def _quotients_by_long(
    digits: NDArray[np.uint64], divisor: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """The same, by divisors below 2⁶⁴ (Knuth, The Art of Computer Programming, 4.3.1, algorithm D).

    With both shifted until the divisor's top bit is set, the quotient of the remainder by the
    divisor's upper half is at most two more than the digit.
    """
    normal, shift = _normalised(divisor)
    upper, lower = normal >> DIGIT_BITS, normal & DIGIT_MASK
    remainder: NDArray[np.uint64] = np.zeros(digits.shape[1], dtype=np.uint64)
    for index in range(len(digits) + 1, -1, -1):
        following = _shifted_digit(digits, index, shift)
        guess: NDArray[np.uint64] = np.minimum(remainder // upper, DIGIT_MASK)
        rest = remainder - guess * upper
        for _ in range(2):
            # Where the rest has more than 32 bits, the guess is not too large.
            beyond = (rest <= DIGIT_MASK) & (guess * lower > (rest << DIGIT_BITS | following))
            guess -= beyond
            rest += np.where(beyond, upper, np.uint64(0))
        remainder = (remainder << DIGIT_BITS | following) - guess * normal  # modulo 2⁶⁴
        if index < len(digits):
            digits[index] = guess
    return remainder >> shift


def _normalised(divisor: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Divisors shifted until their top bits are set, and by how much."""
    normal, shift = divisor.copy(), np.zeros(len(divisor), dtype=np.uint64)
    for step in (32, 16, 8, 4, 2, 1):
        has_room = normal >> np.uint64(64 - step) == 0
        empty = has_room.astype(np.uint64) * np.uint64(step)
        normal <<= empty
        shift += empty
    return normal, shift


def _shifted_digit(
    digits: NDArray[np.uint64], index: int, shift: NDArray[np.uint64]
) -> NDArray[np.uint64]:
    """Digit `index` of numbers shifted left by less than 64 bits."""
    top, middle, low = (
        digits[i] if 0 <= i < len(digits) else np.uint64(0) for i in (index, index - 1, index - 2)
    )
    far = shift >= DIGIT_BITS
    window = np.where(far, middle << DIGIT_BITS | low, top << DIGIT_BITS | middle)
    shifted: NDArray[np.uint64] = window >> (DIGIT_BITS - shift % DIGIT_BITS) & DIGIT_MASK
    return shifted


def _rounding(
    quotient: Limbs, remainder: NDArray[np.uint64], divisor: np.uint64 | NDArray[np.uint64]
) -> Limbs:
    rest = divisor - remainder
    one = np.zeros_like(quotient)
    one[:, 0] = (remainder > rest) | ((remainder == rest) & (quotient[:, 0] & 1 != 0))
    return one
