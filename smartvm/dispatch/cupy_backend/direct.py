"""Products on the ordinary cores: all that 64-bit sums hold and the tensor cores have no way for.

Depthwise convolutions of small kernels have a kernel of their own; it keeps the weights of a
channel in registers and reads each row of the map once for several rows of the result.
"""

from __future__ import annotations

from math import prod
from typing import Any

from smartvm.dispatch.cupy_backend.calls import Call, Range
from smartvm.dispatch.cupy_backend.device import THREADS
from smartvm.dispatch.cupy_backend.epilogue import NO_STAGES, Epilogue, Fields
from smartvm.dispatch.cupy_backend.packing import ceil_div, geometry
from smartvm.dispatch.cupy_backend.sums import Sums, convolution_sums, matmul_sums
from smartvm.dispatch.stages import DIVIDE
from smartvm.dispatch.tensor import Tensor
from smartvm.shapes import ConvShape, MatmulShape

__all__ = [
    "MOST_ITEMS",
    "convolution_fits",
    "convolve",
    "convolve_fused",
    "geometry_fields",
    "matmul",
    "matmul_fields",
    "matmul_fits",
    "matmul_fused",
]

MOST_ITEMS = 1 << 31
"""Below it the kernels count items in 32 bits."""
MOST_EXTENT = 1 << 30
"""Of a padded axis, the same."""
_ROWS = 4
"""Channels out, or rows, that a thread works out together."""
_STRIP = 4
"""Rows of the result that a thread of the depthwise kernel works out."""
_LEAST_LANES = 64
"""Terms of a sum from which a warp may share it."""
_DEPTHWISE = {(3, 1): "31", (3, 2): "32", (5, 1): "51", (5, 2): "52"}
"""(kernel, stride) that the depthwise kernel has, with its name."""
_INT32_BYTES = 4


def convolve(call: Call, x: Tensor, weights: Tensor, shape: ConvShape) -> Tensor | None:
    """See `Backend.convolve`; shapes checked, gas paid."""
    found = convolve_fused(call, x, weights, shape, NO_STAGES)
    return found[-1] if found else None


def matmul(call: Call, a: Tensor, b: Tensor, shape: MatmulShape) -> Tensor | None:
    """See `Backend.matmul`; shapes checked, gas paid."""
    found = matmul_fused(call, a, b, shape, NO_STAGES)
    return found[-1] if found else None


def convolve_fused(
    call: Call,
    x: Tensor,
    weights: Tensor,
    shape: ConvShape,
    epilogue: Epilogue,
    *arguments: Any,
) -> list[Tensor] | None:
    """A convolution and the stages behind it: the result of each (`Epilogue.run`).

    Returns:
        None where 64 bits do not hold all, or 32 bits the number of items.
    """
    if not convolution_fits(shape):
        return None
    if not _in_64_bits(call, x, weights, convolution_sums(weights, shape), epilogue):
        return None
    operands = call.operand(x), call.operand(weights)
    if _is_depthwise(shape) and max(form.item_bytes for form in operands) <= _INT32_BYTES:
        kernel, units, fields = _depthwise(shape)
    else:
        kernel, units, fields = _general(shape)
    fixed = (*operands[0].located, *operands[1].located, units, *fields)
    return _run(call, kernel, fixed, units, shape.out_items, epilogue, *arguments)


def matmul_fused(
    call: Call, a: Tensor, b: Tensor, shape: MatmulShape, epilogue: Epilogue, *arguments: Any
) -> list[Tensor] | None:
    """A matrix product and the stages behind it; as `convolve_fused`."""
    if not matmul_fits(shape) or not _in_64_bits(call, a, b, matmul_sums(b, shape), epilogue):
        return None
    rows = _ROWS if shape.rows >= _ROWS else 1
    units = shape.batch * ceil_div(shape.rows, rows) * shape.columns
    lanes = _lanes(shape, units, call.device.processors)
    operands = call.operand(a), call.operand(b)
    fixed = (*operands[0].located, *operands[1].located, *matmul_fields(shape), lanes)
    kernel = f"direct.matmul_{rows}"
    return _run(call, kernel, fixed, units * lanes, shape.out_items, epilogue, *arguments)


def convolution_fits(shape: ConvShape) -> bool:
    """Whether 32 bits hold the kernels' counts of items and cells."""
    most = max(shape.in_items, shape.out_items, shape.weight_items)
    return most < MOST_ITEMS and max(map(_extent, range(3), [shape] * 3)) < MOST_EXTENT


