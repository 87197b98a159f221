"""The matrix product by its definition."""

from __future__ import annotations

from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape
from smartvm.words import wrap


def matmul(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
    """See `Backend.matmul`; shapes checked, gas paid."""
    left, right = a.to_ints(), b.to_ints()
    rows, inner, columns = shape.rows, shape.inner, shape.columns

    def a_at(batch: int, row: int, i: int) -> int:
        start = batch * rows * inner
        return left[start + (i * rows + row if shape.transpose_a else row * inner + i)]

    def b_at(batch: int, i: int, column: int) -> int:
        start = batch * inner * columns
        return right[start + (column * inner + i if shape.transpose_b else i * columns + column)]

    return Tensor.from_ints(
        wrap(sum(a_at(batch, row, i) * b_at(batch, i, column) for i in range(inner)))
        for batch in range(shape.batch)
        for row in range(rows)
        for column in range(columns)
    )
