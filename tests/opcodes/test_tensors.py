"""Operand tensors: the blocks of one are paid for one by one, in their order."""

from __future__ import annotations

import pytest
from eth.exceptions import OutOfGas

from smartvm import gas
from smartvm.exceptions import BlockMalformed, BlockMissing
from smartvm.execution import CONTRACT
from smartvm.storage import resident
from smartvm.words import pack

CONVOLUTION = "CONV_MUL weights=5 in=1 out=1 size=1x39 kernel=1x30"
"""30 weights, each used 10 times, in blocks 5, 6, …"""
MAP = [1] * 39
TENS = {5: [1] * 10, 6: [1] * 10, 7: [1] * 10}


def laying_out(price) -> int:
    """What the convolution pays besides its blocks: 39 cells, 10 results of 3 limbs."""
    return price.items(39) + price.items(10, 3) + price.growth(78, 78 + (39 + 10) * 8)


def test_each_block_pays_its_own_share(run, price):
    """Each share is rounded by itself: three times 100 products, not 300."""
    outcome = run(CONVOLUTION, maps=[MAP], blocks=TENS)
    each = price.cold_block(10) + price.macs(100, 1, 1)
    assert 3 * price.macs(100, 1, 1) < price.macs(300, 1, 1)
    assert outcome.charged == 3 * each + laying_out(price)


def test_each_block_counts_by_its_own_width(run, price):
    """Work by the width of the block, the result by that of the widest."""
    blocks = {5: [1] * 10, 6: [2**30] * 10, 7: [1] * 10}
    outcome = run(CONVOLUTION, maps=[MAP], blocks=blocks)
    narrow = price.cold_block(10) + price.macs(100, 1, 1)
    wide = price.cold_block(10, 4) + price.macs(100, 1, 2)
    result = price.items(39) + price.items(10, 4) + price.growth(78, 78 + 49 * 8)
    assert outcome.charged == 2 * narrow + wide + result


def test_what_the_last_block_has_beyond_is_read_but_no_work(run, price):
    outcome = run(CONVOLUTION, maps=[MAP], blocks={5: [1] * 25, 6: [1] * 1000})
    first = price.cold_block(25) + price.macs(250, 1, 1)
    second = price.cold_block(1000) + price.macs(50, 1, 1)
    assert outcome.charged == first + second + laying_out(price)


def test_a_block_behind_the_last_is_not_touched(run, price):
    text = f"{CONVOLUTION}\nBUF_BIAS address=8[1]"
    outcome = run(text, maps=[MAP], blocks=TENS | {8: [1]})
    assert outcome.charged == price.cold_block(1) + price.items(10, 2)


STAGES = ["base", "access", "bytes", "work"]


@pytest.mark.parametrize("block", range(3))
@pytest.mark.parametrize("stage", STAGES[1:])
def test_the_order_of_charges(run, price, block, stage):
    """One gas too few for a stage: all stages before it are paid, and nothing of it."""
    blocks = {5: [1] * 10, 6: [1] * 10, 7: [1] * 10}
    parts = [gas.BLOCK_READ_COLD, gas.BLOCK_READ_WORD, price.macs(100, 1, 1)]
    before = gas.BASE + block * sum(parts) + sum(parts[: STAGES.index(stage) - 1])
    enough = run(CONVOLUTION, maps=[MAP], blocks=blocks)
    due = parts[STAGES.index(stage) - 1]
    spent = enough.execution.gas_used - enough.gas  # by the pushes and the map
    outcome = run(CONVOLUTION, maps=[MAP], blocks=blocks, gas=spent + before + due - 1)
    assert type(outcome.error) is OutOfGas
    assert outcome.step.gas_cost == before


def test_a_missing_block_is_found_where_it_stands(run, price):
    """The blocks before it are paid with their work, it itself with its access."""
    outcome = run(CONVOLUTION, maps=[MAP], blocks={5: [1] * 10, 7: [1] * 10})
    message = "CONV_MUL: weights: expected block 6, found no such block"
    assert (type(outcome.error), str(outcome.error)) == (BlockMissing, message)
    first = price.cold_block(10) + price.macs(100, 1, 1)
    assert outcome.charged == first + gas.BLOCK_READ_COLD


