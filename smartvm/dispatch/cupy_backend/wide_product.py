"""What leaves 64 bits, modulo 2²⁵⁶: products, and the sums and extremes of windows and axes.

A thread works out each result in 256 bits, from items in any form.
"""

from __future__ import annotations

from collections.abc import Callable

from smartvm.dispatch.cupy_backend import wide
from smartvm.dispatch.cupy_backend.calls import Call
from smartvm.dispatch.cupy_backend.direct import (
    convolution_fits,
    geometry_fields,
    matmul_fields,
    matmul_fits,
)
from smartvm.dispatch.tensor import WIDE_BYTES, Tensor
from smartvm.shapes import ConvShape, MatmulShape

__all__ = ["convolve", "launched", "matmul", "pooled", "reduced"]


def convolve(call: Call, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor | None:
    """See `Backend.convolve`; shapes checked, gas paid."""
    if not convolution_fits(shape):
        return None
    fields = (shape.out_items, *geometry_fields(shape))
    return _product(call, "convolve", (x, weights), shape.out_items, fields)


def matmul(call: Call, a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor | None:
    """See `Backend.matmul`; shapes checked, gas paid."""
    if not matmul_fits(shape):
        return None
    return _product(call, "matmul", (a, b), shape.out_items, matmul_fields(shape))


def pooled(call: Call, kernel: str, x: Tensor, count: int, geometry: tuple[int, ...]) -> Tensor:
    """The result of a pooling with so many windows, its geometry as the kernels' struct has it."""
    name = f"wide_product_windows.{kernel}"
    return _launched(call, name, (x,), count, (count, *geometry))


def reduced(call: Call, kernel: str, x: Tensor, fields: tuple[int, ...]) -> Tensor:
    """The result of a reduction; `fields` begin with the axis, as the kernels' struct has them."""
    count = len(x) // fields[0]
    return _launched(call, f"wide_product_windows.{kernel}", (x,), count, (count, *fields))


def launched(call: Call, count: int, launch: Callable[[int], None]) -> Tensor:
    """The result of a launch that puts so many wide items to an address."""
    memory = call.scratch(count * WIDE_BYTES)
    launch(memory.address)
    return wide.finish(call, memory, count)


def _product(
    call: Call, kernel: str, operands: tuple[Tensor, Tensor], count: int, fields: tuple[int, ...]
) -> Tensor:
    return _launched(call, f"wide_product.{kernel}", operands, count, fields)


def _launched(
    call: Call, kernel: str, operands: tuple[Tensor, ...], count: int, fields: tuple[int, ...]
) -> Tensor:
    """A kernel whose struct begins with its operands and the address of its result."""
    located = [field for operand in operands for field in call.operand(operand).located]

    def launch(address: int) -> None:
        call.launch(kernel, (*located, address, *fields), items=count)

    return launched(call, count, launch)
