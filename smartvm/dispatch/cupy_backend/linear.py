"""Matrix products: on the tensor cores where they have a way, else on the ordinary ones.

The columns of b are the rows of the kernels' weights, the rows of a the cells of a plane; pairs of
matrices are groups. What leaves 64 bits is worked out in 256.
"""

from __future__ import annotations

from typing import Any

from smartvm.dispatch.cupy_backend import direct, product, wide_product
from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.cupy_backend.epilogue import NO_STAGES, Epilogue
from smartvm.dispatch.cupy_backend.packing import STEP, Side, pack_planes, pack_weights
from smartvm.dispatch.cupy_backend.product import (
    MOST_ITEMS,
    Product,
    Strides,
    fits_grid,
    product_domains,
    run_product,
)
from smartvm.dispatch.cupy_backend.sums import matmul_sums
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import MatmulShape

__all__ = ["fused", "matmul"]


def matmul(call: Call, a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor | None:
    """See `Backend.matmul`; shapes checked, gas paid."""
    found = fused(call, a, b, shape, NO_STAGES)
    return found[-1] if found else wide_product.matmul(call, a, b, shape)


def fused(
    call: Call, a: Tensor, b: Tensor, shape: MatmulShape, epilogue: Epilogue, *arguments: Any
) -> list[Tensor] | None:
    """A matrix product and the stages behind it: the result of each (`Epilogue.run`)."""
    found = on_tensor_cores(call, a, b, shape, epilogue, *arguments)
    return found or direct.matmul_fused(call, a, b, shape, epilogue, *arguments)


def on_tensor_cores(
    call: Call, a: Tensor, b: Tensor, shape: MatmulShape, epilogue: Epilogue, *arguments: Any
) -> list[Tensor] | None:
    """See `fused`; None where the tensor cores have no way."""
    if shape.macs < product.LEAST_MACS or not _fits(shape):
        return None
    limbs = product_domains(call, a, b, matmul_sums(b, shape), epilogue)
    if limbs is None:
        return None
    return run_product(call, _product(call, a, b, shape, limbs), epilogue, *arguments)


def _fits(shape: MatmulShape) -> bool:
    bytes_of_a = shape.batch * shape.rows * (shape.inner + STEP)
    counted = max(bytes_of_a, shape.out_items) <= MOST_ITEMS
    return counted and fits_grid(shape.columns, shape.batch, shape.inner)


def _product(
    call: Call, a: Tensor, b: Tensor, shape: MatmulShape, limbs: tuple[int, int]
) -> Product:
    """The product, its operands packed."""
    batch, rows, inner, columns = shape.batch, shape.rows, shape.inner, shape.columns
    a_side = (1, rows) if shape.transpose_a else (inner, 1)
    b_side = (inner, 1) if shape.transpose_b else (1, columns)
    planes = pack_planes(call, a, limbs[0], (batch, inner, rows), Side(rows * inner, *a_side))
    counts = batch, columns, inner, 1
    fragments = pack_weights(call, b, limbs[1], counts, Side(inner * columns, *b_side))
    strides = Strides(rows * columns, 1, 0, columns, 0)
    axes = (1, 1, rows, *(1, 1, 1), *(1, 1, 1), *(0, 0, 0), *(1, 1, 1), 1, 1, rows)
    return Product(planes, fragments, 1, batch, columns, axes, strides)
