"""Windows of every kind on every instruction set, against numpy's axis-by-axis pooling."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import NO_PADDING, UNIT, PoolShape

pytestmark = pytest.mark.usefixtures("instruction_set")


def flat(before: int, after: int) -> tuple[tuple[int, int], tuple[int, int], tuple[int, int]]:
    """A padding of height and width."""
    return (0, 0), (before, after), (before, after)


SHAPES = {
    "2x2/2": PoolShape(3, (1, 28, 28), (1, 2, 2), (1, 2, 2)),
    "2x2/2 of odd planes": PoolShape(3, (1, 13, 15), (1, 2, 2), (1, 2, 2)),
    "3x3/2": PoolShape(2, (1, 55, 55), (1, 3, 3), (1, 2, 2)),
    "3x3/2, padded": PoolShape(2, (1, 56, 56), (1, 3, 3), (1, 2, 2), flat(1, 1)),
    "3x3/1, padded": PoolShape(2, (1, 14, 14), (1, 3, 3), UNIT, flat(1, 1)),
    "3x3/3, ceiling": PoolShape(2, (1, 14, 14), (1, 3, 3), (1, 3, 3), ceil_mode=True),
    "5x5/4": PoolShape(2, (1, 23, 70), (1, 5, 5), (1, 4, 4), flat(2, 2)),
    "2x2/5, far apart": PoolShape(2, (1, 23, 70), (1, 2, 2), (1, 5, 5)),
    "whole planes": PoolShape(40, (1, 7, 7), (1, 7, 7), UNIT),
    "planes of one cell": PoolShape(40, UNIT, UNIT, UNIT),
    "all three axes": PoolShape(2, (6, 7, 8), (2, 3, 2), (1, 2, 2), ((1, 0), (1, 1), (0, 1))),
    "dilated": PoolShape(2, (1, 20, 20), (1, 3, 3), (1, 2, 2), flat(1, 2), (1, 3, 3)),
    "dilated far": PoolShape(2, (1, 4, 300), (1, 2, 3), UNIT, NO_PADDING, (1, 1, 100)),
    "cropped": PoolShape(2, (1, 12, 12), (1, 3, 3), (1, 2, 2), flat(-2, -1)),
    "cropped and padded": PoolShape(2, (1, 12, 12), (1, 3, 3), (1, 2, 2), flat(-2, 1)),
    "counted padding": PoolShape(
        2, (1, 12, 12), (1, 3, 3), (1, 2, 2), flat(1, 1), count_padding=True
    ),
    "wide windows": PoolShape(2, (1, 3, 200), (1, 2, 90), (1, 1, 2), flat(1, 1)),
    "wider than a segment": PoolShape(2, (1, 3, 2_500), (1, 2, 3), (1, 1, 2), flat(1, 1)),
    "wider than a piece": PoolShape(1, (1, 2, 1_500), (1, 2, 1_200), (1, 1, 100)),
}


@pytest.mark.parametrize("bits", [15, 31, 40])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_pooling(agree, shape, bits):
    random = np.random.default_rng(1)
    x = Tensor.from_array(random.integers(-(1 << bits), 1 << bits, shape.in_items))
    agree("pool_max", x, shape, by="numpy")
    agree("pool_average", x, shape, by="numpy")


@pytest.mark.parametrize("value", [(1 << 15) - 1, -(1 << 15), 1 << 29, (1 << 31) - 1, -(1 << 31)])
@pytest.mark.parametrize("value_scale", [1, 1 << 32])
def test_sums_at_the_edge_of_their_type(agree, value, value_scale):
    """Windows of four equal extremes, whose sum may just pass 32 bits, or 64."""
    shape = PoolShape(1, (1, 2, 9), (1, 2, 2), UNIT, flat(1, 0), count_padding=True)
    agree("pool_average", Tensor.from_ints([value * value_scale] * 18), shape)


def test_maxima_may_need_a_narrower_form(agree):
    shape = PoolShape(1, (1, 2, 2), (1, 2, 2), (1, 2, 2))
    agree("pool_max", Tensor.from_ints([-(1 << 40), 1, 2, 3]), shape)


def test_steps_that_are_never_taken_may_be_of_any_length(agree):
    far = (1, 1, 1 << 63)
    shape = PoolShape(1, (1, 1, 5), UNIT, far, NO_PADDING, far, ceil_mode=True)
    agree("pool_max", Tensor.from_ints([5, 4, 3, 2, 1]), shape)


@pytest.mark.parametrize("kernel", ["pool_max", "pool_average"])
def test_large_maps_are_cut_among_threads(agree, thread_count, kernel):
    shape = PoolShape(37, (1, 60, 60), (1, 3, 3), (1, 2, 2), flat(1, 1))
    random = np.random.default_rng(2)
    x = Tensor.from_array(random.integers(-(1 << 20), 1 << 20, shape.in_items))
    agree(kernel, x, shape, by="numpy")
