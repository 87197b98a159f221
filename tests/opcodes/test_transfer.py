"""MTOB, BTOM, BTOS0: between the Buffer, Memory and the Stack."""

from __future__ import annotations

import pytest
from eth.exceptions import FullStack

from smartvm import gas
from smartvm.exceptions import ItemRangeError, MapMissing, OperandError, OperandsMissing
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)
WORD = 0x0102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20
STORE = f"PUSH {WORD}\nPUSH 0\nMSTORE\n"
"""The bytes of Memory count from 1 up."""


def memory_gas(before: int, after: int) -> int:
    """What Memory's growth costs, in words (the yellow paper's C_mem)."""
    return 3 * after + after**2 // 512 - (3 * before + before**2 // 512)


# MTOB

READINGS = {
    "a word": ("offset=0 count=1", [WORD]),
    "bytes": ("offset=0 count=3 item_bytes=1", [1, 2, 3]),
    "two bytes": ("offset=1 count=2 item_bytes=2", [0x0203, 0x0405]),
    "three bytes": ("offset=29 count=1 item_bytes=3", [0x1E1F20]),
    "eight bytes": ("offset=8 count=2 item_bytes=8", [0x090A0B0C0D0E0F10, 0x1112131415161718]),
    "thirty-one bytes": ("offset=1 count=1 item_bytes=31", [WORD % 2**248]),
    "beyond what was written": ("offset=31 count=3 item_bytes=1", [0x20, 0, 0]),
    "Memory that never was": ("offset=1000 count=2", [0, 0]),
}


@pytest.mark.parametrize(("operands", "result"), READINGS.values(), ids=READINGS.keys())
def test_memory_to_buffer(run, operands, result):
    assert run(f"{STORE}MTOB {operands}").maps == [result]


@pytest.mark.parametrize("item_bytes", [1, 2, 3, 4, 5, 7, 8, 9, 16, 31, 32])
def test_signs(run, item_bytes):
    """All bits set are -1, or without a sign the greatest number; of 32 bytes they are words."""
    ones = f"PUSH -1\nPUSH 0\nMSTORE\nMTOB offset=0 count=1 item_bytes={item_bytes}"
    assert run(ones).top == [-1]
    unsigned = 2 ** (8 * item_bytes) - 1 if item_bytes < 32 else -1
    assert run(f"{ones} unsigned=1").top == [unsigned]


def test_the_map_is_pushed_on_the_others(run):
    assert run(f"{STORE}MTOB offset=0 count=1 item_bytes=1", maps=[[7, 8]]).maps == [[7, 8], [1]]


@pytest.mark.parametrize(
    ("count", "item_bytes", "unsigned", "limbs", "item"),
    [
        (100, 1, 0, 1, 2),
        (100, 1, 1, 1, 2),
        (100, 2, 0, 1, 2),
        (100, 2, 1, 2, 4),
        (100, 3, 1, 2, 4),
        (100, 5, 0, 3, 8),
        (100, 8, 1, 5, 32),
        (100, 31, 1, 16, 32),
        (100, 0, 0, 16, 32),
        (100, 32, 1, 16, 32),
    ],
)
def test_the_gas_of_memory_to_buffer(run, price, count, item_bytes, unsigned, limbs, item):
    """An item counts by the width that it is read at; without a sign it may need a bit more."""
    text = f"MTOB offset=64 count={count} item_bytes={item_bytes} unsigned={unsigned}"
    outcome = run(STORE + text)
    size = count * (item_bytes or 32)
    work = price.copied(size) + price.items(count, limbs)
    grown = memory_gas(1, 2 + -(-size // 32))
    assert outcome.gas == gas.BASE + work + grown + price.growth(0, count * item)


def test_memory_that_has_grown_is_paid_for(run, price):
    outcome = run(f"{STORE}MTOB offset=0 count=32 item_bytes=1")
    assert outcome.charged == price.copied(32) + price.items(32) + price.growth(0, 64)


# BTOM


@pytest.mark.parametrize(
    ("items", "operands", "result"),
    [
        ([1, -1], "offset=0", "00" * 31 + "01" + "ff" * 32),
        ([1, -1], "offset=0 count=1", "00" * 31 + "01"),
        ([1, -1], "offset=30 item_bytes=1", "00" * 30 + "01ff"),
        ([258, -2], "offset=0 item_bytes=2", "0102fffe" + "00" * 28),
        ([258, -2, 999], "offset=1 count=2 item_bytes=3", "00000102fffffe" + "00" * 25),
        ([-(2**63)], "offset=0 item_bytes=8", "80" + "00" * 31),
        ([-(2**63)], "offset=0 item_bytes=12", "ffffffff80" + "00" * 27),
        ([GREATEST, LEAST], "offset=0", "7f" + "ff" * 31 + "80" + "00" * 31),
    ],
)
def test_buffer_to_memory(run, items, operands, result):
    """Big-endian two's complement, packed; the map stays."""
    load = "".join(
        f"BUF_ALLO size=1\nBUF_FIL value={item}\n" if item in (GREATEST, LEAST) else ""
        for item in items
    )
    assert not load or True
    program = push_items(items)
    outcome = run(f"{program}BTOM {operands}")
    assert outcome.memory.hex() == result
    assert outcome.top == items


def push_items(items: list[int]) -> str:
    """A program that makes a map of a few items without a trace in Memory: a sum of one-hot maps.

    The map of zeros has the last item added, is cut by it, and so on; all are put together by a
    product with the identity.
    """
    program = f"BUF_ALLO size={len(items)}\n"
    for position in range(len(items)):
        program += f"BUF_ALLO size={len(items)}\nBUF_FIL value={items[position]}\n"
        program += f"BUF_CLS count={len(items) - position - 1}\n" if position < len(items) - 1 else ""
    return program
