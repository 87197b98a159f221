"""FULL_CON and MAT_MUL."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm import gas
from smartvm.exceptions import (
    BlockMissing,
    MapMissing,
    OperandError,
    OperandsMissing,
    ShapeError,
)
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)
WEIGHTS = [1, 0, -1, 2, 2, 2]  # 2 x 3
TRANSPOSED = [1, 2, 0, 2, -1, 2]  # 3 x 2


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


# FULL_CON


def test_a_row(run):
    assert run("FULL_CON weights=1 in=3 out=2", maps=[[1, 2, 3]], blocks={1: WEIGHTS}).maps == [
        [-2, 12],
    ]


def test_transposed_weights(run):
    text = "FULL_CON weights=1.T in=3 out=2"
    assert run(text, maps=[[1, 2, 3]], blocks={1: TRANSPOSED}).top == [-2, 12]


@pytest.mark.parametrize("rows", ["", "rows=2"])
def test_rows(run, rows):
    text = f"FULL_CON weights=1 in=3 out=2 {rows}"
    assert run(text, maps=[[1, 2, 3, 0, 5, 0]], blocks={1: WEIGHTS}).top == [-2, 12, 0, 10]


def test_a_bias_for_each_row(run):
    text = "FULL_CON weights=1 bias=2 in=3 out=2"
    blocks = {1: WEIGHTS, 2: [100, -(2**40)]}
    assert run(text, maps=[[1, 2, 3, 0, 5, 0]], blocks=blocks).top == [
        98, 12 - 2**40, 100, 10 - 2**40,
    ]  # fmt: skip


@pytest.mark.parametrize("bias", ["0[2]", "block:0[2]", "1[2]", "1"])
def test_a_bias_that_names_its_length(run, bias):
    """The word 0 is no bias; with its length a bias may be in block 0 as well."""
    text = f"FULL_CON weights=7 bias={bias} in=1 out=2"
    blocks = {0: [10, 20], 1: [10, 20], 7: [1, 2]}
    assert run(text, maps=[[3]], blocks=blocks).top == [13, 26]


def test_weights_in_block_zero(run):
    assert run("FULL_CON weights=0 in=1 out=2", maps=[[3]], blocks={0: [1, 2]}).top == [3, 6]


def test_weights_and_bias_in_the_buffer(run):
    text = "FULL_CON weights=map:2 bias=map:1 in=3 out=2"
    maps = [WEIGHTS, [100, 200], [1, 2, 3]]
    assert run(text, maps=maps).maps == [WEIGHTS, [100, 200], [98, 212]]


def test_a_map_is_its_own_weights_and_bias(run):
    """Both name the top map as it is before the instruction: 5·5 + 5."""
    text = "FULL_CON weights=map:0 bias=map:0[1] in=1 out=1"
    assert run(text, maps=[[5]]).maps == [[30]]


def test_weights_and_bias_in_memory(run):
    text = "FULL_CON weights=mem:0 bias=mem:192 in=3 out=2"
    assert run(text, maps=[[1, 2, 3]], memory=[*WEIGHTS, 100, -200]).top == [98, -188]


def test_weights_and_bias_in_several_blocks(run):
    text = "FULL_CON weights=1 bias=3 in=3 out=2"
    blocks = {1: [1, 0, -1, 2], 2: [2, 2, 99], 3: [100], 4: [200, 99]}
    assert run(text, maps=[[1, 2, 3]], blocks=blocks).top == [98, 212]


WRAPPING = {
    "the bias": ([1], [1], [GREATEST], [LEAST]),
    "a product": ([2**255 - 1], [2], [0], [-2]),
    "a sum": ([GREATEST, 1], [1, 1], [0], [LEAST]),
    "out and back": ([GREATEST, 1], [1, 1], [-1], [GREATEST]),
    "squares of the least": ([LEAST, LEAST], [LEAST, 1], [0], [LEAST]),
}


@pytest.mark.parametrize(("x", "weights", "bias", "result"), WRAPPING.values(), ids=WRAPPING)
def test_full_con_wraps(run, x, weights, bias, result):
    text = f"FULL_CON weights=1 bias=2 in={len(x)} out=1"
    assert run(text, maps=[x], blocks={1: weights, 2: bias}).top == result


# MAT_MUL

FACTORS = {1: [1, 2, 3, 4, 5, 6], 2: [1, 0, 0, 1, 10, 10]}
SIDES = [
    ("1[2x3]", "2[3x2]", [31, 32, 64, 65]),
    ("1[3x2].T", "2[3x2]", [51, 53, 62, 64]),
    ("1[2x3]", "2[2x3].T", [1, 51, 4, 114]),
    ("1[3x2].T", "2[2x3].T", [1, 81, 2, 102]),
    ("1[1x6]", "2[6x1]", [1 + 4 + 50 + 60]),
    ("1[6x1].T", "2[1x6].T", [1 + 4 + 50 + 60]),
]


@pytest.mark.parametrize(("a", "b", "result"), SIDES)
def test_the_product_is_pushed(run, a, b, result):
    """Rows and columns are those as stored; the Buffer may be empty."""
    assert run(f"MAT_MUL a={a} b={b}", blocks=FACTORS).maps == [result]


def test_an_outer_product(run):
    text = "MAT_MUL a=1[3x1] b=2[1x2]"
    assert run(text, blocks={1: [1, 2, 3], 2: [1, 10]}).top == [1, 10, 2, 20, 3, 30]


def test_the_operands_stay(run):
    text = "MAT_MUL a=map:1[2x2] b=map:0[2x1]"
    assert run(text, maps=[[1, 2, 3, 4], [1, 10]]).maps == [[1, 2, 3, 4], [1, 10], [21, 43]]


def test_a_square(run):
    text = "MAT_MUL a=map:0[2x2] b=map:0[2x2]"
    assert run(text, maps=[[1, 2, 3, 4]]).maps == [[1, 2, 3, 4], [7, 10, 15, 22]]
    text = "MAT_MUL a=map:0[2x2] b=map:0[2x2].T"
    assert run(text, maps=[[1, 2, 3, 4]]).top == [5, 11, 11, 25]


@pytest.mark.parametrize("a", ["block:1", "map:0", "mem:0"])
@pytest.mark.parametrize("b", ["block:1", "map:0", "mem:0"])
def test_all_spaces(run, a, b):
    items = [1, 2, 3, 4]
    outcome = run(f"MAT_MUL a={a}[2x2] b={b}[2x2]", maps=[items], memory=items, blocks={1: items})
    assert outcome.top == [7, 10, 15, 22]


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        ([GREATEST, 1], [1, 1], LEAST),
        ([GREATEST, 1], [1, -1], GREATEST - 1),
        ([LEAST, LEAST], [1, 1], 0),
        ([2**128, 1], [2**127, -1], LEAST - 1 + 2**256),
        ([2**53 + 1, -1], [2**53 - 1, 1], 2**106 - 2),
    ],
)
def test_mat_mul_wraps(run, a, b, result):
    assert run("MAT_MUL a=1[1x2] b=2[2x1]", blocks={1: a, 2: b}).top == [result]


# Gas


@pytest.mark.parametrize(
    ("limbs", "limbs_sum", "item", "item_sum"), [(1, 3, 2, 8), (2, 4, 4, 8), (16, 16, 32, 32)]
)
def test_the_gas_of_full_con(run, price, limbs, limbs_sum, item, item_sum):
    """64 products of limbs + 1 limbs; no limb more for a bias that is not there."""
    text = "FULL_CON weights=1 in=64 out=32"
    outcome = run(text, maps=[ramp(128, limbs)], blocks={1: np.ones(2048, dtype=np.int8)})
    block = price.cold_block(2048) + price.macs(2048 * 2, limbs, 1)
    growth = price.growth(128 * item, 128 * item + 64 * item_sum)
    assert outcome.gas == gas.BASE + block + price.items(64, limbs_sum) + growth


def test_the_gas_of_a_bias(run, price):
    text = "FULL_CON weights=1 bias=2 in=64 out=32"
    blocks = {1: np.ones(2048, dtype=np.int8), 2: np.ones(32, dtype=np.int64)}
    outcome = run(text, maps=[ramp(128)], blocks=blocks)
    weights = price.cold_block(2048) + price.macs(2048 * 2, 1, 1)
    bias = price.cold_block(32, 8)
    # The bias is of 4 limbs, the products are of 3: their sum is of 5.
    assert outcome.charged == weights + bias + price.items(64, 5) + price.growth(256, 256 + 64 * 32)


def test_the_gas_of_weights_elsewhere(run, price):
    text = "FULL_CON weights=map:1 bias=mem:0 in=8 out=8"
    outcome = run(text, maps=[ramp(64, 3), ramp(16)], memory=[1] * 8)
    bias = price.copied(256) + price.items(8, 16)
    work = price.macs(64 * 2, 1, 3) + bias + price.items(16, 6)
    assert outcome.charged == work + price.growth(64 * 8 + 32, 64 * 8 + 32 + 16 * 32)


def test_the_gas_of_mat_mul(run, price):
    """6 x 8 by 8 x 4: a is read, each item of b is used 6 times."""
    blocks = {1: np.ones(48, dtype=np.int16), 2: np.ones(32, dtype=np.int32)}
    outcome = run("MAT_MUL a=1[6x8] b=2[8x4]", blocks=blocks)
    reading = price.cold_block(48, 2) + price.cold_block(32, 4)
    work = price.macs(6 * 8 * 4, 1, 2) + price.items(24, 4)  # 8 products of 3 limbs: 51 bits
    assert outcome.gas == gas.BASE + reading + work + price.growth(0, 24 * 8)


def test_the_gas_of_mat_mul_transposed_and_elsewhere(run, price):
    text = "MAT_MUL a=map:0[8x6].T b=mem:0[4x8].T"
    outcome = run(text, maps=[ramp(48)], memory=ramp(32, 5))
    reading = price.copied(1024) + price.items(32, 16)
    work = price.macs(6 * 8 * 4, 1, 5) + price.items(24, 7)
    assert outcome.charged == reading + work + price.growth(96, 96 + 24 * 32)


# Errors

F3, F1 = pack(f3=3), pack(f1=1)
SOUND = {"weights": 1, "in": 2, "out": 2}
DENSE = [
    (
        {"weights": F3},
        OperandError,
        "weights: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3",
    ),
    ({"weights": "1[2x2]"}, OperandError, "weights: expected f1 = f2 = 0, found (2, 2)"),
    ({"bias": F3}, OperandError, "bias: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3"),
    (
        {"bias": pack(1, 3)},
        OperandError,
        f"bias: expected a vector of 2 items, found {pack(1, 3):#x}",
    ),
    (
        {"bias": pack(1, 2, 1)},
        OperandError,
        f"bias: expected a vector of 2 items, found {pack(1, 2, 1):#x}",
    ),
    (
        {"bias": "1.T"},
        OperandError,
        f"bias: expected a vector of 2 items, found {pack(1, f3=4):#x}",
    ),
    ({"in": 0}, OperandError, "in_features: expected at least 1, found 0"),
    ({"out": 0}, OperandError, "out_features: expected at least 1, found 0"),
    ({"in": F1}, OperandError, f"in_features: expected a plain number below 2^64, found {F1:#x}"),
    ({"out": F1}, OperandError, f"out_features: expected a plain number below 2^64, found {F1:#x}"),
    ({"rows": F1}, OperandError, f"rows: expected a plain number below 2^64, found {F1:#x}"),
    ({"in": 3}, ShapeError, "in_features: expected a map of a multiple of 3 items, found 4"),
    ({"rows": 1}, ShapeError, "rows: expected 2, the map over in_features, or 0, found 1"),
    ({"weights": 8}, BlockMissing, "weights: expected block 8, found no such block"),
    ({"out": 3}, BlockMissing, "weights: expected block 2, found no such block"),
    ({"bias": 8}, BlockMissing, "bias: expected block 8, found no such block"),
    ({"weights": "map:1"}, MapMissing, "weights: expected a map 1 below the top, found 1 maps"),
    ({"weights": "map:0", "out": 1}, ShapeError, "weights: expected a map of 2 items, found 4"),
    ({"bias": "map:0"}, ShapeError, "bias: expected a map of 2 items, found 4"),
]


@pytest.mark.parametrize(("operands", "error", "message"), DENSE)
def test_the_errors_of_full_con(run, operands, error, message):
    text = " ".join(["FULL_CON", *(f"{k}={v}" for k, v in (SOUND | operands).items())])
    run.fails(text, error, f"FULL_CON: {message}", maps=[[1, 2, 3, 4]], blocks={1: [1] * 4})


PRODUCTS = [
    ("1[x3]", "2[3x2]", OperandError, "a rows: expected at least 1, found 0"),
    ("1[2]", "2[2x2]", OperandError, "a columns: expected at least 1, found 0"),
    ("1[2x3]", "2[x2]", OperandError, "b rows: expected at least 1, found 0"),
    ("1[2x3]", "2[3]", OperandError, "b columns: expected at least 1, found 0"),
    (F3, "2[3x2]", OperandError, "a: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3"),
    ("1[2x3]", F3, OperandError, "b: expected f3 bits 0-1 of 0, 1 or 2 and bit 2, found 3"),
    ("1[2x3]", "2[2x3]", ShapeError, "b: expected 3 rows, as a has columns, found 2"),
    ("1[2x3].T", "2[3x2]", ShapeError, "b: expected 2 rows, as a has columns, found 3"),
    ("1[2x3]", "2[3x2].T", ShapeError, "b: expected 3 rows, as a has columns, found 2"),
    ("8[2x3]", "2[3x2]", BlockMissing, "a: expected block 8, found no such block"),
    ("1[2x3]", "2[3x3]", BlockMissing, "b: expected block 3, found no such block"),
    ("map:0[1x1]", "2[1x1]", MapMissing, "a: expected a map 0 below the top, found 0 maps"),
]


@pytest.mark.parametrize(("a", "b", "error", "message"), PRODUCTS)
def test_the_errors_of_mat_mul(run, a, b, error, message):
    run.fails(f"MAT_MUL a={a} b={b}", error, f"MAT_MUL: {message}", blocks=FACTORS)


def test_a_map_of_another_size(run):
    message = "MAT_MUL: b: expected a map of 4 items, found 3"
    run.fails("MAT_MUL a=map:1[2x2] b=map:0[2x2]", ShapeError, message, maps=[[1] * 4, [1] * 3])


def test_operands_or_a_map_are_missing(run):
    message = "FULL_CON: Stack: expected 5 items, found 4"
    run.fails("PUSH 1\n" * 4 + "FULL_CON", OperandsMissing, message, maps=[[1]])
    message = "MAT_MUL: Stack: expected 2 items, found 1"
    run.fails("PUSH 1\nMAT_MUL", OperandsMissing, message)
    message = "FULL_CON: Buffer: expected 1 maps, found 0"
    run.fails("FULL_CON weights=1 in=1 out=1", MapMissing, message)
