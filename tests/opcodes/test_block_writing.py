"""BTOS1: weight blocks written from the Buffer, and deleted."""

from __future__ import annotations

import pytest

from smartvm import gas
from smartvm.exceptions import (
    BlockMissing,
    BlockTooLarge,
    ItemRangeError,
    MapMissing,
    OperandError,
    OperandsMissing,
    StaticWrite,
)
from smartvm.execution import CONTRACT
from smartvm.storage import decode_block, encode_block
from smartvm.words import pack

LEAST = -(2**255)


@pytest.mark.parametrize(
    ("items", "operands", "written", "item_bytes"),
    [
        ([1, 2, 3, 4], "first=0", [1, 2, 3, 4], 1),
        ([1, 2, 3, 4], "first=2", [3, 4], 1),
        ([1, 2, 3, 4], "first=1 count=2", [2, 3], 1),
        ([1, 2, 3, 4], "first=0 item_bytes=5", [1, 2, 3, 4], 5),
        ([127, -128], "first=0", [127, -128], 1),
        ([127, -129], "first=0", [127, -129], 2),
        ([127, -129], "first=0 count=1", [127], 1),
        ([2**87, 1], "first=0", [2**87, 1], 12),
        ([LEAST, 0], "first=0", [LEAST, 0], 32),
    ],
)
def test_a_block_is_written(run, items, operands, written, item_bytes):
    """At the narrowest width that holds the items, or at the one asked for; the map stays."""
    outcome = run(f"BTOS1 {operands} block=7", maps=[items])
    block = outcome.state.get_block(CONTRACT, 7)
    assert (block.items.to_ints(), block.item_bytes) == (written, item_bytes)
    assert outcome.maps == [items]


def test_a_block_of_any_number(run):
    outcome = run(f"BTOS1 first=0 block={2**64 - 1}", maps=[[5]])
    assert outcome.state.get_block(CONTRACT, 2**64 - 1).items.to_ints() == [5]


def test_a_block_is_overwritten_and_read_back(run):
    text = "BTOS1 first=0 block=1\nBUF_SCL0 times=10\nBTOS1 first=0 block=1\nBUF_BIAS address=1"
    assert run(text, maps=[[1, 2]], blocks={1: [9]}).top == [20, 40]


def test_a_block_is_deleted(run):
    text = "BTOS1 first=0 block=1 delete=1\n"
    outcome = run(text, blocks={1: [9], 2: [8]})
    assert outcome.error is None
    assert not outcome.state.has_block(CONTRACT, 1)
    assert outcome.state.has_block(CONTRACT, 2)
    message = "BUF_BIAS: address: expected block 1, found no such block"
    run.fails(f"{text}BUF_BIAS address=1", BlockMissing, message, maps=[[5]], blocks={1: [9]})


def test_deleting_nothing_is_no_error(run):
    assert run("BTOS1 first=0 block=1 delete=1").error is None


def test_the_largest_block(run):
    text = "BUF_ALLO size=32768\nBTOS1 first=0 block=1 item_bytes=32"
    outcome = run(text, gas=10**9)
    assert outcome.state.get_block(CONTRACT, 1).nbytes == 2**20


# Gas