def test_a_block_is_cold_once_a_transaction(run, price):
    add = "BUF_BIAS address=1[1]\n"
    first = run(add, maps=[[1]], blocks={1: [1]})
    assert first.charged == price.cold_block(1)
    second = run(add * 2, maps=[[1]], blocks={1: [1]})
    assert second.charged == price.warm_block(1)
    again = run(add, maps=[[1]], state=first.state)
    assert again.charged == price.cold_block(1)


def test_a_block_is_warm_within_one_instruction(run, price):
    outcome = run("MAT_MUL a=1[2x2] b=1[2x2]", blocks={1: [1, 2, 3, 4]})
    blocks = price.cold_block(4) + price.warm_block(4) + price.macs(8, 1, 1)
    assert outcome.charged == blocks + price.items(4, 3) + price.growth(0, 32)


def test_a_missing_block_costs_its_access(run):
    outcome = run("BUF_BIAS address=1[1]", maps=[[1]])
    assert type(outcome.error) is BlockMissing
    assert outcome.charged == gas.BLOCK_READ_COLD


def test_slots_do_not_warm_blocks(run, price):
    outcome = run("PUSH 1\nSLOAD\nBUF_BIAS address=1[1]", maps=[[1]], blocks={1: [1]})
    assert outcome.charged == price.cold_block(1)


@pytest.mark.parametrize("capacity", [0, 1 << 30])
def test_the_resident_cache_does_not_show(run, capacity):
    """The same gas and result with what earlier runs have left in it, without, and without it."""
    usual = resident.capacity
    resident.clear()
    resident.set_capacity(capacity)
    try:
        outcomes = [run(CONVOLUTION, maps=[MAP], blocks=TENS) for _ in range(3)]
        outcomes += [run(CONVOLUTION, maps=[MAP], state=outcomes[0].state)]
    finally:
        resident.set_capacity(usual)
    assert len({outcome.gas for outcome in outcomes}) == 1
    assert [outcome.top for outcome in outcomes] == [[30] * 10] * 4


def test_a_block_is_seen_as_it_was_written_last(run):
    text = "BTOS1 first=0 block=1\nBUF_BIAS address=1\nBTOS1 first=0 block=1\nBUF_BIAS address=1"
    assert run(text, maps=[[1, 2]], blocks={1: [100, 100]}).top == [4, 8]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("84010305ff", "block: expected a multiple of 3 bytes of items, found 2 bytes"),
        ("83020105", "block version: expected 1, found 2"),
        ("83012105", "block item_bytes: expected 1 to 32, found 33"),
        ("820101", "block: expected a header and items, found 2 bytes"),
        ("840101", "block: expected an RLP string, found 3 bytes of another form"),
    ],
)
def test_a_malformed_block(run, value, message):
    """No program can write one; a state from elsewhere may hold one all the same."""
    state = run("STOP").state
    state.set_block(CONTRACT, 1, bytes.fromhex(value))
    outcome = run("BUF_BIAS address=1[1]", maps=[[1]], state=state)
    assert (type(outcome.error), str(outcome.error)) == (BlockMalformed, f"BUF_BIAS: {message}")


# Memory as an operand


def test_memory_beyond_what_was_written_is_zero(run):
    assert run("BUF_BIAS address=mem:1000[2]", maps=[[5, 6]]).top == [5, 6]


def test_memory_is_read_at_any_byte(run):
    """A word written at byte 1 and read at byte 0 lacks its last byte."""
    text = "BUF_ALLO size=1\nPUSH 0x0102\nPUSH 1\nMSTORE\nBUF_BIAS address=mem:"
    assert run(f"{text}1[1]").top == [0x0102]
    assert run(f"{text}0[1]").top == [0x01]


def test_reading_memory_grows_it(run, price):
    outcome = run("BUF_ALLO size=8\nBUF_BIAS address=mem:64")
    grown = 3 * 10 + 10**2 // 512
    reading = price.copied(256) + price.items(8, 16) + grown
    assert outcome.charged == reading + price.items(8, 2) + price.growth(16, 48)
    assert len(outcome.memory) == 320


@pytest.mark.parametrize("base", [pack(2**64 - 1, f3=2), pack(2**40, f3=2)])
def test_memory_that_nobody_can_pay(run, base):
    assert type(run(f"BUF_BIAS address={base}", maps=[[1]]).error) is OutOfGas