def matmul_fits(shape: MatmulShape) -> bool:
    """The same of a matrix product."""
    sizes = shape.rows * shape.inner, shape.inner * shape.columns, shape.rows * shape.columns
    return shape.batch * max(sizes) < MOST_ITEMS


def geometry_fields(shape: ConvShape) -> tuple[int, ...]:
    """The fields of the kernels' struct Geometry."""
    ins, outs = shape.in_channels // shape.groups, shape.out_channels // shape.groups
    window = prod(shape.kernel)
    steps = (window, outs * window) if shape.transposed else (ins * window, window)
    counts = shape.batch, shape.groups, ins, outs
    return (*geometry(shape), shape.transposed, *counts, *steps)


def matmul_fields(shape: MatmulShape) -> tuple[int, ...]:
    """Batch, rows, inner, columns, and the steps through a and b."""
    a_steps = (1, shape.rows) if shape.transpose_a else (shape.inner, 1)
    b_steps = (1, shape.inner) if shape.transpose_b else (shape.columns, 1)
    return (shape.batch, shape.rows, shape.inner, shape.columns, *a_steps, *b_steps)


def _extent(axis: int, shape: ConvShape) -> int:
    """Cells of an axis with all its padding, or of all that a transposed convolution lays out."""
    walked, size, kernel = shape.out_size[axis], shape.size[axis], shape.kernel[axis]
    reach = (kernel - 1) * shape.dilation[axis] + 1
    if shape.transposed:
        walked, size = size, (size - 1) * shape.stride[axis] + reach
    return size + sum(map(abs, shape.padding[axis])) + walked


def _in_64_bits(call: Call, x: Tensor, weights: Tensor, sums: Sums, epilogue: Epilogue) -> bool:
    """Whether 64 bits hold all; the call keeps the ranges of the proof."""

    def proof(values: Range, weight_values: Range, *terms: Range) -> bool:
        return epilogue.fits(sums(values, weight_values), terms)

    if x.is_wide or weights.is_wide or any(addend.is_wide for addend in epilogue.addends):
        return False
    return call.domains(proof, x, weights, *epilogue.addends) is not None


def _run(
    call: Call,
    kernel: str,
    fixed: tuple[int, ...],
    threads: int,
    length: int,
    epilogue: Epilogue,
    *arguments: Any,
) -> list[Tensor]:
    """Launch a kernel that ends in an epilogue."""
    grid = ceil_div(threads, THREADS), 1, 1

    def launch(fields: Fields) -> None:
        call.launch(kernel, (*fixed, *fields), grid=grid)

    shrinks = any(stage.kind == DIVIDE for stage in epilogue.stages)
    return epilogue.run(call, length, 2 if shrinks else 4, launch, *arguments)


def _general(shape: ConvShape) -> tuple[str, int, tuple[int, ...]]:
    """Kernel, units of work and fields of any convolution."""
    outs = shape.out_channels // shape.groups
    rows = _ROWS if outs >= _ROWS else 1
    units = shape.batch * shape.groups * ceil_div(outs, rows) * prod(shape.out_size)
    return f"direct.convolve_{rows}", units, geometry_fields(shape)


def _is_depthwise(shape: ConvShape) -> bool:
    """Whether there is a kernel for these planes, each by itself."""
    return (
        shape.groups == shape.in_channels
        and not shape.transposed
        and shape.size[0] == shape.kernel[0] == shape.out_size[0] == 1
        and shape.padding[0] == (0, 0)
        and shape.kernel[1] == shape.kernel[2]
        and shape.stride[1] == shape.stride[2]
        and shape.dilation[1:] == (1, 1)
        and (shape.kernel[1], shape.stride[1]) in _DEPTHWISE
    )


def _depthwise(shape: ConvShape) -> tuple[str, int, tuple[int, ...]]:
    """The same of a depthwise convolution."""
    _, height, width = shape.out_size
    maps = shape.batch * shape.out_channels
    units = maps * ceil_div(height, _STRIP) * width
    counts = shape.out_channels, shape.out_channels // shape.groups
    before = shape.padding[1][0], shape.padding[2][0]
    name = _DEPTHWISE[shape.kernel[1], shape.stride[1]]
    fields = (*counts, *shape.size[1:], *before, height, width)
    return f"direct.depthwise_{name}", units, fields


def _lanes(shape: MatmulShape, units: int, processors: int) -> int:
    """How many threads share a sum: a warp where it reads b in order, or threads are few."""
    if shape.inner < _LEAST_LANES:
        return 1
    few = units < processors * THREADS * 4
    return 32 if shape.transpose_b or few else 1
