"""Prices: what each function gives, and what no amount of gas can buy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm import gas
from smartvm.dispatch.tensor import form_bytes

BLOCK_GAS = 30_000_000
"""What one transaction can have, the gas limit of a block."""
GIBIBYTE = 1 << 30
BOUND = 1 << 64

counts = st.integers(0, 2**40)
limbs = st.integers(1, 16)


# The formulas


def test_arithmetic_is_priced_per_limb_product():
    rate = gas.LIMB_PRODUCTS_PER_GAS
    assert gas.multiply_accumulate(rate, 1, 1) == 1
    assert gas.multiply_accumulate(rate - 1, 1, 1) == 0
    assert gas.multiply_accumulate(10 * rate, 2, 3) == 60
    assert gas.multiply_accumulate(1, 16, 16) == 256 // rate


def test_items_are_priced_per_limb():
    assert gas.elementwise(gas.LIMBS_PER_GAS, 1) == 1
    assert gas.elementwise(gas.LIMBS_PER_GAS, 16) == 16
    assert gas.elementwise(gas.LIMBS_PER_GAS - 1, 1) == 0
    assert gas.divide(gas.LIMBS_PER_GAS_DIVIDE, 5) == 5
    assert gas.divide(gas.LIMBS_PER_GAS_DIVIDE - 1, 1) == 0


@pytest.mark.parametrize(
    ("scale", "each"), [(1, 1), (1000, 1), (2**22 - 1, 1), (2**22, 23), (2**64 - 1, 64)]
)
def test_sigmoid_and_tanh_are_priced_by_the_scale(scale, each):
    assert gas.logistic(gas.ACTIVATIONS_PER_GAS, scale) == each
    assert gas.logistic(100 * gas.ACTIVATIONS_PER_GAS, scale) == 100 * each


def test_functions_are_priced_by_the_bits():
    assert gas.function(8 * gas.ACTIVATIONS_PER_GAS, gas.DECIDED_BITS) == 8
    assert gas.function(8, gas.DECIDED_BITS + 1) == 8 * gas.FUNCTION_ITEM


def test_softmax_is_priced_by_what_its_items_can_need():
    """A chain of items gains the bits of the scale each, within 2/3 of a scale a bit."""
    assert gas.softmax_precision(group=3, scale=1000, spread=10**9) == 3 * 10
    assert gas.softmax_precision(group=99, scale=1000, spread=8000) == 12 + 10
    assert gas.softmax_precision(group=99, scale=1000, spread=0) == 10
    item = gas.SOFTMAX_ITEM + 10 * gas.SOFTMAX_SCALE_BIT + 300
    assert gas.softmax_item(10, 300) == item + 10 * 300**2 // gas.SOFTMAX_QUADRATIC_DENOMINATOR
    table = 10 * gas.SOFTMAX_TABLE_BIT
    assert gas.softmax(160, 10, 1000, 0) == table + 10 * gas.softmax_item(10, 10)


def test_bytes_are_priced_by_the_word():
    assert [gas.words(size) for size in (0, 1, 32, 33, 64)] == [0, 1, 1, 2, 2]
    assert gas.memory_copy(33) == 2 * gas.MEMORY_WORD
    assert gas.block_read(33) == 2 * gas.BLOCK_READ_WORD
    assert gas.block_access(cold=True) == gas.BLOCK_READ_COLD
    assert gas.block_access(cold=False) == gas.BLOCK_READ_WARM
    assert gas.block_write(5, exists=False) == gas.BLOCK_WRITE_NEW + 5 * gas.BLOCK_WRITE_BYTE
    assert gas.block_write(5, exists=True) == gas.BLOCK_WRITE_CHANGED + 5 * gas.BLOCK_WRITE_BYTE


def test_blocks_cost_what_slots_and_code_do():
    """EIP-2929 and EIP-2200 for the access, EIP-170's deposit for the bytes."""
    assert (gas.BLOCK_READ_COLD, gas.BLOCK_READ_WARM) == (2_100, 100)
    assert (gas.BLOCK_WRITE_NEW, gas.BLOCK_WRITE_CHANGED) == (22_100, 5_000)
    assert gas.BLOCK_WRITE_BYTE == 200


