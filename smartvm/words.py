"""Operand words and 256-bit integers: the layer that everything else stands on.

An *operand word* is one stack item read as four unsigned 64-bit fields, f0 the lowest. A plain
small integer sets f0 alone; zero in a field means its default.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from smartvm.exceptions import OperandError

WORD_BITS = 256
WORD_MODULUS = 1 << WORD_BITS
SIGN_BIT = 1 << (WORD_BITS - 1)
FIELD_MASK = (1 << 64) - 1
LIMB_BITS = 16
"""A limb, the unit in which arithmetic is priced (docs/gas.md)."""
MAX_LIMBS = WORD_BITS // LIMB_BITS


class Space(IntEnum):
    """Where an address word points (bits 0 and 1 of f3)."""

    STORAGE = 0
    BUFFER = 1
    MEMORY = 2


class Address(NamedTuple):
    """A tensor's place: `base` is a block number, a map counted from the top, or an offset."""

    base: int
    rows: int = 0
    columns: int = 0
    space: Space = Space.STORAGE
    transposed: bool = False


Spatial = tuple[int, int, int]
"""(depth, height, width)."""
Padding = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
"""(before, after) for depth, height and width."""


def to_signed(word: int) -> int:
    """The two's complement value of an unsigned 256-bit word."""
    return word - WORD_MODULUS if word & SIGN_BIT else word


def to_unsigned(value: int) -> int:
    """The 256-bit word of `value`, modulo 2²⁵⁶."""
    return value % WORD_MODULUS


def wrap(value: int) -> int:
    """`value` modulo 2²⁵⁶, as a signed number: what ADD and MUL leave."""
    return to_signed(value % WORD_MODULUS)


def limbs_for(low: int, high: int) -> int:
    """Limbs of the narrowest two's complement width that holds all of [low, high]; at least 1."""
    return (bytes_for(low, high) + 1) // 2


def bytes_for(low: int, high: int) -> int:
    """Bytes of the narrowest two's complement width that holds all of [low, high]; at least 1."""
    return max(high, ~low, 0).bit_length() // 8 + 1


def pack(f0: int = 0, f1: int = 0, f2: int = 0, f3: int = 0) -> int:
    """The word of four fields.

    Raises:
        OperandError: a field outside [0, 2⁶⁴).
    """
    for index, field in enumerate((f0, f1, f2, f3)):
        if not 0 <= field <= FIELD_MASK:
            raise OperandError(f"f{index}", "an unsigned 64-bit field", field)
    return f0 | f1 << 64 | f2 << 128 | f3 << 192


def fields(word: int) -> tuple[int, int, int, int]:
    """The four fields of a word, f0 first."""
    return (
        word & FIELD_MASK,
        word >> 64 & FIELD_MASK,
        word >> 128 & FIELD_MASK,
        word >> 192,
    )


def signed_fields(word: int) -> tuple[int, int, int, int]:
    """The four fields of a word as two's complement numbers of 64 bits, f0 first."""
    f0, f1, f2, f3 = ((field ^ 1 << 63) - (1 << 63) for field in fields(word))
    return f0, f1, f2, f3


def pack_signed_fields(f0: int = 0, f1: int = 0, f2: int = 0, f3: int = 0) -> int:
    """The word of four signed fields.

    Raises:
        OperandError: a field outside [-2⁶³, 2⁶³).
    """
    for index, field in enumerate((f0, f1, f2, f3)):
        if not -(1 << 63) <= field < 1 << 63:
            raise OperandError(f"f{index}", "a signed 64-bit field", field)
    return pack(f0 & FIELD_MASK, f1 & FIELD_MASK, f2 & FIELD_MASK, f3 & FIELD_MASK)


def plain(word: int, operand: str) -> int:
    """A word that may set f0 only.

    Raises:
        OperandError: any higher field is set.
    """
    if word > FIELD_MASK:
        raise OperandError(operand, "a plain number below 2^64", hex(word))
    return word


def spatial(word: int, operand: str, default: int = 0) -> Spatial:
    """Decode a size, kernel, stride or dilation into (depth, height, width).

    f3 = 0: f0 holds for every axis; f3 = 1: f0 height, f1 width, f2 depth. A zero field is
    replaced by `default`.
    """
    f0, f1, f2, f3 = fields(word)
    if f3 == 0:
        if f1 or f2:
            raise OperandError(operand, "f1 = f2 = 0 where f3 = 0", hex(word))
        f1 = f2 = f0
    elif f3 != 1:
        raise OperandError(operand, "f3 of 0 or 1", f3)
    return f2 or default, f0 or default, f1 or default


def names_depth(word: int) -> bool:
    """Whether a size word names a depth, which makes its instruction three-dimensional."""
    _, _, depth, form = fields(word)
    return form == 1 and depth > 0


def pack_spatial(height: int, width: int, depth: int = 0) -> int:
    """The word of one length an axis (f3 = 1)."""
    return pack(height, width, depth, 1)


def _signed_halves(field: int) -> tuple[int, int]:
    low, high = field & 0xFFFFFFFF, field >> 32
    return (low ^ 0x80000000) - 0x80000000, (high ^ 0x80000000) - 0x80000000


def padding(word: int, operand: str) -> Padding:
    """Decode a padding word into (before, after) for depth, height, width.

    f3 = 0: f0 on every side; f3 = 1: each field is two signed 32-bit halves, before (low) and
    after (high). A negative padding crops.
    """
    f0, f1, f2, f3 = fields(word)
    if f3 == 0:
        if f1 or f2:
            raise OperandError(operand, "f1 = f2 = 0 where f3 = 0", hex(word))
        return (f0, f0), (f0, f0), (f0, f0)
    if f3 != 1:
        raise OperandError(operand, "f3 of 0 or 1", f3)
    return _signed_halves(f2), _signed_halves(f0), _signed_halves(f1)


def pack_padding(
    height: tuple[int, int], width: tuple[int, int], depth: tuple[int, int] = (0, 0)
) -> int:
    """The word of (before, after) an axis (f3 = 1).

    Raises:
        OperandError: a value outside the signed 32-bit range.
    """
    halves = []
    for before, after in (height, width, depth):
        for value in (before, after):
            if not -(1 << 31) <= value < 1 << 31:
                raise OperandError("padding", "a signed 32-bit number", value)
        halves.append((before & 0xFFFFFFFF) | (after & 0xFFFFFFFF) << 32)
    first, second, third = halves
    return pack(first, second, third, 1)


def address(word: int, operand: str) -> Address:
    """Decode an address word: f0 base, f1 rows or length, f2 columns or plane, f3 flags."""
    f0, f1, f2, f3 = fields(word)
    if f3 > 7 or f3 & 3 == 3:
        raise OperandError(operand, "f3 bits 0-1 of 0, 1 or 2 and bit 2", f3)
    return Address(f0, f1, f2, Space(f3 & 3), bool(f3 & 4))


def pack_address(target: Address) -> int:
    """The word of an address."""
    return pack(target.base, target.rows, target.columns, target.space | target.transposed << 2)
