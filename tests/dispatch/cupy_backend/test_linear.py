"""Matrix products on the tensor cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smartvm.dispatch.cupy_backend import linear, product
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

Agree = Callable[..., None]


@pytest.fixture(scope="module", autouse=True)
def _small_products_too() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(product, "LEAST_MACS", 0)
        yield


def noise(length: int, bits: int, seed: int = 0) -> Tensor:
    half = 1 << bits
    return Tensor.from_array(np.random.default_rng(seed).integers(-half, half, length))


@pytest.mark.parametrize("resident", [False, True])
@pytest.mark.parametrize("transpose_a", [False, True])
@pytest.mark.parametrize("transpose_b", [False, True])
@settings(max_examples=8)
@given(
    rows=st.sampled_from([1, 7, 8, 9, 40, 70]),
    inner=st.sampled_from([1, 4, 31, 33, 65]),
    columns=st.sampled_from([1, 16, 17, 66]),
    batch=st.integers(1, 3),
    bits=st.sampled_from([6, 14, 17, 30]),
)
def test_any_matrices(
    agree: Agree, resident: bool, transpose_a: bool, transpose_b: bool,
    rows: int, inner: int, columns: int, batch: int, bits: int,
) -> None:  # fmt: skip
    shape = MatmulShape(rows, inner, columns, transpose_a, transpose_b, batch)
    b = noise(batch * inner * columns, 14, 1)
    b.memo = {} if resident else None
    agree(linear.matmul, noise(batch * rows * inner, bits), b, shape)


def test_what_leaves_64_bits(agree: Agree) -> None:
    a, b = Tensor.from_ints([1 << 40, -3, 1 << 62, 5]), Tensor.from_ints([1 << 40, 7])
    agree(linear.matmul, a, b, MatmulShape(2, 2, 1))
