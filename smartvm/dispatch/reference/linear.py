"""The matrix product by its definition."""

from __future__ import annotations

from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape
from smartvm.words import wrap


def matmul(a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor:
    """See `Backend.matmul`; shapes checked, gas paid."""
    left, right = a.to_ints(), b.to_ints()
    rows, inner, columns = shape.rows, shape.inner, shape.columns

    def a_at(row: int, i: int) -> int:
        return left[i * rows + row if shape.transpose_a else row * inner + i]

    def b_at(i: int, column: int) -> int:
        return right[column * inner + i if shape.transpose_b else i * columns + column]

    return Tensor.from_ints(
        wrap(sum(a_at(row, i) * b_at(i, column) for i in range(inner)))
        for row in range(rows)
        for column in range(columns)
    )
