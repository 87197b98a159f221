"""ACT_SM0, ACT_SM1, ACT_RL, ACT_TANH.

That softmax, sigmoid and tanh are rounded right everywhere is shown in tests/dispatch; here are
values that are known.
"""

from __future__ import annotations

import pytest

from smartvm import gas
from smartvm.exceptions import (
    DivisionByZero,
    MapMissing,
    OperandError,
    OperandsMissing,
    ShapeError,
)
from smartvm.words import pack

GREATEST, LEAST = 2**255 - 1, -(2**255)
UNIT = 10**18
LARGEST_SCALE = 2**64 - 1

SOFTMAX = {
    "the map": ("scale=1000", [0, 1000, -1000, 500], [174, 474, 64, 287]),
    "groups": ("scale=1000 group=2", [0, 1000, -1000, 500], [269, 731, 182, 818]),
    "groups of one": ("scale=7 group=1", [5, LEAST, GREATEST], [7, 7, 7]),
    "the map as group": ("scale=1000 group=4", [0, 1000, -1000, 500], [174, 474, 64, 287]),
    "eighteen digits": (f"scale={UNIT}", [UNIT, 0], [731058578630004879, 268941421369995121]),
    "ties to even": ("scale=3 group=2", [4, 4, 5, 5], [2, 2, 2, 2]),
    "ties to zero": ("scale=1", [9, 9], [0, 0]),
    "equal items": ("scale=100", [GREATEST] * 8, [12] * 8),
    "far apart": ("scale=1000", [LEAST, GREATEST, 0], [0, 1000, 0]),
    "the largest scale": (f"scale={LARGEST_SCALE}", [LEAST, 1], [0, LARGEST_SCALE]),
}


@pytest.mark.parametrize(("operands", "x", "result"), SOFTMAX.values(), ids=SOFTMAX.keys())
def test_softmax(run, operands, x, result):
    assert run(f"ACT_SM0 {operands}", maps=[x]).maps == [result]


SIGMOID = {
    "three digits": (1000, [0, 1000, -1000, 500], [500, 731, 269, 622]),
    "eighteen digits": (UNIT, [UNIT, -UNIT], [731058578630004879, 268941421369995121]),
    "ties to even": (1, [0], [0]),
    "a tie upwards": (3, [0], [2]),
    "the ends": (1000, [LEAST, GREATEST, 10_000, -10_000], [0, 1000, 1000, 0]),
    "the largest scale": (LARGEST_SCALE, [0, LEAST, GREATEST], [2**63, 0, LARGEST_SCALE]),
}


@pytest.mark.parametrize(("scale", "x", "result"), SIGMOID.values(), ids=SIGMOID.keys())
def test_sigmoid(run, scale, x, result):
    assert run(f"ACT_SM1 scale={scale}", maps=[x]).maps == [result]


TANH = {
    "three digits": (1000, [0, 1000, -1000, 500], [0, 762, -762, 462]),
    "eighteen digits": (UNIT, [UNIT, -UNIT], [761594155955764888, -761594155955764888]),
    "the smallest scale": (1, [0, 1, -1, 2], [0, 1, -1, 1]),
    "the ends": (1000, [LEAST, GREATEST, 10_000, -10_000], [-1000, 1000, 1000, -1000]),
    "the largest scale": (LARGEST_SCALE, [LEAST, GREATEST], [-LARGEST_SCALE, LARGEST_SCALE]),
}


@pytest.mark.parametrize(("scale", "x", "result"), TANH.values(), ids=TANH.keys())
def test_tanh(run, scale, x, result):
    assert run(f"ACT_TANH scale={scale}", maps=[x]).maps == [result]


