"""Item by item, at the edges of forms and where a divisor is hardest, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.native import elementwise
from smartvm.dispatch.tensor import Tensor

pytestmark = pytest.mark.usefixtures("instruction_set")

CHANNELS = ((1, 24), (24, 1), (3, 8), (2, 3), (1, 1))
"""(channels, plane) of maps of 24 items; (1, 1) is one item for all."""
EDGES = (15, 31, 63)
DIVISORS = sorted(
    {1, 3, 5, 7, 10, 641, 1000, 1 << 32, (1 << 64) - 1}
    | {(1 << bits) + step for bits in (1, 2, 8, 15, 16, 31, 32, 33, 62, 63) for step in (-1, 0, 1)}
)


@given(data=st.data(), shape=st.sampled_from(CHANNELS))
def test_add_and_multiply_by(agree, edge_tensors, data, shape):
    channels, plane = shape
    x, other = data.draw(edge_tensors(24)), data.draw(edge_tensors(channels))
    agree("add", x, other, plane)
    agree("multiply_by", x, other, plane)


@pytest.mark.parametrize("bits", EDGES)
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_that_just_fit_a_form_and_that_just_do_not(agree, bits, sign):
    for step in (-2, -1, 0, 1):
        half = sign * ((1 << bits - 1) + step)
        x, addend = Tensor.from_ints([half, 0, half]), Tensor.from_ints([half, sign, 0])
        agree("add", x, addend, 1)
        agree("add", x, Tensor.from_ints([half]), 3)


def test_a_sum_of_large_terms_may_be_small(agree):
    x = Tensor.from_ints([1 << 40, (1 << 40) + 5])
    agree("add", x, Tensor.from_ints([-(1 << 40)]), 2)


@given(data=st.data(), factor=st.sampled_from((0, 1, -1, 3, -1000, 1 << 15, -(1 << 31), 1 << 63)))
def test_multiply(agree, edge_tensors, data, factor):
    agree("multiply", data.draw(edge_tensors(9)), factor)


@pytest.mark.parametrize("divisor", DIVISORS)
@pytest.mark.parametrize("nearest", [False, True])
def test_the_dividends_that_a_divisor_finds_hardest(agree, divisor, nearest):
    """Next to multiples and to ties, and the last of them that each form has."""
    values = {0, 1, -1}
    for bits in EDGES:
        last = ((1 << bits) - 1) // divisor * divisor
        around = {last, last + divisor // 2, last - divisor // 2, divisor, (1 << bits) - 1}
        values |= {
            sign * value + step for value in around for step in (-1, 0, 1) for sign in (1, -1)
        }
        values.add(-(1 << bits))
        fits = [value for value in values if -(1 << bits) <= value < 1 << bits]
        agree("divide", Tensor.from_ints(fits), divisor, nearest)


@pytest.mark.parametrize("divisor", [2, 3, 7, 1000, 1024, 12345, 32767, 32768, 65535])
@pytest.mark.parametrize("nearest", [False, True])
def test_every_dividend_of_16_bits(divisor, nearest):
    values = np.arange(-(1 << 15), 1 << 15)
    quotient, remainder = np.divmod(np.abs(values), divisor)
    if nearest:
        quotient += 2 * remainder + quotient % 2 > divisor
    found = elementwise.divide(Tensor.from_array(values), divisor, nearest)
    assert found == Tensor.from_array(quotient * np.sign(values))


@given(data=st.data(), shape=st.sampled_from((*CHANNELS, (1, 20))), nearest=st.booleans())
def test_divide_by(agree, edge_tensors, data, shape, nearest):
    channels, plane = shape
    x = data.draw(edge_tensors(channels * plane * 2))
    divisors = Tensor.from_ints([value or 3 for value in data.draw(edge_tensors(channels))])
    agree("divide_by", x, divisors, plane, nearest)


@given(data=st.data())
def test_clip(agree, edge_tensors, data):
    low, high = sorted(data.draw(edge_tensors(2)))
    agree("clip", data.draw(edge_tensors(9)), low, high)


slopes = st.sampled_from(
    ((0, 1), (1, 1), (2, 1), (1, 10), (1 << 31, 3), (1, 1 << 40), (3, 1 << 63))
)


@given(data=st.data(), cap=st.sampled_from((0, 6, 1 << 15, 1 << 31, 1 << 63)), slope=slopes)
def test_relu(agree, edge_tensors, data, cap, slope):
    agree("relu", data.draw(edge_tensors(9)), cap, slope)


@pytest.mark.parametrize("bits", [15, 31, 40])
def test_large_maps_are_cut_among_threads(agree, thread_count, bits):
    """200,000 items: channels of 1,000, and rows of 2,000, are cut in their middle."""
    random = np.random.default_rng(bits)
    x = Tensor.from_array(random.integers(-(1 << bits), 1 << bits, 200_000))
    channels = Tensor.from_array(random.integers(1, 1 << 20, 200))
    row = Tensor.from_array(random.integers(1, 1 << 20, 2_000))
    for other, plane in ((channels, 1_000), (row, 1)):
        agree("add", x, other, plane, by="numpy")
        agree("multiply_by", x, other, plane, by="numpy")
        agree("divide_by", x, other, plane, True, by="numpy")
    agree("multiply", x, -3, by="numpy")
    agree("divide", x, 1000, False, by="numpy")
    agree("relu", x, 6_000, (1, 10), by="numpy")
    agree("clip", x, -100, 100, by="numpy")


def test_items_with_gaps_between_them_are_read_as_they_are(agree):
    every_other = Tensor.from_array(np.arange(40, dtype=np.int16))[::2]
    agree("multiply", every_other, 7)
    agree("add", every_other, every_other, 1)


def test_a_result_that_is_the_map_is_not_copied():
    x = Tensor.from_ints([1, 2, 3])
    assert elementwise.divide(x, 1, True) is x
    assert elementwise.clip(x, 0, 9) is x
    assert elementwise.relu(x, 0, (0, 1)) is x


@pytest.mark.parametrize(
    "kernel, terms", [("multiply", (3,)), ("divide", (7, True)), ("clip", (2, 3))]
)
def test_no_items(agree, kernel, terms):
    agree(kernel, Tensor.zeros(0), *terms)
