"""Views, blocks and ratios."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.compiler.lowering.arithmetic import (
    Block,
    block_of,
    factor_scale,
    ratio_of,
    row_major,
)
from smartvm.compiler.lowering.arithmetic import _merged as merged


@pytest.mark.parametrize(
    ("shape", "block"),
    [
        ((4,), Block((4,), (4,), 1)),
        ((3, 1), Block((3,), (3,), 4)),
        ((2, 1, 1), Block((2,), (2,), 12)),
        ((2, 1, 4), Block((2, 1, 4), (2, 3, 4), 1)),
        ((1, 1, 1), Block((), (), 24)),
        ((), Block((), (), 24)),
    ],
)
def test_the_axes_that_an_operand_spans(shape, block) -> None:
    assert block_of(shape, (2, 3, 4)) == block


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_a_block_broadcasts_as_numpy_does(whole, data) -> None:
    shape = tuple(data.draw(st.sampled_from([1, length])) for length in whole)
    operand = np.arange(np.prod(shape)).reshape(shape)
    block = block_of(shape, tuple(whole))
    channels = np.broadcast_to(operand.reshape(block.own), block.full).reshape(-1)
    seen = np.tile(
        np.repeat(channels, block.plane), np.prod(whole) // (channels.size * block.plane)
    )
    assert (seen.reshape(whole) == np.broadcast_to(operand, whole)).all()


@given(st.permutations(range(4)), st.lists(st.integers(1, 3), min_size=4, max_size=4))
def test_merged_axes_name_the_same_items(order, shape) -> None:
    items = np.arange(np.prod(shape))
    dims = [shape[axis] for axis in order]
    strides = [row_major(shape)[axis] for axis in order]
    lengths, steps = zip(*merged(dims, strides), strict=True)
    assert len(lengths) <= 4
    seen = np.lib.stride_tricks.as_strided(items, lengths, [8 * step for step in steps])
    assert (seen.reshape(-1) == items.reshape(shape).transpose(order).reshape(-1)).all()


@pytest.mark.parametrize(
    ("number", "ratio"),
    [
        (np.float32(0.1).item(), Fraction(1, 10)),
        (1 / 3, Fraction(1, 3)),
        (-0.01, Fraction(-1, 100)),
        (1.0, Fraction(1)),
        (0.0, Fraction(0)),
        (np.float32(0.044715).item(), Fraction(4051, 90596)),
    ],
)
def test_plain_numbers_are_plain_ratios(number: float, ratio: Fraction) -> None:
    assert ratio_of(number) == ratio


@given(st.floats(1e-30, 1e30))
def test_a_ratio_is_as_near_as_float32(number: float) -> None:
    assert abs(ratio_of(number) / Fraction(number) - 1) <= Fraction(1, 1 << 24)


@given(st.lists(st.floats(1e-9, 1e9), min_size=1), st.integers(1, 1 << 20))
def test_factors_have_bits_enough_and_fit(factors: list[float], least: int) -> None:
    scale = factor_scale(np.array(factors), least)
    assert max(factors) * scale < 1 << 62
    assert scale == 1 or min(factors) * scale >= 1 << 15 or max(factors) * scale >= 1 << 60
