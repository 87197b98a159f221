"""What the instructions of the extension page charge, term by term."""

from __future__ import annotations

import pytest

from smartvm import gas

GREATEST, LEAST = 2**255 - 1, -(2**255)
LARGEST_SCALE = 2**64 - 1


def ramp(count: int, limbs: int = 1) -> list[int]:
    """`count` items, the greatest of them of just so many limbs."""
    return [0] * (count - 1) + [(1 << 16 * limbs - 1) - 1]


WIDTHS = pytest.mark.parametrize(("limbs", "item"), [(1, 2), (2, 4), (3, 8), (4, 8), (5, 32)])


@WIDTHS
def test_view(run, price, limbs, item):
    """By the items of the result, at the limbs of the whole map."""
    outcome = run("BUF_VIEW offset=0 d0=50 d1=3 s0=1", maps=[ramp(100, limbs)])
    growth = price.growth(100 * item, 250 * item)
    assert outcome.charged == price.items(150, limbs) + growth


@WIDTHS
def test_cat(run, price, limbs, item):
    """All at the limbs of the widest map, and something for each map."""
    outcome = run("BUF_CAT maps=2 outer=2", maps=[ramp(50, limbs), ramp(100)])
    growth = price.growth(50 * item + 200, 50 * item + 200 + 150 * item)
    assert outcome.charged == 2 * gas.JOINED_MAP + price.items(150, limbs) + growth


def test_gather_from_a_block(run, price):
    outcome = run("BUF_GATHER data=1[30x5]", maps=[[0, 29] * 50], blocks={1: ramp(150, 2)})
    looked_up = price.items(100) + price.cold_block(150, 4) + price.items(500, 2)
    assert outcome.charged == looked_up + price.growth(200, 200 + 2000)


def test_gather_from_a_map(run, price):
    outcome = run("BUF_GATHER data=map:1[100]", maps=[ramp(100, 5), [0] * 100])
    looked_up = price.items(100) + price.items(100, 5)
    assert outcome.charged == looked_up + price.growth(3400, 3400 + 3200)


@pytest.mark.parametrize(
    ("kind", "limbs", "item", "limbs_priced", "item_out"),
    [
        (0, 1, 2, 2, 4),
        (0, 4, 8, 5, 32),
        (0, 16, 32, 16, 32),
        (1, 1, 2, 1, 2),
        (2, 5, 32, 5, 32),
        (3, 1, 2, 1, 2),
        (12, 16, 32, 16, 2),
    ],
)
def test_reduce(run, price, kind, limbs, item, limbs_priced, item_out):
    """A sum is priced at the limbs of the result; an index is as wide as the axis is long."""
    outcome = run(f"BUF_REDUCE kind={kind} axis=10", maps=[ramp(1000, limbs)])
    growth = price.growth(1000 * item, 1000 * item + 100 * item_out)
    assert outcome.charged == price.items(1000, limbs_priced) + growth


def test_the_index_along_a_long_axis(run, price):
    outcome = run("BUF_REDUCE kind=3 axis=32769", maps=[ramp(32769)])
    assert outcome.charged == price.items(32769) + price.growth(65538, 65538 + 4)
    outcome = run("BUF_REDUCE kind=3 axis=32768", maps=[ramp(32768)])
    assert outcome.charged == price.items(32768) + price.growth(65536, 65536 + 2)


def test_bmm(run, price):
    """As MAT_MUL: the right operand pays for the products, then the result is written."""
    text = "MAT_BMM a=map:1[2x3] b=map:0[3x4] batch=10"
    outcome = run(text, maps=[ramp(60), ramp(120, 2)])
    products = price.macs(2 * 3 * 4 * 10, 1, 2) + price.items(80, 4)
    assert outcome.charged == products + price.growth(600, 600 + 80 * 8)


def test_bmm_with_a_block(run, price):
    text = "MAT_BMM a=1[2x3] b=2[3x4] batch=10"
    outcome = run(text, blocks={1: ramp(60), 2: ramp(120)})
    blocks = price.cold_block(60, 2) + price.cold_block(120, 2) + price.macs(240, 1, 1)
    assert outcome.charged == blocks + price.items(80, 3) + price.growth(0, 640)


