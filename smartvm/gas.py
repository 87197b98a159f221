"""Every price of SmartVM, as named constants and pure functions of operands.

All amounts are integer gas. docs/gas.md derives each constant from a measurement that
`benchmarks/gas_calibration.py` repeats. A *limb* is 16 bits; `limbs` of a map is that of its
widest item, `limbs` of a block that of the width which it declares.
"""

from __future__ import annotations

from smartvm.words import MAX_LIMBS

BASE = 200
"""Every DNN instruction: decoding, checking and dispatching it, and the smallest kernel."""

TRANSPOSED = 100
"""A transposed convolution, which adds up overlapping blocks axis by axis."""

JOINED_MAP = 4
"""Each map that BUF_CAT joins."""

LIMB_PRODUCTS_PER_GAS = 64
"""Multiply-accumulates of one limb by one limb, as many as one gas buys."""

LIMBS_PER_GAS = 16
"""Limb-items that one gas moves, adds, compares, fills or clears."""

LIMBS_PER_GAS_DIVIDE = 4
"""Limb-items that one gas divides."""

DECIDED_BITS = 22
"""Scales (and results) up to so many bits are those of which float64 decides all but few items."""

ACTIVATIONS_PER_GAS = 4
"""Items of sigmoid, tanh or ACT_FUN that one gas rounds, where float64 decides them."""

FUNCTION_ITEM = 24
"""One item of ACT_FUN in exact arithmetic."""

SOFTMAX_TABLE_BIT = 4
"""The table of powers that an instruction makes, for each bit of the scale."""

SOFTMAX_ITEM = 256
"""One item of softmax in sixteenths of a gas, before what precision it needs."""

SOFTMAX_SCALE_BIT = 4
"""The same item, for each bit of the scale; each bit of precision costs a sixteenth of a gas."""

SOFTMAX_QUADRATIC_DENOMINATOR = 1 << 16
"""The divisor of the term in scale bits × precision², for products of long numbers."""

SIXTEENTHS = 16
"""Of a gas, in which an item of softmax is counted."""

MEMORY_WORD = 3
"""Each 32-byte word copied between Memory and the Buffer, as for CALLDATACOPY."""

BUFFER_WORD = 3
"""Each 32-byte word by which the Buffer passes its peak, as for Memory."""

BUFFER_QUADRATIC_DENOMINATOR = 1 << 20
"""The divisor of the quadratic term of Buffer growth, in words²; 512 for Memory."""

BLOCK_READ_COLD = 2_100
BLOCK_READ_WARM = 100
BLOCK_READ_WORD = 3
"""Each 32 bytes of a block that is read, its items unpacked."""

BLOCK_WRITE_NEW = 22_100
BLOCK_WRITE_CHANGED = 5_000
BLOCK_WRITE_BYTE = 200
"""Each byte of a block that is written: what a byte of deployed code costs (EIP-170)."""


def words(size: int) -> int:
    """32-byte words that hold `size` bytes."""
    return (size + 31) // 32


def multiply_accumulate(macs: int, limbs_x: int, limbs_w: int) -> int:
    """`macs` products of `limbs_x` by `limbs_w` limbs, as MODEXP prices by operand length."""
    return macs * limbs_x * limbs_w // LIMB_PRODUCTS_PER_GAS


def elementwise(items: int, limbs: int) -> int:
    """Adding, multiplying by a limb, comparing, filling or copying `items` items."""
    return items * limbs // LIMBS_PER_GAS


def divide(items: int, limbs: int) -> int:
    """Dividing `items` items by one divisor."""
    return items * limbs // LIMBS_PER_GAS_DIVIDE


def logistic(items: int, scale: int) -> int:
    """Correctly rounded sigmoid or tanh, at its worst items."""
    bits = scale.bit_length()
    return items * (1 if bits <= DECIDED_BITS else bits) // ACTIVATIONS_PER_GAS


def function(items: int, bits: int) -> int:
    """A correctly rounded function, at its worst items; `bits` as ACT_FUN has it."""
    if bits <= DECIDED_BITS:
        return items // ACTIVATIONS_PER_GAS
    return items * FUNCTION_ITEM


def softmax_item(bits: int, precision: int) -> int:
    """An item of softmax at a scale of `bits` bits, in sixteenths of a gas."""
    square = bits * precision**2 // SOFTMAX_QUADRATIC_DENOMINATOR
    return SOFTMAX_ITEM + SOFTMAX_SCALE_BIT * bits + precision + square


def softmax_precision(group: int, scale: int, spread: int) -> int:
    """Bits that a group of items within `spread` of each other can need to be rounded."""
    bits = scale.bit_length()
    return min(group * bits, 3 * spread // (2 * scale) + bits)


def softmax(items: int, group: int, scale: int, spread: int) -> int:
    """Correctly rounded softmax, at its worst items; `spread` is that of all groups together."""
    bits = scale.bit_length()
    item = softmax_item(bits, softmax_precision(group, scale, spread))
    return SOFTMAX_TABLE_BIT * bits + items * item // SIXTEENTHS


def memory_copy(size: int) -> int:
    """Copying `size` bytes between Memory and the Buffer; Memory's growth comes on top."""
    return MEMORY_WORD * words(size)


def buffer_size(size: int) -> int:
    """Holding `size` bytes in the Buffer of one frame."""
    count = words(size)
    return BUFFER_WORD * count + count * count // BUFFER_QUADRATIC_DENOMINATOR


def buffer_growth(paid: int, size: int) -> int:
    """Growing the Buffer's peak from `paid` to `size` bytes; nothing below the peak."""
    return buffer_size(size) - buffer_size(paid) if size > paid else 0


def block_access(cold: bool) -> int:
    """Finding a block: before it is known to exist."""
    return BLOCK_READ_COLD if cold else BLOCK_READ_WARM


def block_read(size: int) -> int:
    """Reading a block once it is found; `size` is that of its items unpacked, in bytes."""
    return BLOCK_READ_WORD * words(size)


def block_write(size: int, exists: bool) -> int:
    """Writing a block of `size` bytes, or with `size` 0 deleting it."""
    return (BLOCK_WRITE_CHANGED if exists else BLOCK_WRITE_NEW) + BLOCK_WRITE_BYTE * size


def sum_limbs(limbs: int, terms: int) -> int:
    """Limbs that hold any sum of `terms` items of `limbs` limbs; at most 16 (it wraps)."""
    return min(MAX_LIMBS, -(-(16 * limbs + (terms - 1).bit_length()) // 16))


def product_limbs(limbs_x: int, limbs_w: int, terms: int = 1) -> int:
    """Limbs that hold any sum of `terms` products; at most 16 (it wraps)."""
    return sum_limbs(limbs_x + limbs_w, terms)
