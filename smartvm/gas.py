"""Every price of SmartVM, as named constants and pure functions of operands.

All amounts are integer gas. docs/gas.md derives each constant from a measurement that
`benchmarks/gas_calibration.py` repeats. A *limb* is 16 bits; `limbs` of a map is that of its
widest item, `limbs` of a block that of the width which it declares.
"""

from __future__ import annotations

from smartvm.words import MAX_LIMBS

BASE = 100
"""Every DNN instruction: decoding, checking and dispatching it."""

LIMB_PRODUCTS_PER_GAS = 64
"""Multiply-accumulates of one limb by one limb, as many as one gas buys."""

LIMBS_PER_GAS = 16
"""Limb-items that one gas moves, adds, compares, fills or clears."""

LIMBS_PER_GAS_DIVIDE = 4
"""Limb-items that one gas divides."""

ACTIVATION_ITEM = 40
"""One item of softmax, sigmoid or tanh, at a scale of one limb."""

ACTIVATION_SCALE_LIMB = 40
"""The same item, for each further limb of the scale."""

MEMORY_WORD = 3
"""Each 32-byte word copied between Memory and the Buffer, as for CALLDATACOPY."""

BUFFER_WORD = 3
"""Each 32-byte word by which the Buffer passes its peak, as for Memory."""

BUFFER_QUADRATIC_DENOMINATOR = 1 << 20
"""The divisor of the quadratic term of Buffer growth, in words²; 512 for Memory."""

BLOCK_READ_COLD = 2_100
BLOCK_READ_WARM = 100
BLOCK_READ_WORD = 3
"""Each 32 bytes of a block that is read."""

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


def activation(items: int, scale: int) -> int:
    """Correctly rounded softmax, sigmoid or tanh, at its worst input."""
    scale_limbs = -(-scale.bit_length() // 16)
    return items * (ACTIVATION_ITEM + ACTIVATION_SCALE_LIMB * (scale_limbs - 1))


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
    """Reading a block of `size` bytes once it is found."""
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
