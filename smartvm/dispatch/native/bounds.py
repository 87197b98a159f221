"""What bounds the sums of products, and with them which arithmetic is exact.

int32 sums wrap modulo 2³², so that the order of the terms and what a sum passes through do not
matter: it is exact if its final value lies in [−2³¹, 2³¹). Four proofs of that, the next one tried
where one fails:

- Each product lies between the extremes of the map times the weight, so that a sum is at most
  high·Σw⁺ − low·Σw⁻, and at least low·Σw⁺ − high·Σw⁻, where low <= 0 <= high are bounds of the map
  and its padding, Σw⁺ is the sum of an output's positive weights and Σw⁻ that of the magnitudes of
  its negative ones.
- By Cauchy and Schwarz a sum's magnitude is at most ‖window‖·‖weights‖.
- A map of up to 31 bits is taken apart in two halves, high·2ᵏ + low, so that the sums of each fit
  as above; both together, and what the stages make of them, are exact in float64.
- In int64, of int32 sums of a few products each: that number times the greatest product.
"""

from __future__ import annotations

from math import isqrt

from smartvm.dispatch.stages import Range, product_range

INT16_LIMIT = 1 << 15
INT32_LIMIT = 1 << 31
INT64_LIMIT = 1 << 63
DOUBLE_LIMIT = 1 << 51
"""Integers within it are exact in float64, and so is the rounding of their quotients."""
PART_LIMIT = 1 << 14
"""The greatest magnitude of the low part of an item that is taken apart (native/weights.h)."""
APART_LIMIT = (1 << 30) - (1 << 14)
"""Magnitudes below it can be taken apart."""


def norm_range(squares: int, norm: int) -> Range:
    """The range of every output by Cauchy and Schwarz.

    Args:
        squares: Σx² of a window, at least the greatest of all.
        norm: ‖w‖ of an output, at least the greatest of all.
    """
    bound = (isqrt(squares) + 1) * norm
    return -bound, bound


def half_bits(bounds: Range, positive: int, negative: int) -> int:
    """The bits of the low half of a map whose halves' products fit int32; 0 where they do not.

    An item is high·2ᵇⁱᵗˢ + low, with low in [−2ᵇⁱᵗˢ⁻¹, 2ᵇⁱᵗˢ⁻¹).

    Args:
        bounds: of the map.
        positive: Σw⁺ of an output, the greatest of all.
        negative: Σw⁻, the same.
    """
    bits = max(1, (max(bounds[1], -bounds[0]).bit_length() + 1) // 2)
    half = 1 << (bits - 1)
    halves = (-half, half - 1), ((bounds[0] + half) >> bits, (bounds[1] + half) >> bits)
    fit = all(
        fits(values, INT16_LIMIT) and fits(product_range(values, positive, negative), INT32_LIMIT)
        for values in halves
    )
    return bits if fit else 0


def fits(values: Range, limit: int) -> bool:
    """Whether a range lies in [−limit, limit)."""
    return -limit <= values[0] and values[1] < limit


def chunk_pairs(x: int, weights: int) -> int:
    """How many pairs of products an int32 sum holds for certain; 0 if not even one.

    Args:
        x: the greatest magnitude of the map, below `APART_LIMIT`.
        weights: the same of the weights.
    """
    product = _part_magnitude(x) * _part_magnitude(weights)
    return (INT32_LIMIT - 1) // (2 * product) if product else INT32_LIMIT - 1


def _part_magnitude(magnitude: int) -> int:
    """The greatest magnitude of the parts of items, which are int16 themselves or taken apart."""
    if magnitude <= INT16_LIMIT:
        return magnitude
    return max(PART_LIMIT, (magnitude + PART_LIMIT) >> 15)