@pytest.mark.parametrize(
    ("operands", "items", "limbs", "size"),
    [
        ("", 100, 1, 100),
        ("count=10", 10, 1, 10),
        ("item_bytes=4", 100, 2, 400),
        ("count=7 item_bytes=31", 7, 16, 217),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_the_gas_of_writing(run, price, operands, items, limbs, size, exists):
    """A new block or a changed one, and each byte; warm or cold does not matter."""
    blocks = {1: [1]} if exists else {}
    outcome = run(f"BTOS1 first=0 block=1 {operands}", maps=[[1] * 100], blocks=blocks)
    write = gas.BLOCK_WRITE_CHANGED if exists else gas.BLOCK_WRITE_NEW
    work = price.items(items, limbs) + write + gas.BLOCK_WRITE_BYTE * size
    assert outcome.gas == gas.BASE + work


def test_a_wide_map_counts_by_its_limbs(run, price):
    outcome = run("BTOS1 first=0 block=1 count=64", maps=[[1] * 64 + [2**200]])
    work = price.items(64, 13) + gas.BLOCK_WRITE_NEW + gas.BLOCK_WRITE_BYTE * 64
    assert outcome.charged == work


@pytest.mark.parametrize("blocks", [{}, {1: [1]}])
def test_the_gas_of_deleting(run, blocks):
    outcome = run("BTOS1 first=0 block=1 delete=1", blocks=blocks)
    assert outcome.gas == gas.BASE + gas.BLOCK_WRITE_CHANGED


def test_a_block_is_warm_once_it_was_written(run, price):
    outcome = run("BTOS1 first=0 block=1\nBUF_BIAS address=1", maps=[[1]])
    assert outcome.charged == price.warm_block(1)


def test_a_block_is_warm_once_it_was_deleted(run):
    text = "BTOS1 first=0 block=1 delete=1\nBUF_BIAS address=1"
    outcome = run(text, maps=[[1]], blocks={1: [1]})
    assert type(outcome.error) is BlockMissing
    assert outcome.charged == gas.BLOCK_READ_WARM


# Errors

WIDE = pack(1, 1, 1, 1)
ALONE = "delete: expected first, count and item_bytes of 0, found"
ERRORS = [
    ("first=4 block=1", OperandError, "first: expected at most 3, found 4"),
    ("first=1 block=1 count=4", OperandError, "count: expected at most 3, found 4"),
    ("first=0 block=1 item_bytes=33", OperandError, "item_bytes: expected at most 32, found 33"),
    ("first=0 block=1 delete=2", OperandError, "delete: expected at most 1, found 2"),
    ("first=1 block=1 delete=1", OperandError, f"{ALONE} (1, 0, 0)"),
    ("first=0 block=1 count=1 delete=1", OperandError, f"{ALONE} (0, 1, 0)"),
    ("first=0 block=1 item_bytes=2 delete=1", OperandError, f"{ALONE} (0, 0, 2)"),
    (
        "first=0 block=1 item_bytes=1",
        ItemRangeError,
        "item_bytes: expected items that fit 1 bytes, found 128",
    ),
]


@pytest.mark.parametrize(("operands", "error", "message"), ERRORS)
def test_errors(run, operands, error, message):
    run.fails(f"BTOS1 {operands}", error, f"BTOS1: {message}", maps=[[1, 2, 3, 128]])


def test_a_block_beyond_the_limit(run):
    text = "BUF_ALLO size=32769\nBTOS1 first=0 block=1 item_bytes=32"
    message = "BTOS1: count: expected at most 1048576 bytes, found 1048608"
    run.fails(text, BlockTooLarge, message)


def test_fields_without_a_name(run):
    message = f"BTOS1: first: expected no field beyond f1, found {WIDE:#x}"
    run.fails(f"PUSH 0\nPUSH {WIDE}\nBTOS1", OperandError, message, maps=[[1]])
    message = f"BTOS1: count: expected no field beyond f2, found {WIDE:#x}"
    run.fails(f"PUSH {WIDE}\nPUSH 0\nBTOS1", OperandError, message, maps=[[1]])


def test_operands_or_a_map_are_missing(run):
    message = "BTOS1: Stack: expected 2 items, found 1"
    run.fails("PUSH 1\nBTOS1", OperandsMissing, message, maps=[[1]])
    run.fails("BTOS1 first=0 block=1", MapMissing, "BTOS1: Buffer: expected a map, found none")


@pytest.mark.parametrize("operands", ["first=0 block=1", "first=0 block=1 delete=1"])
def test_a_static_call_writes_nothing(run, operands):
    message = "BTOS1: Storage: expected a call that may write, found a static call"
    run.fails(f"BTOS1 {operands}", StaticWrite, message, maps=[[1]], static=True)


def test_what_was_written_decodes(run):
    """The format is that of docs/isa.md §7."""
    outcome = run("BTOS1 first=0 block=1", maps=[[1, -2]])
    block = outcome.state.get_block(CONTRACT, 1)
    encoded = encode_block(block.items, block.item_bytes)
    assert encoded == bytes.fromhex("84010101fe")
    assert decode_block(encoded).items.to_ints() == [1, -2]
