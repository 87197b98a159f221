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
        ([1, -1], "offset=256", "00" * 31 + "01" + "ff" * 32),
        ([1, -1], "offset=256 count=1", "00" * 31 + "01"),
        ([1, -1], "offset=286 item_bytes=1", "00" * 30 + "01ff"),
        ([258, -2], "offset=256 item_bytes=2", "0102fffe" + "00" * 28),
        ([258, -2, 2**40], "offset=257 count=2 item_bytes=3", "00000102fffffe" + "00" * 25),
        ([-(2**63)], "offset=256 item_bytes=8", "80" + "00" * 31),
        ([-(2**63)], "offset=256 item_bytes=12", "ffffffff80" + "00" * 27),
        ([GREATEST, LEAST], "offset=256", "7f" + "ff" * 31 + "80" + "00" * 31),
    ],
)
def test_buffer_to_memory(run, items, operands, result):
    """Big-endian two's complement, packed; the map stays."""
    outcome = run(f"BTOM {operands}", maps=[items])
    assert outcome.memory[256:].hex() == result
    assert outcome.top == items


def test_what_stands_around_is_kept(run):
    outcome = run("BTOM offset=33 item_bytes=1", maps=[[7]], memory=[-1, -1, -1])
    assert outcome.memory[:96].hex() == "ff" * 33 + "07" + "ff" * 62


@pytest.mark.parametrize("item_bytes", range(1, 33))
def test_there_and_back(run, item_bytes):
    ends = [-(1 << 8 * item_bytes - 1), (1 << 8 * item_bytes - 1) - 1, 0, -1]
    write = f"BTOM offset=777 item_bytes={item_bytes}\n"
    read = f"MTOB offset=777 count=4 item_bytes={item_bytes}"
    assert run(write + read, maps=[ends]).top == ends


@pytest.mark.parametrize(
    ("greatest", "operands", "count", "item_bytes", "limbs"),
    [
        (1, "", 100, 32, 16),
        (1, "item_bytes=1", 100, 1, 1),
        (1, "count=50 item_bytes=3", 50, 3, 2),
        (2**30, "item_bytes=4", 100, 4, 2),
        (2**30, "count=99 item_bytes=1", 99, 1, 2),  # those that do not leave count as well
    ],
)
def test_the_gas_of_buffer_to_memory(run, price, greatest, operands, count, item_bytes, limbs):
    items = [0] * 99 + [greatest]
    outcome = run(f"BTOM offset=512 {operands}", maps=[items])
    before = 7 if greatest == 1 else 13  # words that hold 100 items of 2 or 4 bytes
    size = count * item_bytes
    grown = memory_gas(before, 16 + -(-size // 32))
    work = price.copied(size) + price.items(count, limbs)
    assert outcome.gas == gas.BASE + work + grown


# BTOS0


@pytest.mark.parametrize(
    ("operands", "stack"),
    [
        ("first=0", [4, 3, 2, 1]),
        ("first=1", [4, 3, 2]),
        ("first=1 count=2", [3, 2]),
        ("first=3 count=1", [4]),
    ],
)
def test_buffer_to_stack(run, operands, stack):
    """The first item ends on top; the map stays."""
    outcome = run(f"PUSH 99\nBTOS0 {operands}", maps=[[1, 2, 3, 4]])
    assert outcome.stack == [99, *stack]
    assert outcome.maps == [[1, 2, 3, 4]]


def test_negative_items_are_words(run):
    outcome = run("BTOS0 first=0", maps=[[-1, LEAST, GREATEST]])
    assert outcome.stack == [GREATEST, 2**255, 2**256 - 1]


def test_the_gas_of_buffer_to_stack(run, price):
    """Each item becomes a word."""
    outcome = run("BTOS0 first=10 count=50", maps=[[1] * 100])
    assert outcome.gas == gas.BASE + price.items(50, 16)


def test_a_full_stack(run):
    items = [1] * 1024
    assert run("BTOS0 first=0", maps=[items]).stack == items
    for text, count in (("PUSH 5\nBTOS0 first=0", 1024), ("BTOS0 first=0", 1025)):
        outcome = run(text, maps=[[1] * count])
        assert type(outcome.error) is FullStack


# Errors

WIDE = pack(1, 1, 1, 1)
ERRORS = [
    ("MTOB offset=0 count=0", OperandError, "count: expected at least 1, found 0"),
    (
        "MTOB offset=0 count=1 item_bytes=33",
        OperandError,
        "item_bytes: expected at most 32, found 33",
    ),
    ("MTOB offset=0 count=1 unsigned=2", OperandError, "unsigned: expected at most 1, found 2"),
    (
        f"PUSH {WIDE}\nPUSH 0\nMTOB",
        OperandError,
        f"count: expected no field beyond f2, found {WIDE:#x}",
    ),
    ("BTOM offset=0 count=5", OperandError, "count: expected at most 4, found 5"),
    ("BTOM offset=0 item_bytes=33", OperandError, "item_bytes: expected at most 32, found 33"),
    (
        f"PUSH {WIDE}\nPUSH 0\nBTOM",
        OperandError,
        f"count: expected no field beyond f1, found {WIDE:#x}",
    ),
    (
        "BTOM offset=0 item_bytes=1",
        ItemRangeError,
        "item_bytes: expected items that fit 1 bytes, found 128",
    ),
    (
        "BUF_SCL0 times=-1\nBTOM offset=0 item_bytes=1",
        ItemRangeError,
        "item_bytes: expected items that fit 1 bytes, found 129",
    ),
    ("BTOS0 first=4", OperandError, "first: expected at most 3, found 4"),
    ("BTOS0 first=1 count=4", OperandError, "count: expected at most 3, found 4"),
    (f"BTOS0 first={2**255}", OperandError, f"first: expected at most 3, found {2**255}"),
    (f"BTOS0 first=0 count={2**64}", OperandError, f"count: expected at most 4, found {2**64}"),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    mnemonic = text.splitlines()[-1].split()[0]
    run.fails(text, error, f"{mnemonic}: {message}", maps=[[1, 2, -129, 128]])


def test_items_that_are_not_written_need_not_fit(run):
    outcome = run("BTOM offset=256 count=2 item_bytes=1", maps=[[1, 2, -129, 128]])
    assert outcome.memory[256:258] == b"\x01\x02"


@pytest.mark.parametrize("mnemonic", ["MTOB", "BTOM", "BTOS0"])
def test_operands_are_missing(run, mnemonic):
    message = f"{mnemonic}: Stack: expected 2 items, found 1"
    run.fails(f"PUSH 1\n{mnemonic}", OperandsMissing, message, maps=[[1]])


@pytest.mark.parametrize("mnemonic", ["BTOM", "BTOS0"])
def test_a_map_is_missing(run, mnemonic):
    message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
    run.fails(f"PUSH 0\nPUSH 0\n{mnemonic}", MapMissing, message)
