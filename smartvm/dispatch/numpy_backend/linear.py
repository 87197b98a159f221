"""Matrix products a·b, or bᵀ·aᵀ transposed: whichever reads b, the weights, as it is stored."""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.numpy_backend.forms import to_tensor
from smartvm.dispatch.numpy_backend.limbs import Array
from smartvm.dispatch.numpy_backend.products import FEW_PRODUCTS, bound_of, choose, multiply
from smartvm.dispatch.reference import linear as reference
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape


def matmul(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
    """See `Backend.matmul`; shapes checked, gas paid."""
    weights = np.swapaxes(
        _stored(b.data, shape.batch, shape.transpose_b, shape.inner, shape.columns), 1, 2
    )
    bound = bound_of(a, b, weights, shape.rows)
    left, right = (b, a) if shape.transpose_b else (a, b)
    arithmetic = choose(bound, left, right)
    if arithmetic.planes > 1 and shape.macs <= FEW_PRODUCTS:
        return reference.matmul(a, b, shape)
    x = _stored(arithmetic.view(a), shape.batch, shape.transpose_a, shape.rows, shape.inner)
    y = _stored(arithmetic.view(b), shape.batch, shape.transpose_b, shape.inner, shape.columns)
    if not shape.transpose_b:
        return to_tensor(multiply(arithmetic, x, y, None))
    x, y = np.swapaxes(x, 1, 2), np.swapaxes(y, 1, 2)
    return to_tensor(np.swapaxes(multiply(arithmetic, y, x, b.memo), 1, 2))


def _stored(items: Array, batch: int, transposed: bool, rows: int, columns: int) -> Array:
    """A view of items as `batch` matrices, (batch, rows, columns[, limbs])."""
    if transposed:
        return np.swapaxes(items.reshape(batch, columns, rows, *items.shape[1:]), 1, 2)
    return items.reshape(batch, rows, columns, *items.shape[1:])
