"""Matrix products by weights: few rows read the weights as they are stored, many are a convolution.

Rows are then the pixels of a line and the inner axis its channels; the kernel has one cell.
"""

from __future__ import annotations

import numpy as np

from smartvm.dispatch.native.compiled import kernels
from smartvm.dispatch.native.convolution import convolution_plan, kept, latest
from smartvm.dispatch.native.products import Plan
from smartvm.dispatch.numpy_backend import linear
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

__all__ = ["matmul", "plan_for"]

_KEY = "native matmul"
_KEY_MANY = "native matmul of many rows"
_FEW_ROWS = 6
"""Rows up to which reading the weights for each is better than packing them."""
_EXTENT_LIMIT = 1 << 30


def matmul(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
    """See `Backend.matmul`; shapes checked, gas paid."""
    plan = plan_for(b, shape)
    if plan is not None:
        result = plan.run(a)
        if result is not None:
            return result[1]
    elif _is_wide_enough(b, shape):
        product = _many_rows(a, b, shape)
        if product is not None:
            return product
    return linear.matmul(a, b, shape)


def plan_for(b: Tensor, shape: MatmulShape) -> Plan | None:
    """The plan of a product with few rows, from the memo of the weights if they have one."""
    plan = latest(b, _KEY, shape)
    if plan is not None:
        return plan
    few = shape.rows <= _FEW_ROWS and shape.transpose_b and not shape.transpose_a
    if not few or shape.batch > 1 or b.item_bytes > 4:
        return None
    return kept(b, _KEY, shape, _make_few)


def _make_few(b: Tensor, shape: MatmulShape) -> Plan:
    compiled = kernels.MatrixVectorPlan(shape.rows, shape.inner, shape.columns, b.data)
    return Plan(compiled, shape.out_items, b)


def _is_wide_enough(b: Tensor, shape: MatmulShape) -> bool:
    """Whether there are the rows and columns that make up for laying them out."""
    sizes = (shape.rows * shape.inner, shape.inner * shape.columns, shape.rows * shape.columns)
    fits = b.item_bytes <= 4 and max(sizes) < _EXTENT_LIMIT
    return fits and shape.batch == 1 and min(shape.rows, shape.columns) > _FEW_ROWS


def _many_rows(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor | None:
    """The product as a convolution of a line of `rows` pixels."""
    if a.is_wide:
        return None
    stored = (
        a.data.reshape(shape.inner, -1) if shape.transpose_a else a.data.reshape(-1, shape.inner).T
    )
    x = Tensor(np.ascontiguousarray(stored).reshape(-1), a.bounds)
    found = kept(b, _KEY_MANY, shape, _make_many).run(x)
    if found is None:
        return None
    planes = found[1].data.reshape(shape.columns, shape.rows)
    return Tensor(np.ascontiguousarray(planes.T).reshape(-1), found[1].bounds)


def _make_many(b: Tensor, shape: MatmulShape) -> Plan:
    line = ConvShape(1, shape.inner, shape.columns, 1, (1, 1, shape.rows), (1, 1, 1))
    stored = b.data if shape.transpose_b else b.data.reshape(shape.inner, -1).T
    weights = Tensor(np.ascontiguousarray(stored).reshape(-1), b.bounds)
    return convolution_plan(weights, line)