@pytest.mark.parametrize(
    ("limbs_x", "item", "limbs_w", "limbs", "item_out"),
    [(1, 2, 1, 2, 4), (2, 4, 2, 4, 8), (3, 8, 2, 5, 32), (16, 32, 16, 16, 32)],
)
def test_mul(run, price, limbs_x, item, limbs_w, limbs, item_out):
    factors = ramp(50, limbs_w)
    outcome = run("BUF_MUL address=map:1[50x2]", maps=[factors, ramp(100, limbs_x)])
    work = price.items(100, limbs_x * limbs_w) + price.items(100, limbs)
    held = 50 * (32 if limbs_w == 16 else 2 * limbs_w) + 100 * item
    assert outcome.charged == work + price.growth(held, held + 100 * item_out)


@pytest.mark.parametrize(
    ("x", "item", "limbs", "item_out"),
    [
        (ramp(100), 2, 1, 2),
        (ramp(100, 4), 8, 4, 8),
        ([-(2**15)] * 100, 2, 2, 4),
        ([-(2**63)] * 100, 8, 5, 32),
        ([LEAST] * 100, 32, 16, 32),
    ],
    ids=["one limb", "four limbs", "the least of 16 bits", "of 64", "of 256"],
)
@pytest.mark.parametrize("rounding", [0, 1])
def test_div(run, price, x, item, limbs, item_out, rounding):
    """The quotient of the least number and −1 is wider than the number."""
    text = f"BUF_DIV address=1[50x2] rounding={rounding}"
    outcome = run(text, maps=[x], blocks={1: [3] * 49 + [1000]})
    growth = price.growth(100 * item, 100 * (item + item_out))
    assert outcome.charged == price.cold_block(50, 2) + price.divided(100, limbs + 1) + growth


@pytest.mark.parametrize(
    ("operands", "limbs", "item_out"),
    [("low=0 high=5", 2, 4), (f"low=-5 high={2**40}", 3, 8), (f"low={LEAST} high=0", 16, 32)],
)
def test_clip(run, price, operands, limbs, item_out):
    outcome = run(f"BUF_CLIP {operands}", maps=[ramp(100, 2)])
    assert outcome.charged == price.items(100, limbs) + price.growth(400, 400 + 100 * item_out)


EXP, LOG, SQRT, ERF = range(4)
DECIDED, EXACT = 100 // gas.ACTIVATIONS_PER_GAS, 100 * gas.FUNCTION_ITEM


@pytest.mark.parametrize(
    ("function", "scale", "greatest", "work", "item_out"),
    [
        (ERF, 1000, 5, DECIDED, 2),
        (ERF, 2**22 - 1, 5, DECIDED, 4),
        (ERF, 2**22, 5, EXACT, 4),
        (ERF, LARGEST_SCALE, 5, EXACT, 32),
        (LOG, 100, 5, DECIDED, 2),
        (LOG, 1000, 2**34 - 1, DECIDED, 4),  # √(2^34·1000) < 2^22
        (LOG, 1024, 2**34, EXACT, 4),
        (LOG, 2**62, GREATEST, EXACT, 32),
        (SQRT, 1000, 5, DECIDED, 2),
        (SQRT, 1, 2**30, DECIDED, 4),
        (SQRT, 1, (2**22 - 2) ** 2, DECIDED, 4),
        (SQRT, 1, (2**22 - 1) ** 2, EXACT, 4),
        (SQRT, 1, GREATEST, EXACT, 32),
        (EXP, 1000, 5, DECIDED, 2),  # at most 1000·2^1
        (EXP, 1000, 2666, DECIDED, 2),  # 1000·2^4
        (EXP, 1000, 2667, DECIDED, 2),  # 1000·2^5, which takes 15 bits
        (EXP, 1000, 3334, DECIDED, 4),  # 1000·2^6: 16 bits, and one for the sign
        (EXP, 1000, 7999, DECIDED, 4),  # 1000·2^12: 22 bits
        (EXP, 1000, 8000, EXACT, 4),  # 1000·2^13
        (EXP, 1, 100, EXACT, 32),  # 2^151
        (EXP, 1, 176, EXACT, 32),  # 2^255
    ],
)
def test_fun(run, price, function, scale, greatest, work, item_out):
    """By the bits of the scale and of a bound of the results, of log of √(item·scale)."""
    x = [1] * 99 + [greatest]
    item = next(bytes_ for bytes_ in (2, 4, 8, 32) if greatest < 2 ** (8 * bytes_ - 1))
    outcome = run(f"ACT_FUN scale={scale} function={function}", maps=[x])
    assert outcome.charged == work + price.growth(100 * item, 100 * (item + item_out))


def test_exp_of_items_below_zero(run, price):
    outcome = run("ACT_FUN scale=1000 function=0", maps=[[LEAST] * 100])
    assert outcome.charged == DECIDED + price.growth(3200, 3200 + 200)