RELU = {
    "plain": ("cap=0", [-3, -1, 0, 1, 3], [0, 0, 0, 1, 3]),
    "capped": ("cap=6", [-3, 5, 6, 7], [0, 5, 6, 6]),
    "leaky, truncated": (
        "slope_numerator=1 slope_denominator=100", [-250, -99, 0, 250], [-2, 0, 0, 250],
    ),
    "steeper": ("slope_numerator=7 slope_denominator=2", [-3, 3], [-10, 3]),
    "leaky and capped": ("cap=6 slope_numerator=1 slope_denominator=2", [-5, 5, 7], [-2, 5, 6]),
    "a slope of nothing": ("slope_numerator=0 slope_denominator=5", [-5, 5], [0, 5]),
    "256 bits": ("cap=0", [LEAST, GREATEST], [0, GREATEST]),
    "256 bits, capped": (
        f"cap={LARGEST_SCALE}", [LEAST, GREATEST, -1, 9], [0, LARGEST_SCALE, 0, 9],
    ),
    "a product that wraps": (
        "slope_numerator=2 slope_denominator=3", [-(2**254) - 1, LEAST], [(2**255 - 2) // 3, 0],
    ),
    "the least stays": (
        f"slope_numerator={LARGEST_SCALE} slope_denominator=1",
        [LEAST, -1], [LEAST, -LARGEST_SCALE],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("operands", "x", "result"), RELU.values(), ids=RELU.keys())
def test_relu(run, operands, x, result):
    assert run(f"ACT_RL {operands}", maps=[x]).maps == [result]


# Gas


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


@pytest.mark.parametrize(
    ("scale", "work", "item"),
    [
        (1, 100, 8),
        (2**22 - 1, 100, 8),
        (2**22, 2300, 8),
        (2**63 - 1, 6300, 8),
        (2**63, 6400, 32),
        (LARGEST_SCALE, 6400, 32),
    ],
)
@pytest.mark.parametrize("mnemonic", ["ACT_SM1", "ACT_TANH"])
def test_the_gas_of_sigmoid_and_tanh(run, price, mnemonic, scale, work, item):
    """Items where float64 decides all but few of them, beyond that by the bits of the scale."""
    outcome = run(f"{mnemonic} scale={scale}", maps=[[0] * 100])
    growth = price.growth(200, 200 + 100 * item)
    assert outcome.gas == gas.BASE + work // gas.ACTIVATIONS_PER_GAS + growth


@pytest.mark.parametrize("mnemonic", ["ACT_SM1", "ACT_TANH"])
def test_the_gas_does_not_depend_on_the_items(run, mnemonic):
    def cost(items: list[int]) -> int:
        return run(f"{mnemonic} scale=1000", maps=[items]).gas

    assert cost([0] * 8) == cost([-1, 1] * 4) == cost([32767] * 8)


@pytest.mark.parametrize(
    ("operands", "items", "bits", "precision"),
    [
        ("scale=1000 group=4", [0, 0, 0, 0], 10, 10),
        ("scale=1000 group=4", [0, 0, 0, 2000], 10, 13),  # 3/2 bits for each of two scales
        ("scale=1000 group=4", [-8000, 0, 0, 8000], 10, 34),
        ("scale=1000 group=4", [-(2**254), 0, 0, 0], 10, 40),  # no more than four items need
        ("scale=1000 group=2", [-(2**254), 0, 0, 0], 10, 20),
        ("scale=1000", [-(2**254), 0, 0, 0] * 25, 10, 1000),
        (f"scale={LARGEST_SCALE} group=1", [0, 1], 64, 64),
    ],
)
def test_the_gas_of_softmax(run, price, operands, items, bits, precision):
    """By the scale, and by the precision that items so far apart can need."""
    outcome = run(f"ACT_SM0 {operands}", maps=[items])
    square = bits * precision**2 // gas.SOFTMAX_QUADRATIC_DENOMINATOR
    each = gas.SOFTMAX_ITEM + gas.SOFTMAX_SCALE_BIT * bits + precision + square
    work = gas.SOFTMAX_TABLE_BIT * bits + len(items) * each // 16
    item, item_out = 32 if min(items) < -8000 else 2, 32 if bits == 64 else 8
    growth = price.growth(len(items) * item, len(items) * (item + item_out))
    assert outcome.charged == work + growth


@pytest.mark.parametrize(("limbs", "item"), [(1, 2), (2, 4), (3, 8), (5, 32), (16, 32)])
def test_the_gas_of_relu(run, price, limbs, item):
    outcome = run("ACT_RL cap=6", maps=[ramp(100, limbs)])
    assert outcome.charged == price.items(100, limbs) + price.growth(100 * item, 200 * item)


@pytest.mark.parametrize(
    ("limbs", "limbs_product", "item"), [(1, 6, 2), (3, 8, 8), (11, 16, 32), (12, 16, 32)]
)
def test_the_gas_of_a_slope(run, price, limbs, limbs_product, item):
    """A numerator has up to 64 bits without a sign: 5 limbs, by which the product is longer."""
    outcome = run("ACT_RL slope_numerator=1 slope_denominator=3", maps=[ramp(100, limbs)])
    work = price.divided(100, limbs_product) + price.items(100, limbs_product)
    assert outcome.charged == work + price.growth(100 * item, 100 * item + 3200)


# Errors

ERRORS = [
    ("ACT_SM0 scale=0", DivisionByZero, "scale: expected 1 to 2^64 - 1, found 0"),
    ("ACT_SM1 scale=0", DivisionByZero, "scale: expected 1 to 2^64 - 1, found 0"),
    ("ACT_TANH scale=0", DivisionByZero, "scale: expected 1 to 2^64 - 1, found 0"),
    (
        "ACT_RL slope_numerator=1",
        DivisionByZero,
        "slope_denominator: expected at least 1, found 0",
    ),
    (
        "ACT_SM0 scale=1 group=3",
        ShapeError,
        "group: expected a divisor of the map's 4 items, found 3",
    ),
    (
        "ACT_SM0 scale=1 group=8",
        ShapeError,
        "group: expected a divisor of the map's 4 items, found 8",
    ),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors(run, text, error, message):
    run.fails(text, error, f"{text.split()[0]}: {message}", maps=[[1, 2, 3, 4]])


@pytest.mark.parametrize(
    ("mnemonic", "operand", "last"),
    [
        ("ACT_SM0", "scale", 1),
        ("ACT_SM1", "scale", 0),
        ("ACT_TANH", "scale", 0),
        ("ACT_RL", "cap", 2),
    ],
)
def test_a_field_without_a_name(run, mnemonic, operand, last):
    word = pack(*[1] * (last + 2))
    message = f"{mnemonic}: {operand}: expected no field beyond f{last}, found {word:#x}"
    run.fails(f"PUSH {word}\n{mnemonic}", OperandError, message, maps=[[1]])


@pytest.mark.parametrize("mnemonic", ["ACT_SM0", "ACT_SM1", "ACT_TANH", "ACT_RL"])
def test_the_operand_or_a_map_is_missing(run, mnemonic):
    message = f"{mnemonic}: Stack: expected 1 items, found 0"
    run.fails(mnemonic, OperandsMissing, message, maps=[[1]])
    message = f"{mnemonic}: Buffer: expected 1 maps, found 0"
    run.fails(f"PUSH 1\n{mnemonic}", MapMissing, message)
