"""BUF_SCL0, BUF_SCL1, BUF_BIAS."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm import gas
from smartvm.exceptions import (
    BlockMissing,
    DivisionByZero,
    MapMissing,
    OperandError,
    OperandsMissing,
    ShapeError,
)
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)
LARGEST_FIELD = 2**64 - 1

PRODUCTS = {
    "plain": (3, [1, -2, 0], [3, -6, 0]),
    "negative": (-3, [1, -2, 0], [-3, 6, 0]),
    "nothing": (0, [1, GREATEST], [0, 0]),
    "beyond 16 bits": (2, [32767, -32768], [65534, -65536]),
    "beyond 64 bits": (2**32, [2**32, -(2**32)], [2**64, -(2**64)]),
    "the greatest": (1, [GREATEST, LEAST], [GREATEST, LEAST]),
    "negated": (-1, [GREATEST, LEAST, 5], [LEAST + 1, LEAST, -5]),
    "doubled": (2, [GREATEST, LEAST], [-2, 0]),
    "squares": (GREATEST, [GREATEST, LEAST], [1, LEAST]),
    "the least": (LEAST, [1, -1, 2], [LEAST, LEAST, 0]),
    "limbs that meet": (2**100 + 1, [2**200 + 1], [2**200 + 2**100 + 1]),
}


@pytest.mark.parametrize(("times", "x", "result"), PRODUCTS.values(), ids=PRODUCTS.keys())
def test_multiply(run, times, x, result):
    assert run(f"BUF_SCL0 times={times}", maps=[x]).maps == [result]


QUOTIENTS = {
    "truncated": ("divisor=2", [5, -5, 1, -1, 0], [2, -2, 0, 0, 0]),
    "by one": ("divisor=1", [5, LEAST, GREATEST], [5, LEAST, GREATEST]),
    "nearest, ties to even": (
        "divisor=2 rounding=1", [5, 7, -5, -7, 1, -1, 3], [2, 4, -2, -4, 0, 0, 2],
    ),
    "nearest": ("divisor=10 rounding=1", [14, 15, 16, 25, -14, -15, -16], [1, 2, 2, 2, -1, -2, -2]),
    "nearest by one": ("divisor=1 rounding=1", [5, LEAST, GREATEST], [5, LEAST, GREATEST]),
    "256 bits": ("divisor=3", [GREATEST, LEAST], [(2**255 - 1) // 3, -(2**255 // 3)]),
    "256 bits, nearest": (
        "divisor=3 rounding=1", [GREATEST, LEAST], [(2**255 - 1) // 3, -(2**255 // 3 + 1)],
    ),
    "the largest divisor": (
        f"divisor={LARGEST_FIELD}",
        [2**64, -(2**64), LARGEST_FIELD, LARGEST_FIELD - 1], [1, -1, 1, 0],
    ),
    "the largest divisor, nearest": (
        f"divisor={LARGEST_FIELD} rounding=1", [2**63, 2**63 - 1, -(2**63)], [1, 0, -1],
    ),
    "a divisor beyond the items": ("divisor=65536 rounding=1", [32767, -32768], [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "x", "result"), QUOTIENTS.values(), ids=QUOTIENTS.keys())
def test_divide(run, operands, x, result):
    assert run(f"BUF_SCL1 {operands}", maps=[x]).maps == [result]


ADDENDS = {
    "an item each": ("1", [1, 2, 3, 4], [10, 20, 30, 40], [11, 22, 33, 44]),
    "channels": ("1[2]", [1, 2, 3, 4], [10, 20], [11, 22, 13, 24]),
    "one for all": ("1[1]", [1, 2, 3], [10], [11, 12, 13]),
    "planes": ("1[x2]", [1, 2, 3, 4], [10, 20], [11, 12, 23, 24]),
    "channels and planes": (
        "1[2x2]", [1, 2, 3, 4, 5, 6, 7, 8], [10, 20], [11, 12, 23, 24, 15, 16, 27, 28],
    ),
    "what the block has beyond": ("1[2x2]", [1, 2, 3, 4], [10, 20, 99], [11, 12, 23, 24]),
    "beyond 64 bits": ("1[1]", [2**63 - 1, -(2**63)], [2**63 - 1], [2**64 - 2, -1]),
    "wrapping up": ("1[1]", [GREATEST, 0], [1], [LEAST, 1]),
    "wrapping down": ("1[1]", [LEAST, 0], [-1], [GREATEST, -1]),
    "the least twice": ("1", [LEAST, GREATEST], [LEAST, LEAST], [0, -1]),
}  # fmt: skip


@pytest.mark.parametrize(("place", "x", "addend", "result"), ADDENDS.values(), ids=ADDENDS.keys())
def test_add(run, place, x, addend, result):
    assert run(f"BUF_BIAS address={place}", maps=[x], blocks={1: addend}).maps == [result]


def test_add_a_map(run):
    """A residual connection: the map under the top is added, and stays."""
    text = "BUF_BIAS address=map:1"
    assert run(text, maps=[[1, 2, 3], [10, 20, 30]]).maps == [[1, 2, 3], [11, 22, 33]]


def test_add_a_map_to_itself(run):
    assert run("BUF_BIAS address=map:0", maps=[[1, -2]]).maps == [[2, -4]]


def test_add_words_of_memory(run):
    text = "BUF_BIAS address=mem:32[2x1]"
    assert run(text, maps=[[1, 2]], memory=[99, 5, -1]).top == [6, 1]


def test_add_several_blocks(run):
    blocks = {8: [10], 9: [2**70, 30, 99]}
    assert run("BUF_BIAS address=8", maps=[[1, 2, 3]], blocks=blocks).top == [11, 2**70 + 2, 33]


# Gas


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


@pytest.mark.parametrize(
    ("limbs_x", "times", "limbs_times", "item", "item_product"),
    [
        (1, 2**15 - 1, 1, 2, 4),
        (1, -(2**15), 1, 2, 4),
        (1, 2**15, 2, 2, 8),
        (2, 2**47, 4, 4, 32),
        (2, 2**31, 3, 4, 32),
        (16, GREATEST, 16, 32, 32),
        (1, LEAST, 16, 2, 32),
    ],
)
def test_the_gas_of_multiply(run, price, limbs_x, times, limbs_times, item, item_product):
    outcome = run(f"BUF_SCL0 times={times}", maps=[ramp(100, limbs_x)])
    growth = price.growth(100 * item, 100 * (item + item_product))
    assert outcome.gas == gas.BASE + price.items(100, limbs_x * limbs_times) + growth


@pytest.mark.parametrize(("limbs", "item"), [(1, 2), (2, 4), (4, 8), (5, 32), (16, 32)])
@pytest.mark.parametrize("operands", ["divisor=1", f"divisor={LARGEST_FIELD} rounding=1"])
def test_the_gas_of_divide(run, price, limbs, item, operands):
    outcome = run(f"BUF_SCL1 {operands}", maps=[ramp(100, limbs)])
    assert outcome.gas == gas.BASE + price.divided(100, limbs) + price.growth(
        100 * item, 200 * item
    )


@pytest.mark.parametrize(
    ("limbs_x", "dtype", "limbs_sum", "item", "item_sum"),
    [
        (1, np.int8, 2, 2, 4),
        (2, np.int16, 3, 4, 8),
        (1, np.int32, 3, 2, 8),
        (3, np.int64, 5, 8, 32),
        (16, np.int8, 16, 32, 32),
    ],
)
def test_the_gas_of_add(run, price, limbs_x, dtype, limbs_sum, item, item_sum):
    """The sum is a limb longer than the longer of the two."""
    block = np.ones(50, dtype=dtype)
    outcome = run("BUF_BIAS address=1[50x2]", maps=[ramp(100, limbs_x)], blocks={1: block})
    growth = price.growth(100 * item, 100 * (item + item_sum))
    added = price.items(100, limbs_sum)
    assert outcome.charged == price.cold_block(50, block.itemsize) + added + growth


def test_the_gas_of_adding_a_map_and_memory(run, price):
    outcome = run("BUF_BIAS address=map:1[50x2]", maps=[ramp(50, 2), ramp(100)])
    assert outcome.charged == price.items(100, 3) + price.growth(400, 1200)
    outcome = run("BUF_BIAS address=mem:0[50x2]", maps=[ramp(100)], memory=ramp(50, 2))
    reading = price.copied(1600) + price.items(50, 16)
    assert outcome.charged == reading + price.items(100, 3) + price.growth(200, 1000)


# Errors

FOUR = "expected a divisor of 4 items, found"
ERRORS = [
    ("BUF_SCL1 divisor=0", DivisionByZero, "divisor: expected at least 1, found 0"),
    ("BUF_SCL1 divisor=0 rounding=1", DivisionByZero, "divisor: expected at least 1, found 0"),
    ("BUF_SCL1 divisor=1 rounding=2", OperandError, "rounding: expected at most 1, found 2"),
    ("BUF_BIAS address=1[3]", ShapeError, f"channels, plane: {FOUR} 3"),
    ("BUF_BIAS address=1[x3]", ShapeError, f"channels, plane: {FOUR} 3"),
    ("BUF_BIAS address=1[x5]", ShapeError, f"channels, plane: {FOUR} 0"),
    ("BUF_BIAS address=1[4x2]", ShapeError, f"channels, plane: {FOUR} 8"),
    ("BUF_BIAS address=9", BlockMissing, "address: expected block 9, found no such block"),
    ("BUF_BIAS address=1", BlockMissing, "address: expected block 2, found no such block"),
    ("BUF_BIAS address=map:0[2]", ShapeError, "address: expected a map of 2 items, found 4"),
    (
        "BUF_BIAS address=map:1",
        MapMissing,
        "address: expected a map 1 below the top, found 1 maps",
    ),
    (
        f"BUF_BIAS address={pack(f3=3)}",
        OperandError,
        "address: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3",
    ),
    (
        "BUF_BIAS address=1.T",
        OperandError,
        f"address: expected an address that is not transposed, found {pack(1, f3=4):#x}",
    ),
    (
        f"PUSH {pack(1, 1, 1)}\nBUF_SCL1",
        OperandError,
        f"divisor: expected no field beyond f1, found {pack(1, 1, 1):#x}",
    ),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    mnemonic = "BUF_BIAS" if "BIAS" in text else "BUF_SCL1"
    run.fails(text, error, f"{mnemonic}: {message}", maps=[[1, 2, 3, 4]], blocks={1: [1, 2]})


@pytest.mark.parametrize("mnemonic", ["BUF_SCL0", "BUF_SCL1", "BUF_BIAS"])
def test_the_operand_or_a_map_is_missing(run, mnemonic):
    message = f"{mnemonic}: Stack: expected 1 items, found 0"
    run.fails(mnemonic, OperandsMissing, message, maps=[[1]])
    message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
    run.fails(f"PUSH 1\n{mnemonic}", MapMissing, message)
