"""Matrix products on every instruction set: few rows, many rows, and weights that fit a byte."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smartvm.dispatch.native.linear import plan_for
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

pytestmark = pytest.mark.usefixtures("instruction_set")


def noise(length: int, low: int, high: int, seed: int = 0) -> Tensor:
    return Tensor.from_array(np.random.default_rng(seed).integers(low, high + 1, length))


@given(
    rows=st.sampled_from([1, 2, 6, 7, 30]),
    inner=st.sampled_from([1, 5, 31, 32, 64, 130]),
    columns=st.sampled_from([1, 3, 7, 16, 33, 70, 300]),
    transposed=st.tuples(st.booleans(), st.booleans()),
    batch=st.sampled_from([1, 1, 2]),
    bits=st.sampled_from([4, 15, 16, 17, 29, 31, 40]),
)
def test_any_shape(agree, rows, inner, columns, transposed, batch, bits):
    shape = MatmulShape(rows, inner, columns, *transposed, batch)
    a = noise(batch * rows * inner, -(1 << bits) + 1, (1 << bits) - 1)
    b = noise(batch * inner * columns, -999, 999, 1)
    agree("matmul", a, b, shape, by="numpy")


@given(data=st.data(), inner=st.integers(1, 4))
def test_operands_next_to_powers_of_two(agree, edge_tensors, data, inner):
    shape = MatmulShape(2, inner, 3, transpose_b=True)
    a, b = data.draw(edge_tensors(2 * inner, 32)), data.draw(edge_tensors(3 * inner, 32))
    agree("matmul", a, b, shape)


@pytest.mark.parametrize("greatest", [127, 128])
@pytest.mark.parametrize("least", [-128, -129])
def test_weights_that_fit_a_byte_and_that_do_not(agree, thread_count, least, greatest):
    shape = MatmulShape(1, 1030, 1030, transpose_b=True)
    assert shape.macs > 1 << 20  # worth a copy in bytes, and two threads
    weights = noise(shape.macs, -9, 9)
    items = weights.data.copy()
    items[[3, -1]] = least, greatest
    agree("matmul", noise(1030, -30_000, 30_000), Tensor.from_array(items), shape, by="numpy")


@pytest.mark.parametrize("step", [-1, 0, 1])
def test_sums_next_to_int32(agree, step):
    half = (1 << 15) - 1
    a = Tensor.from_ints([half, half, (1 << 31) + step - 2 * half * half, -1])
    b = Tensor.from_ints([half, half, 1, 0, -half, -half, -1, 0])
    agree("matmul", a, b, MatmulShape(1, 4, 2, transpose_b=True))


def test_a_copy_in_bytes_is_counted():
    shape = MatmulShape(1, 1024, 1024, transpose_b=True)
    narrow = plan_for(noise(shape.macs, -9, 9), shape)
    wide = plan_for(noise(shape.macs, -999, 999), shape)
    assert narrow.nbytes - wide.nbytes == shape.macs
