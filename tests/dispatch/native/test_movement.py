"""Views, joined maps and looked up rows, on every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.native import movement
from smartvm.dispatch.tensor import Tensor
from smartvm.exceptions import ItemRangeError

pytestmark = pytest.mark.usefixtures("instruction_set")

VIEWS = {
    "the map": (0, (24,), (1,)),
    "the map in two axes": (0, (4, 6), (6, 1)),
    "a slice": (5, (3, 4), (6, 1)),
    "a transposed matrix": (0, (6, 4), (1, 6)),
    "reversed": (23, (24,), (-1,)),
    "repeated": (3, (5, 4), (0, 1)),
    "each item repeated": (3, (4, 5), (1, 0)),
    "one item": (7, (), ()),
    "axes of one index": (7, (1, 2, 1), (1 << 70, 3, -(1 << 70))),
    "channels last": (0, (2, 4, 3), (12, 1, 4)),
    "eight axes": (0, (2, 1, 2, 1, 2, 1, 3, 1), (12, 0, 6, 0, 3, 0, 1, 0)),
}


@pytest.mark.parametrize("offset, dims, strides", VIEWS.values(), ids=VIEWS)
@given(data=st.data())
def test_view(agree, edge_tensors, offset, dims, strides, data):
    agree("view", data.draw(edge_tensors(24)), offset, dims, strides)


@given(data=st.data(), outer=st.sampled_from([1, 2, 3]))
def test_concatenate(agree, edge_tensors, data, outer):
    rows = data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=4))
    agree("concatenate", [data.draw(edge_tensors(outer * row)) for row in rows], outer)


@given(data=st.data(), columns=st.sampled_from([1, 3]))
def test_gather(agree, edge_tensors, data, columns):
    rows = data.draw(st.integers(1, 4))
    indices = data.draw(st.lists(st.integers(-rows, rows - 1), max_size=6))
    agree("gather", Tensor.from_ints(indices), data.draw(edge_tensors(rows * columns)), columns)


def test_an_index_beyond_the_rows_is_named():
    with pytest.raises(ItemRangeError, match="indices: expected from -2 to 1"):
        movement.gather(Tensor.from_ints([2]), Tensor.zeros(4), 2)


@pytest.mark.parametrize("bits", [15, 31, 62])
def test_large_maps_are_cut_among_threads(agree, thread_count, bits):
    x = Tensor.from_array(np.random.default_rng(3).integers(-(1 << bits), 1 << bits, 120_000))
    agree("view", x, 0, (300, 400), (1, 300), by="numpy")
    agree("view", x, 7, (2, 50_000), (60_000, 1), by="numpy")
    indices = Tensor.from_array(np.random.default_rng(4).integers(-300, 300, 500))
    agree("gather", indices, x, 400, by="numpy")
    agree("concatenate", [x, Tensor.zeros(300), x], 300, by="numpy")
