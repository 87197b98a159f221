"""The range of the sums of a product, from the ranges of its operands.

For weights that are resident it follows from the weights of each output; else from the greatest
magnitudes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from smartvm.dispatch.cupy_backend.calls import Range
from smartvm.dispatch.stages import product_range
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

__all__ = ["Sums", "convolution_sums", "matmul_sums"]

Sums = Callable[[Range, Range], Range]
"""The range of the sums, for items and weights in these ranges."""
_INT64 = 1 << 63


def convolution_sums(weights: Tensor, shape: ConvShape) -> Sums:
    """The range of the sums of a convolution, plain or transposed."""
    groups, outs = shape.groups, shape.out_channels // shape.groups
    stored = (groups, -1, outs) if shape.transposed else (groups, outs, -1)
    window = shape.weight_items // shape.in_channels // outs
    dims = (*stored, window)
    return _sums(weights, dims, (1, 3) if shape.transposed else (2, 3), shape.terms)


def matmul_sums(b: Tensor, shape: MatmulShape) -> Sums:
    """The range of the sums of a matrix product, `b` being its weights."""
    stored = (shape.columns, shape.inner) if shape.transpose_b else (shape.inner, shape.columns)
    return _sums(b, (-1, *stored), (2 if shape.transpose_b else 1,), shape.inner)


def _sums(weights: Tensor, dims: tuple[int, ...], axes: tuple[int, ...], terms: int) -> Sums:
    def by_magnitude(values: Range, weight_values: Range) -> Range:
        most = max(map(abs, values)) * max(map(abs, weight_values)) * terms
        return -most, most

    def by_weights(values: Range, _: Range) -> Range:
        return product_range(values, *_signed_sums(weights, dims, axes))

    known = weights.memo is not None and weights.magnitude * terms < _INT64
    return by_weights if known else by_magnitude


def _signed_sums(weights: Tensor, dims: tuple[int, ...], axes: tuple[int, ...]) -> tuple[int, int]:
    """The greatest Σw⁺ and Σw⁻ along some axes of resident weights seen in these dimensions."""
    memo = weights.memo
    assert memo is not None
    key = ("cupy", "sums", dims, axes)
    if key not in memo:
        items = weights.data.reshape(dims)
        positive = np.where(items > 0, items, 0).sum(axes, np.int64)
        negative = np.where(items < 0, items, 0).sum(axes, np.int64)
        memo[key] = int(positive.max()), -int(negative.min())
    found: tuple[int, int] = memo[key]
    return found