def test_the_buffer_costs_more_the_larger_it_is():
    linear = gas.BUFFER_WORD
    assert gas.buffer_size(0) == 0
    assert gas.buffer_size(1) == gas.buffer_size(32) == linear
    words = 1 << 20
    quadratic = words**2 // gas.BUFFER_QUADRATIC_DENOMINATOR
    assert gas.buffer_size(32 * words) == linear * words + quadratic


def test_only_growth_is_paid():
    assert gas.buffer_growth(100, 100) == 0
    assert gas.buffer_growth(100, 50) == 0
    assert gas.buffer_growth(0, 320) == gas.buffer_size(320)


@given(st.lists(counts, max_size=8))
def test_growth_costs_the_same_in_steps(sizes):
    """The peak is paid for once, on whatever way it is reached."""
    paid = total = 0
    for size in sizes:
        total += gas.buffer_growth(paid, size)
        paid = max(paid, size)
    assert total == gas.buffer_size(max(sizes, default=0))


@given(counts, counts, limbs, limbs)
def test_no_price_falls_as_the_operands_grow(less, more, limbs_x, limbs_w):
    less, more = sorted((less, more))
    for wide in (limbs_x, 16):
        assert gas.elementwise(less, limbs_x) <= gas.elementwise(more, wide)
        assert gas.divide(less, limbs_x) <= gas.divide(more, wide)
        cheap = gas.multiply_accumulate(less, limbs_x, limbs_w)
        assert cheap <= gas.multiply_accumulate(more, wide, limbs_w)
    assert gas.buffer_size(less) <= gas.buffer_size(more)
    assert gas.block_read(less) <= gas.block_read(more)


# The limbs of results


@given(limbs, st.integers(1, 2**64))
def test_the_limbs_of_a_sum_hold_it(limbs_x, terms):
    result = gas.sum_limbs(limbs_x, terms)
    assert limbs_x <= result <= 16
    assert result == 16 or terms * 2 ** (16 * limbs_x - 1) <= 2 ** (16 * result - 1)


@given(limbs, limbs, st.integers(1, 2**64))
def test_the_limbs_of_a_sum_of_products_hold_it(limbs_x, limbs_w, terms):
    result = gas.product_limbs(limbs_x, limbs_w, terms)
    largest = terms * 2 ** (16 * limbs_x - 1) * 2 ** (16 * limbs_w - 1)
    assert 1 <= result <= 16
    assert result == 16 or largest <= 2 ** (16 * result - 1) - 1


# What no amount of gas can buy


def most(price, gas_limit: int = BLOCK_GAS) -> int:
    """The greatest number whose price, which never falls, is within the limit."""
    low, high = 0, BOUND
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if price(middle) <= gas_limit else (low, middle)
    return low


@pytest.mark.parametrize("limbs", range(1, 17))
def test_one_frame_cannot_hold_a_gibibyte(limbs):
    """Items of every width in the form that holds them, by growth alone."""
    item = form_bytes(limbs)
    items = most(lambda count: gas.buffer_growth(0, count * item))
    assert 0 < items * item < GIBIBYTE


@pytest.mark.parametrize("depth", [1, 2, 32, 1024])
def test_all_frames_together_cannot_either(depth):
    """Each has a Buffer of its own, and pays its own quadratic term: it is linear that bounds."""
    each = most(gas.buffer_size, BLOCK_GAS // depth)
    assert each * depth < GIBIBYTE
    assert most(lambda size: gas.BUFFER_WORD * gas.words(size)) < GIBIBYTE


def test_memory_and_the_buffer_together_cannot_either():
    """Memory is paid for by Ethereum's formula; sharing the gas leaves less of both."""

    def memory(size: int) -> int:
        words = gas.words(size)
        return 3 * words + words**2 // 512

    for share in range(0, BLOCK_GAS + 1, BLOCK_GAS // 10):
        held = most(memory, share) + most(gas.buffer_size, BLOCK_GAS - share)
        assert held < GIBIBYTE


@pytest.mark.parametrize("item_bytes", range(1, 33))
def test_the_blocks_of_one_operand_cannot_either(item_bytes):
    """As they are stored, unpacked, and put together; a block has at most a mebibyte."""
    form = form_bytes((item_bytes + 1) // 2)
    block = (1 << 20) // item_bytes

    def price(items: int) -> int:
        return gas.BLOCK_READ_COLD * -(-items // block) + gas.block_read(items * form)

    assert most(price) * (item_bytes + 2 * form) < GIBIBYTE
