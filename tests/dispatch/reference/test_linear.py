"""The reference's matrix product, by hand and by numpy's of Python integers."""

from __future__ import annotations

import numpy as np
import pytest

from smartvm.dispatch.reference import ReferenceBackend
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

BACKEND = ReferenceBackend()


def test_by_hand() -> None:
    a, b = Tensor.from_ints([1, 2, 3, 4, 5, 6]), Tensor.from_ints([7, 8, 9, 10, 11, 12])
    assert BACKEND.matmul(a, b, MatmulShape(2, 3, 2)).to_ints() == [58, 64, 139, 154]


@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
def test_transposed_operands(transpose_a: bool, transpose_b: bool) -> None:
    random = np.random.default_rng(1)
    a, b = random.integers(-99, 99, (3, 4)), random.integers(-99, 99, (4, 5))
    stored = [
        Tensor.from_array((matrix.T if transposed else matrix).copy())
        for matrix, transposed in ((a, transpose_a), (b, transpose_b))
    ]
    shape = MatmulShape(3, 4, 5, transpose_a, transpose_b)
    assert BACKEND.matmul(*stored, shape).to_ints() == (a @ b).reshape(-1).tolist()


def test_a_sum_wraps() -> None:
    high = Tensor.from_ints([1 << 254, 1 << 254])
    product = BACKEND.matmul(high, Tensor.from_ints([1, 1]), MatmulShape(1, 2, 1))
    assert product.to_ints() == [-(1 << 255)]
