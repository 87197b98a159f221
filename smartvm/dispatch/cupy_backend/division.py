"""Divisors as the kernels take them (cuda/division.cuh): quotients by one multiplication."""

from __future__ import annotations

__all__ = ["divisor_fields"]


def divisor_fields(divisor: int) -> tuple[int, int, int]:
    """The fields of the kernels' struct Divisor, of a divisor in [1, 2⁶⁴).

    For d in (2ᴸ⁻¹, 2ᴸ] and m = ⌈2⁶³⁺ᴸ / d⌉, which is below 2⁶⁴ unless d is 1, every n in [0, 2⁶³]
    has ⌊n / d⌋ = ⌊n·m / 2⁶³⁺ᴸ⌋: m·d is 2⁶³⁺ᴸ + e with 0 <= e < d, and n·e < 2⁶³⁺ᴸ but where
    e = 0, so that n·m / 2⁶³⁺ᴸ is above n / d by less than 1 / d. (T. Granlund, P. L. Montgomery,
    "Division by Invariant Integers using Multiplication", 1994, section 4.)

    Returns:
        The divisor; the multiplier m, 0 for a power of two; and how far to shift the high half of
        n·m, L − 1, or n itself. The first two as int64 with the same bits.
    """
    shift = (divisor - 1).bit_length()
    if divisor == 1 << shift:
        return _signed(divisor), 0, shift
    return _signed(divisor), _signed(-(-(1 << 63 + shift) // divisor)), shift - 1


def _signed(word: int) -> int:
    return word - (1 << 64) if word >> 63 else word
