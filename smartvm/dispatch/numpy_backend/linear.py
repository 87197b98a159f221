"""The matrix product: one group of one row a column of b, one column a row of a."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.numpy_backend.products import choose, multiply
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape


def matmul(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
    """See `Backend.matmul`; shapes checked, gas paid.

    b is the left operand, as b·a transposed: it is the one that holds the weights, is large and
    is used again.
    """
    arithmetic = choose(a, b, _left(b.data, shape), shape.rows)
    right = _matrix(arithmetic.view(a), shape.rows, shape.inner, shape.transpose_a)
    left = _left(arithmetic.view(b), shape)
    result = multiply(arithmetic, left, np.swapaxes(right, 1, 2), b.memo)
    return to_tensor(np.swapaxes(result[0], 0, 1))


def _left(items: Array, shape: MatmulShape) -> Array:
    return _matrix(items, shape.columns, shape.inner, not shape.transpose_b)


def _matrix(items: Array, rows: int, columns: int, transposed: bool) -> Array:
    """Items (and their limbs) as (1, rows, columns), which are stored transposed or as they are."""
    if not transposed:
        return items.reshape(1, rows, columns, *items.shape[1:])
    return np.swapaxes(items.reshape(1, columns, rows, *items.shape[1:]), 1, 2)
