"""The reference's views, joins, look-ups and reductions, by hand and by numpy."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.dispatch.movement import Reduction
from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor

BACKEND = ReferenceBackend()
SIX = Tensor.from_ints(range(6))
HIGHEST, LOWEST = (1 << 255) - 1, -(1 << 255)

VIEWS = {
    "all": (0, (6,), (1,), [0, 1, 2, 3, 4, 5]),
    "transposed": (0, (3, 2), (1, 3), [0, 3, 1, 4, 2, 5]),
    "reversed": (5, (6,), (-1,), [5, 4, 3, 2, 1, 0]),
    "a slice with a step": (1, (2,), (3,), [1, 4]),
    "one item": (4, (), (), [4]),
    "repeated": (2, (2, 2), (0, 1), [2, 3, 2, 3]),
    "each twice": (0, (3, 2), (1, 0), [0, 0, 1, 1, 2, 2]),
    "overlapping windows": (0, (4, 3), (1, 1), [0, 1, 2, 1, 2, 3, 2, 3, 4, 3, 4, 5]),
}


@pytest.mark.parametrize(("offset", "dims", "strides", "result"), VIEWS.values(), ids=VIEWS.keys())
def test_view(
    offset: int, dims: tuple[int, ...], strides: tuple[int, ...], result: list[int]
) -> None:
    assert BACKEND.view(SIX, offset, dims, strides).to_ints() == result


def test_depth_to_space() -> None:
    """Blocks of 2 × 2 of channels become pixels, as numpy's reshape and transpose have it."""
    x = np.arange(4 * 3 * 2 * 2).reshape(2, 2, 3, 2, 2)  # block, block, channel, height, width
    expected = x.transpose(2, 3, 0, 4, 1).reshape(-1).tolist()
    strides = tuple(step // x.itemsize for step in x.strides)
    order = tuple(strides[axis] for axis in (2, 3, 0, 4, 1))
    result = BACKEND.view(Tensor.from_array(x), 0, (3, 2, 2, 2, 2), order)
    assert result.to_ints() == expected


def test_concatenate() -> None:
    parts = [Tensor.from_ints(items) for items in ([1, 2], [3, 4, 5, 6], [7, 8])]
    assert BACKEND.concatenate(parts, 1).to_ints() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert BACKEND.concatenate(parts, 2).to_ints() == [1, 3, 4, 7, 2, 5, 6, 8]


def test_gather() -> None:
    indices = Tensor.from_ints([2, 0, -1, -3])
    assert BACKEND.gather(indices, SIX, 2).to_ints() == [4, 5, 0, 1, 4, 5, 0, 1]
    assert BACKEND.gather(indices, SIX, 1).to_ints() == [2, 0, 5, 3]


REDUCTIONS = {
    Reduction.SUM: [9, 8, 15, 1],
    Reduction.MAX: [5, 4, 8, 6],
    Reduction.MIN: [-1, 0, -1, -6],
    Reduction.ARG_MAX: [0, 1, 0, 2],
    Reduction.ARG_MIN: [1, 0, 2, 0],
    Reduction.LAST_ARG_MAX: [2, 3, 1, 2],
    Reduction.LAST_ARG_MIN: [1, 2, 2, 0],
}


@pytest.mark.parametrize("kind", Reduction, ids=lambda kind: kind.name)
def test_reduce(kind: Reduction) -> None:
    """Two groups of four rows of two."""
    groups = [[[5, 0], [-1, 4], [5, 0], [0, 4]], [[8, -6], [8, 0], [-1, 6], [0, 1]]]
    x = Tensor.from_ints(item for group in groups for row in group for item in row)
    assert BACKEND.reduce(x, kind, 4, 2).to_ints() == REDUCTIONS[kind]


def test_a_sum_wraps() -> None:
    x = Tensor.from_ints([HIGHEST, 1, LOWEST, -1])
    assert BACKEND.reduce(x, Reduction.SUM, 2, 1).to_ints() == [LOWEST, HIGHEST]


def test_an_axis_of_one() -> None:
    assert BACKEND.reduce(SIX, Reduction.MAX, 1, 1) == SIX
    assert BACKEND.reduce(SIX, Reduction.ARG_MAX, 1, 1) == Tensor.zeros(6)
