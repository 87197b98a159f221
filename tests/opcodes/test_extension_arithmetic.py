"""BUF_MUL, BUF_DIV, BUF_CLIP, ACT_FUN: what they compute, and when they fail."""

from __future__ import annotations

import pytest
from eth.exceptions import OutOfGas

from smartvm.exceptions import (
    BlockMissing,
    DivisionByZero,
    ItemRangeError,
    MapMissing,
    OperandError,
    OperandsMissing,
    ShapeError,
)
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)

FACTORS = {
    "an item each": ("1", [1, 2, 3, 4], [10, 20, -30, 0], [10, 40, -90, 0]),
    "channels": ("1[2]", [1, 2, 3, 4], [10, 20], [10, 40, 30, 80]),
    "planes": ("1[x2]", [1, 2, 3, 4], [10, 20], [10, 20, 60, 80]),
    "channels and planes": (
        "1[2x2]", [1, 2, 3, 4, 5, 6, 7, 8], [10, -1], [10, 20, -3, -4, 50, 60, -7, -8],
    ),
    "beyond 64 bits": ("1[1]", [2**62, -3], [4], [2**64, -12]),
    "wrapping": ("1", [GREATEST, LEAST, 2**128], [2, -1, 2**127], [-2, LEAST, LEAST]),
}  # fmt: skip


@pytest.mark.parametrize(("place", "x", "factors", "result"), FACTORS.values(), ids=FACTORS.keys())
def test_mul(run, place, x, factors, result):
    assert run(f"BUF_MUL address={place}", maps=[x], blocks={1: factors}).maps == [result]


def test_mul_of_maps_and_memory(run):
    """A gate: the map under the top is multiplied, and stays."""
    assert run("BUF_MUL address=map:1", maps=[[2, 3], [10, 20]]).maps == [[2, 3], [20, 60]]
    assert run("BUF_MUL address=map:0", maps=[[3, -4]]).maps == [[9, 16]]
    assert run("BUF_MUL address=mem:32[1]", maps=[[3, -4]], memory=[9, -2]).maps == [[-6, 8]]


QUOTIENTS = {
    "truncated": ("1[4]", [7, -7, 7, -7], [2, 2, -2, -2], [3, -3, -3, 3]),
    "nearest, ties to even": ("1[4] rounding=1", [5, -5, 7, -7], [2, 2, -2, -2], [2, -2, -4, 4]),
    "nearest": ("1[2] rounding=1", [14, 15, 16, 25], [10, 10], [1, 2, 2, 2]),
    "planes": ("1[2x2]", [8, 9, 8, 9], [2, 4], [4, 4, 2, 2]),
    "by minus one": ("1[1]", [LEAST, GREATEST, 5], [-1], [LEAST, -GREATEST, -5]),
    "by minus one, nearest": ("1[1] rounding=1", [-(2**63), 0, 1], [-1], [2**63, 0, -1]),
    "wide by wide": ("1[2]", [GREATEST, LEAST], [2**200, -(2**128)], [2**55 - 1, 2**127]),
    "wide by wide, nearest": (
        "1[2] rounding=1", [GREATEST, LEAST], [2**200, 3 - 2**255], [2**55, 1],
    ),
    "narrow by wide": ("1[2] rounding=1", [5, -5], [2**100, -(2**100)], [0, 0]),
}  # fmt: skip


@pytest.mark.parametrize(
    ("operands", "x", "divisors", "result"), QUOTIENTS.values(), ids=QUOTIENTS.keys()
)
def test_div(run, operands, x, divisors, result):
    assert run(f"BUF_DIV address={operands}", maps=[x], blocks={1: divisors}).maps == [result]


def test_div_by_a_map(run):
    assert run("BUF_DIV address=map:1", maps=[[2, 3], [10, 20]]).maps == [[2, 3], [5, 6]]


CLIPPED = {
    "both ends": ("low=-2 high=2", [-3, -2, 0, 2, 3], [-2, -2, 0, 2, 2]),
    "one number": ("low=7 high=7", [-3, 7, 30], [7, 7, 7]),
    "above all": (f"low={2**100} high={2**101}", [1, 2], [2**100, 2**100]),
    "below all": (f"low={LEAST} high=-9", [1, -2], [-9, -9]),
    "wide items": ("low=-5 high=5", [GREATEST, LEAST, 1], [5, -5, 1]),
    "wide ends": (
        f"low={-(2**70)} high={2**70}", [GREATEST, 2**70, 2**69, -(2**70) - 1],
        [2**70, 2**70, 2**69, -(2**70)],
    ),
    "nothing": (f"low={LEAST} high={GREATEST}", [GREATEST, LEAST, 1], [GREATEST, LEAST, 1]),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "x", "result"), CLIPPED.values(), ids=CLIPPED.keys())
