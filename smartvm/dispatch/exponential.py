"""e^(-d/scale) in exact fixed point with a proven error: the ground of softmax, sigmoid and tanh.

Python integers only. docs/activations.md proves the bounds.
"""

from __future__ import annotations

MAX_DIGIT_BITS = 8


class Exponentials:
    """Bounds of e^(-d/scale) · 2^bits for many integers d >= 0 and one scale.

    The digits of d select precomputed powers of e^(-1/scale), whose product is the result. Every
    table entry and every partial product is at most 1, so that errors only add: e^(-d/scale) is
    off by at most d·(ε + 1) units of the working precision, ε being the error of e^(-1/scale).
    The guard bits absorb that for every d below `limit`; beyond it the result is below 2^-bits.

    Attributes:
        one: 2^bits, which stands for 1.
        limit: the least d whose bounds are (0, 1).
    """

    def __init__(self, scale: int, bits: int, count: int) -> None:
        """Build tables that serve about `count` calls well; bits >= 64."""
        self.one = 1 << bits
        self.limit = scale * (7 * bits // 10 + 1)  # e^-0.7 < 1/2
        exponent_bits = self.limit.bit_length()
        self._guard = exponent_bits + bits.bit_length() + 6
        self._working = bits + self._guard
        self._digit_bits = max(1, min(MAX_DIGIT_BITS, count.bit_length() - 3))
        self._rows = self._powers(scale, -(-exponent_bits // self._digit_bits))

    def _powers(self, scale: int, digits: int) -> list[list[int]]:
        """For each digit of d, lowest first, the power that each of its values stands for."""
        base = _inverse_root_of_e(scale, self._working)
        rows = []
        for _ in range(digits):
            row = [1 << self._working, base]
            for _ in range((1 << self._digit_bits) - 1):
                row.append(row[-1] * base >> self._working)
            base = row.pop()
            rows.append(row)
        return rows

    def bounds(self, d: int) -> tuple[int, int]:
        """Integers (low, high) with low < e^(-d/scale) · 2^bits < high, equal to it at d = 0."""
        if d == 0:
            return self.one, self.one
        if d >= self.limit:
            return 0, 1
        power = self._product(d) >> self._guard
        return max(power - 1, 0), power + 2

    def _product(self, d: int) -> int:
        """e^(-d/scale) in working precision, the digits of d from its highest."""
        level = (d.bit_length() - 1) // self._digit_bits
        shift = level * self._digit_bits
        mask = (1 << self._digit_bits) - 1
        power = self._rows[level][d >> shift]
        while shift:
            level, shift = level - 1, shift - self._digit_bits
            if digit := d >> shift & mask:
                power = power * self._rows[level][digit] >> self._working
        return power


def _inverse_root_of_e(scale: int, bits: int) -> int:
    """e^(-1/scale) · 2^bits by its alternating series, off by less than two units a term."""
    total = term = 1 << bits
    order = 0
    while term:
        order += 1
        term //= scale * order
        total += -term if order & 1 else term
    return total