def test_clip(run, operands, x, result):
    assert run(f"BUF_CLIP {operands}", maps=[x]).maps == [result]


FUNCTIONS = {
    "e to -1, 0 and 1": ("scale=1000 function=0", [-1000, 0, 1000, LEAST], [368, 1000, 2718, 0]),
    "wide": ("scale=1 function=0", [2, 50], [7, 5184705528587072464087]),
    "logarithms": ("scale=1000 function=1", [1, 500, 1000, 2718], [-6908, -693, 0, 1000]),
    "of the greatest item": ("scale=1 function=1", [GREATEST], [177]),
    "roots": ("scale=100 function=2", [0, 1, 2, 100, 400], [0, 10, 14, 100, 200]),
    "of products beyond an item": ("scale=4 function=2", [2**254, 2**252], [2**128, 2**127]),
    "error function": ("scale=1000 function=3", [-500, 0, 500, 9000], [-520, 0, 520, 1000]),
    "of all items": ("scale=3 function=3", [LEAST, GREATEST], [-3, 3]),
}


@pytest.mark.parametrize(("operands", "x", "result"), FUNCTIONS.values(), ids=FUNCTIONS.keys())
def test_fun(run, operands, x, result):
    assert run(f"ACT_FUN {operands}", maps=[x]).maps == [result]


FOUR = "expected a divisor of 4 items, found"
ERRORS = [
    ("BUF_MUL address=1[3]", ShapeError, f"channels, plane: {FOUR} 3"),
    ("BUF_MUL address=1[x5]", ShapeError, f"channels, plane: {FOUR} 0"),
    ("BUF_MUL address=9", BlockMissing, "address: expected block 9, found no such block"),
    (
        "BUF_MUL address=1.T",
        OperandError,
        f"address: expected an address that is not transposed, found {pack(1, f3=4):#x}",
    ),
    ("BUF_DIV address=1[3]", ShapeError, f"channels, plane: {FOUR} 3"),
    ("BUF_DIV address=map:0[2]", ShapeError, "address: expected a map of 2 items, found 4"),
    ("BUF_DIV address=1[2] rounding=2", OperandError, "rounding: expected at most 1, found 2"),
    (
        "BUF_DIV address=1[2]",
        DivisionByZero,
        "address: expected divisors other than 0, found 0",
    ),
    ("BUF_CLIP low=1 high=0", OperandError, "low: expected at most high, 0, found 1"),
    (
        f"BUF_CLIP low={GREATEST} high={LEAST}",
        OperandError,
        f"low: expected at most high, {LEAST}, found {GREATEST}",
    ),
    ("ACT_FUN scale=0", DivisionByZero, "scale: expected 1 to 2^64 - 1, found 0"),
    ("ACT_FUN scale=1 function=4", OperandError, "function: expected at most 3, found 4"),
    (
        f"PUSH {pack(1, 1, 1)}\nACT_FUN",
        OperandError,
        f"scale: expected no field beyond f1, found {pack(1, 1, 1):#x}",
    ),
    ("ACT_FUN scale=1 function=1", ItemRangeError, "item: expected a number above zero, found -1"),
    ("ACT_FUN scale=1 function=2", ItemRangeError, "item: expected no negative number, found -1"),
    (
        "ACT_FUN scale=1 function=0",
        ItemRangeError,
        "item: expected an exponential below 2^255, found 177",
    ),
    (
        "BUF_SCL0 times=1000\nACT_FUN scale=1 function=0",
        ItemRangeError,
        "item: expected an exponential below 2^255, found 177000",
    ),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    mnemonic = text.splitlines()[-1].partition(" ")[0]
    maps, blocks = [[-1, 2, 3, 177]], {1: [5, 0]}
    run.fails(text, error, f"{mnemonic}: {message}", maps=maps, blocks=blocks)


@pytest.mark.parametrize(
    ("mnemonic", "operands"), [("BUF_MUL", 1), ("BUF_DIV", 2), ("BUF_CLIP", 2), ("ACT_FUN", 1)]
)
def test_the_operand_or_the_map_is_missing(run, mnemonic, operands):
    pushes = "PUSH 1\n" * (operands - 1)
    message = f"{mnemonic}: Stack: expected {operands} items, found {operands - 1}"
    run.fails(pushes + mnemonic, OperandsMissing, message, maps=[[1]])
    message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
    run.fails(f"PUSH 1\n{pushes}{mnemonic}", MapMissing, message)


@pytest.mark.parametrize(
    "text", ["BUF_MUL address=map:0", "BUF_DIV address=map:0", "ACT_FUN scale=9 function=3"]
)
def test_the_work_is_paid_for_before_it_is_done(run, text):
    x = [7] * 5000
    needed = run(text, maps=[x]).execution.gas_used
    assert run(text, maps=[x], gas=needed).error is None
    assert type(run(text, maps=[x], gas=needed - 1).error) is OutOfGas
